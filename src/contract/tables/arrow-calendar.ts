/**
 * Dates, timestamps and UUIDs of Arrow columns as the texts that contracts read. A timestamp without a zone is one
 * without a zone in its text too, which a contract refuses with the way out: whose noon it was is not for us to guess.
 */
import type { ArrowType } from '../../formats/ipc/arrow-schema.js'
import { dateText, TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN, timestampText } from '../values/calendar.js'

const DAY_MS = 86_400_000
/** Units of a second, by Arrow's number of the unit. */
const unitsPerSecond = [1n, 1000n, 1_000_000n, 1_000_000_000n] as const

/** The texts of a column; what lies beyond the years 0 to 9999 is reported as its number, which is no text of either kind. */
export function arrowCalendarText(
  type: Extract<ArrowType, { id: 'date' | 'timestamp' }>,
  { buffer, byteOffset, byteLength }: Uint8Array,
): (row: number) => string {
  if (type.id === 'date' && type.unit === 0) {
    const days = new Int32Array(buffer, byteOffset, byteLength >> 2)
    return (row) => dayText(days[row] as number)
  }
  const values = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  if (type.id === 'date') return (row) => dayText(Number(floorDivided(values[row] as bigint, BigInt(DAY_MS))))
  const perSecond = unitsPerSecond[type.unit]
  return (row) => {
    const value = values[row] as bigint
    const micros = floorDivided(value * 1_000_000n, perSecond)
    if (micros < BigInt(TIMESTAMP_MS_MIN) * 1000n || micros > BigInt(TIMESTAMP_MS_MAX) * 1000n + 999n)
      return `${value} of 1/${perSecond} s since 1970`
    const text = timestampText(micros)
    return type.zone === '' ? text.slice(0, -1) : text
  }
}

function dayText(days: number): string {
  const ms = days * DAY_MS
  return ms >= TIMESTAMP_MS_MIN && ms <= TIMESTAMP_MS_MAX ? dateText(days) : `${days} days since 1970`
}

function floorDivided(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

/** 16 bytes in the order in which they are written. @source https://arrow.apache.org/docs/format/CanonicalExtensions.html#uuid */
export function arrowUuidText({ buffer, byteOffset }: Uint8Array, row: number): string {
  const digits = Buffer.from(buffer, byteOffset + row * 16, 16).toString('hex')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
