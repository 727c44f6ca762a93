/** Numbers as people read them, in the terminal and in the report. */

/** 1234567 → `1.23M`; 12345 → `12.3k`; 123.4 → `123`; 1.234 → `1.23`. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const [scaled, unit] = value >= 1e6 ? [value / 1e6, 'M'] : value >= 1e4 ? [value / 1e3, 'k'] : [value, '']
  if (unit === '' && Number.isInteger(value)) return String(value)
  return `${Number(scaled.toPrecision(3))}${unit}`
}

/** Microseconds → milliseconds with three digits: `0.123`, `12.3`, `1230`. */
export function formatMs(us: number): string {
  if (!Number.isFinite(us)) return '-'
  const ms = us / 1000
  return ms >= 100 ? ms.toFixed(0) : String(Number(ms.toPrecision(3)))
}

/** Seconds of a phase or of a run: `500 ms`, `10 s`. */
export function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${Number((seconds * 1000).toPrecision(3))} ms` : `${Number(seconds.toPrecision(4))} s`
}

/** `120 MB`; '-' where it is unknown. */
export function formatMegabytes(bytes: number): string {
  return bytes < 0 ? '-' : `${(bytes / 1e6).toFixed(0)} MB`
}

const SPARKS = '▁▂▃▄▅▆▇█'

/** One character a value, the lowest to the highest of them; zero is always the lowest. */
export function sparkline(values: readonly number[]): string {
  const max = Math.max(...values, 0)
  return values.map((value) => SPARKS[max === 0 ? 0 : Math.round((value / max) * (SPARKS.length - 1))]).join('')
}
