/**
 * Plain tables and the few formats of the CLI's human output. No colours and no lines: it stays readable in a log, and
 * `awk` can read it.
 */
export type Align = 'left' | 'right'

export interface Column {
  readonly title: string
  readonly align?: Align
}

/** Lines of a table: titles in capitals, columns two spaces apart, no trailing blanks. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => pad(cells[index] ?? '', widths[index] ?? 0, align ?? 'left'))
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ title }) => title.toUpperCase())), ...rows.map(line)].join('\n')
}

/** `features float32[n,12]`, as signatures are written everywhere in the CLI. */
export function formatField(field: { name: string; dtype: string; shape: readonly (number | null)[] }): string {
  return `${field.name} ${field.dtype}[${field.shape.map((dim) => dim ?? 'n').join(',')}]`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB'] as const

/** Three significant digits at most: `512 B`, `1.5 KiB`, `429 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit] ?? 'B'}`
}

/** `2026-11-21 08:30:05`, UTC. */
export function formatTime(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ')
}

/** `cuda:1, cpu`; `-`: whatever the server runs models on. */
export function placementText(version: {
  readonly providers?: readonly string[]
  readonly device_id?: number
}): string {
  const { providers, device_id: device } = version
  if (providers === undefined) return '-'
  return providers.map((name) => (name === 'cuda' && device !== undefined ? `cuda:${device}` : name)).join(', ')
}

function pad(text: string, width: number, align: Align): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width)
}
