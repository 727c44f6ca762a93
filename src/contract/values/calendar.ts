/**
 * Texts of the dtypes that never enter a model, strictly: a timestamp as RFC 3339 with its zone, a date, a UUID. Looser
 * readers guess (is 03/04 in March?), and a wrong guess is found months later.
 */

const timestampPattern =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/
const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/
const uuidPattern = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i
const DAY_MS = 86_400_000
/** 0000-01-01 and 9999-12-31T23:59:59.999: what four digits of a year reach. */
export const TIMESTAMP_MS_MIN = -62_167_219_200_000
export const TIMESTAMP_MS_MAX = 253_402_300_799_999

/** Microseconds since 1970 UTC; digits beyond the sixth are cut off. null: no timestamp. */
export function timestampMicros(text: string): bigint | null {
  const [, year, month, day, hour, minute, second, fraction = '', , sign, zoneHours, zoneMinutes] =
    timestampPattern.exec(text) ?? []
  const days = daysOf(year, month, day)
  if (days === null || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
  if (sign !== undefined && (Number(zoneHours) > 23 || Number(zoneMinutes) > 59)) return null
  const zone = sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes))
  const minutes = days * 1440 + Number(hour) * 60 + Number(minute) - zone
  const ms = minutes * 60_000
  if (ms < TIMESTAMP_MS_MIN || ms > TIMESTAMP_MS_MAX) return null
  return BigInt(minutes * 60 + Number(second)) * 1_000_000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'))
}

/** Microseconds since 1970 UTC of whole milliseconds, as answers and logs have their `time`. null: beyond the years. */
export function timestampOfMs(ms: number): bigint | null {
  const isTimestamp = Number.isInteger(ms) && ms >= TIMESTAMP_MS_MIN && ms <= TIMESTAMP_MS_MAX
  return isTimestamp ? BigInt(ms) * 1000n : null
}

/** Days since 1970; null: no date. */
export function dateDays(text: string): number | null {
  const [, year, month, day] = datePattern.exec(text) ?? []
  return daysOf(year, month, day)
}

/** In lower case; null: no UUID. */
export function uuidText(text: string): string | null {
  return uuidPattern.test(text) ? text.toLowerCase() : null
}

/** Days since 1970 in the Gregorian calendar; null where the month has no such day. */
function daysOf(year?: string, month?: string, day?: string): number | null {
  if (year === undefined || month === undefined || day === undefined) return null
  const date = new Date(0)
  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day) ? date.getTime() / DAY_MS : null
}

/** A timestamp as text, with six digits of a second. */
export function timestampText(micros: bigint): string {
  const ms = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n)
  const rest = micros - ms * 1000n
  return new Date(Number(ms)).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`)
}

export function dateText(days: number): string {
  return new Date(days * DAY_MS).toISOString().slice(0, 10)
}
