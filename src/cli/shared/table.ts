/**
 * Plain tables and the few formats of the CLI's human output. No colours and no lines: it stays readable in a log, and
 * `awk` can read it.
 */
export type Align = 'left' | 'right'

export interface Column {
  readonly title: string
  readonly align?: Align
  /** True: what names a row, or a number, which nobody recognises by half. It is cut when nothing else can be. */
  readonly isKept?: boolean
  /** What the column shrinks to before any is cut. */
  readonly short?: { readonly title: string; readonly of: (cell: string) => string }
}

/**
 * Lines of a table: titles in capitals, columns two spaces apart, no trailing blanks.
 * @param widthMax columns take their short form, then the widest are cut until a line fits, and what is cut ends in …;
 *   0: none is.
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], widthMax = 0): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  )
  const room = widthMax - 2 * (columns.length - 1)
  if (widthMax > 0 && sum(widths) > room) {
    if (columns.some(({ short }) => short !== undefined)) return formatTable(...shortened(columns, rows), widthMax)
    fit(widths, columns, room)
  }
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => pad(clip(cells[index] ?? '', widths[index] ?? 0), widths[index] ?? 0, align ?? 'left'))
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

function shortened(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): [columns: readonly Column[], rows: readonly (readonly string[])[]] {
  return [
    columns.map(({ short, ...column }) => ({ ...column, title: short?.title ?? column.title })),
    rows.map((row) => row.map((cell, index) => columns[index]?.short?.of(cell) ?? cell)),
  ]
}

/** Takes from the widest column until the sum fits, from those that are kept last; a column keeps a few characters. */
function fit(widths: number[], columns: readonly Column[], room: number): void {
  for (const isLast of [false, true]) {
    const indexes = widths.flatMap((_, index) => ((columns[index]?.isKept ?? false) === isLast ? [index] : []))
    for (let excess = sum(widths) - room; excess > 0 && indexes.length > 0; excess--) {
      const widest = indexes.reduce((best, index) => ((widths[index] ?? 0) > (widths[best] ?? 0) ? index : best))
      if ((widths[widest] ?? 0) <= columnWidthMin) break
      widths[widest] = (widths[widest] ?? 0) - 1
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

const columnWidthMin = 6

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

function pad(text: string, width: number, align: Align): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width)
}

const CLASSES_SHOWN = 12

/** All of a few, the first of many. */
export function classesText(classes: readonly (string | number)[]): string {
  const shown = classes.slice(0, CLASSES_SHOWN).join(', ')
  return classes.length > CLASSES_SHOWN ? `${shown}, … (${classes.length})` : shown
}
