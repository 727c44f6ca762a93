/**
 * Arrow's decimals: an integer of 32, 64, 128 or 256 bits, two's complement, little-endian, times 10^-scale. DuckDB makes
 * them of every literal with a point and of every sum of integers.
 */

export interface DecimalType {
  readonly scale: number
  readonly bits: number
}

/** The unscaled integers of a column. */
export function unscaledReader({ bits }: Pick<DecimalType, 'bits'>, values: ArrayBufferView): (row: number) => bigint {
  const words = new Uint32Array(values.buffer, values.byteOffset, Math.floor(values.byteLength / 4))
  const count = bits / 32
  return (row) => {
    let value = 0n
    for (let index = count - 1; index >= 0; index--)
      value = (value << 32n) | BigInt(words[row * count + index] as number)
    return BigInt.asIntN(bits, value)
  }
}

/** The digits of a decimal: `-12.50`, as many behind the point as the scale says. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return (unscaled * 10n ** BigInt(-scale)).toString()
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** The values of a column: whole ones as bigints, so that none loses digits; others as the nearest number. */
export function decimalReader(type: DecimalType, values: ArrayBufferView): (row: number) => number | bigint {
  const read = unscaledReader(type, values)
  const unit = 10n ** BigInt(Math.abs(type.scale))
  return (row) => {
    const unscaled = read(row)
    if (type.scale <= 0) return unscaled * unit
    return unscaled % unit === 0n ? unscaled / unit : Number(decimalText(unscaled, type.scale))
  }
}
