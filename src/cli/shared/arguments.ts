/** Readers of arguments and options, in the form that commander calls; what they refuse is wrong usage. */
import { InvalidArgumentError } from 'commander'

/** An integer of at least 1. */
export function integerArgument(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('Expected an integer of at least 1.')
}

/** Names with commas between them; an option that is given twice adds to them. */
export function listArgument(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, ...text.split(',').map((entry) => entry.trim())]
}

/** An option that may be given several times, each as it is. */
export function repeatedArgument(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text]
}

/** A count, which may be 0. */
export function countArgument(text: string): number {
  return text === '0' ? 0 : integerArgument(text)
}

/** A TCP port; 0 asks for any free one. */
export function portArgument(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 65_535) return value
  throw new InvalidArgumentError('Expected a port in 0..65535.')
}

/** The port of gRPC, or `off`, which stays a word: commander takes a null for an option without a value. */
export function grpcPortArgument(text: string): number | 'off' {
  if (text === 'off') return 'off'
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 65_535) return value
  throw new InvalidArgumentError('Expected a port in 0..65535, or off.')
}

const UNITS_BYTES: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** A size such as `512MiB` or `2GiB`, or a number of bytes. */
export function bytesArgument(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB|)$/.exec(text)
  const bytes = Math.round(Number(match?.[1]) * (UNITS_BYTES[match?.[2] ?? ''] ?? Number.NaN))
  if (match !== null && Number.isSafeInteger(bytes)) return bytes
  throw new InvalidArgumentError('Expected a size such as 512MiB or 2GiB.')
}

const PERIODS_S: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, '': 1 }

/** A rate such as `100/s`, `30/min` or `1000/h`, in requests a second. */
export function rateArgument(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\/(s|min|h))?$/.exec(text)
  const rate = Number(match?.[1]) / (PERIODS_S[match?.[2] ?? ''] ?? Number.NaN)
  if (match !== null && rate > 0) return rate
  throw new InvalidArgumentError('Expected a rate such as 100/s, 30/min or 1000/h.')
}

const LIVES_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** When something ends: `90d`, `12h` or `30m` from now, or a date, at its beginning in UTC, or a time of ISO 8601. */
export function expiryArgument(text: string, nowMs: number): Date {
  const life = /^(\d+)([mhd])$/.exec(text)
  if (life !== null) return new Date(nowMs + Number(life[1]) * (LIVES_MS[life[2] ?? ''] ?? Number.NaN))
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
  if (isTime && !Number.isNaN(Date.parse(text))) return new Date(text)
  throw new InvalidArgumentError('Expected a time from now such as 90d, 12h or 30m, or a date such as 2027-01-31.')
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, '': 1000 }

/** A time such as `30s`, `500ms`, `2m`, or `30` for seconds, in milliseconds. */
export function durationArgument(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|)$/.exec(text)
  const milliseconds = Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ''] ?? Number.NaN)
  if (match !== null && milliseconds <= 3_600_000) return Math.round(milliseconds)
  throw new InvalidArgumentError('Expected a time of at most an hour such as 30s, 500ms or 2m.')
}
