/**
 * Texts of what has no form of its own in JSON and CSV: dates, times and timestamps and durations in ISO 8601 with all the
 * digits of their unit, decimals with all their digits, bytes in base64.
 *
 *   date 2026-01-31 · time 08:30:00.250 · timestamp 2026-01-31T08:30:00.250000 (with a zone: …Z, the instant)
 *   duration PT1.5S · interval P14M, P3DT0.5S · decimal -12.50 · bytes AAEC
 */
import { type Data, DataType, DateUnit, IntervalUnit, TimeUnit } from 'apache-arrow'
import { decimalText, unscaledReader } from './tensors/decimals.js'

const digitsOf: Readonly<Record<TimeUnit, number>> = {
  [TimeUnit.SECOND]: 0,
  [TimeUnit.MILLISECOND]: 3,
  [TimeUnit.MICROSECOND]: 6,
  [TimeUnit.NANOSECOND]: 9,
}
const DAY_SECONDS = 86_400n

/** The texts of a column of such a type. */
export function otherText(data: Data): (row: number) => string {
  const type: DataType = data.type
  const values: unknown = data.values
  if (DataType.isDecimal(type)) {
    const read = unscaledReader({ bits: type.bitWidth }, values as ArrayBufferView)
    return (row) => decimalText(read(row), type.scale)
  }
  if (DataType.isDate(type)) {
    const units = values as ArrayLike<number | bigint>
    const perDay = type.unit === DateUnit.DAY ? 1n : 86_400_000n
    return (row) => dateText(floorDiv(BigInt(units[row] as number), perDay))
  }
  if (DataType.isTime(type)) {
    const units = values as ArrayLike<number | bigint>
    return (row) => clockText(BigInt(units[row] as number), digitsOf[type.unit])
  }
  if (DataType.isTimestamp(type)) {
    const units = values as ArrayLike<bigint>
    const digits = digitsOf[type.unit]
    const suffix = type.timezone == null ? '' : 'Z'
    return (row) => timestampText(units[row] as bigint, digits) + suffix
  }
  if (DataType.isDuration(type)) {
    const units = values as ArrayLike<bigint>
    return (row) => `PT${pointed(units[row] as bigint, digitsOf[type.unit])}S`
  }
  if (DataType.isInterval(type)) return intervalText(type.unit, values as Int32Array)
  return bytesText(data)
}

function bytesText({ type, valueOffsets, values }: Data): (row: number) => string {
  const bytes = values as Uint8Array
  const text = (start: number, end: number): string => Buffer.from(bytes.subarray(start, end)).toString('base64')
  if (DataType.isFixedSizeBinary(type)) {
    const size = type.byteWidth
    return (row) => text(row * size, (row + 1) * size)
  }
  if (!DataType.isBinary(type) && !DataType.isLargeBinary(type))
    throw new Error(`Expected a column of a type that results have but received type ${type.typeId}`)
  const offsets = valueOffsets as Int32Array | BigInt64Array
  return (row) => text(Number(offsets[row]), Number(offsets[row + 1]))
}

/** Months, days and milliseconds, or months, days and nanoseconds: they do not add up to one unit. */
function intervalText(unit: IntervalUnit, values: Int32Array): (row: number) => string {
  if (unit === IntervalUnit.YEAR_MONTH) return (row) => `P${values[row]}M`
  if (unit === IntervalUnit.DAY_TIME)
    return (row) => `P${values[2 * row]}DT${pointed(BigInt(values[2 * row + 1] as number), 3)}S`
  return (row) => {
    const [months, days, low, high] = values.subarray(4 * row, 4 * row + 4)
    const nanoseconds = (BigInt(high as number) << 32n) | BigInt((low as number) >>> 0)
    return `P${months}M${days}DT${pointed(nanoseconds, 9)}S`
  }
}

function timestampText(value: bigint, digits: number): string {
  const perDay = DAY_SECONDS * 10n ** BigInt(digits)
  const day = floorDiv(value, perDay)
  return `${dateText(day)}T${clockText(value - day * perDay, digits)}`
}

/** Hours, minutes and seconds of a number of units since midnight. */
function clockText(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits)
  const seconds = Number(value / unit)
  const two = (number: number): string => String(number).padStart(2, '0')
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return digits === 0 ? clock : `${clock}.${String(value % unit).padStart(digits, '0')}`
}

/** Days since 1970 in the Gregorian calendar; what JavaScript's dates do not reach, as their number. */
function dateText(days: bigint): string {
  const date = new Date(Number(days) * 86_400_000)
  return Number.isNaN(date.getTime()) ? `${days}d` : date.toISOString().replace(/T.*/, '')
}

/** A number with `digits` behind the point, without zeros at the end. */
function pointed(value: bigint, digits: number): string {
  const text = decimalText(value, digits)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}
