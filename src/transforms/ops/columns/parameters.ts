/** Constants of operations, in the forms that instructions take them. */
import { dtypeInfo } from '../../../tensor/dtype.js'
import type { Dtype, NumericDtype } from '../../../tensor/tensor.js'
import { elementBytes, elementsOf } from '../../draft/column.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { JsonCell, Parameter } from '../../draft/op-reader.js'

/** A parameter as one number an element of a row. */
export function perElement(draft: ProgramDraft, key: string, parameter: Parameter, slot: Slot): number[] {
  const width = elementsOf(slot.shape)
  if (typeof parameter === 'number') return new Array<number>(width).fill(parameter)
  if (parameter.length === width) return [...parameter]
  throw draft.error(key, `a number, or ${width} numbers, one for each element of a row`, `${parameter.length} numbers`)
}

const integerRanges: Readonly<Partial<Record<Dtype, readonly [bigint, bigint]>>> = {
  int8: [-128n, 127n],
  uint8: [0n, 255n],
  int16: [-32_768n, 32_767n],
  uint16: [0n, 65_535n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}

/** The integer that a cell of JSON is, as a value of `dtype`; null: it is none. Beyond 2^53 they are texts of digits. */
export function integerCell(cell: JsonCell, dtype: Dtype): bigint | null {
  const [min, max] = integerRanges[dtype] ?? [0n, 0n]
  const isDigits = typeof cell === 'string' && /^-?\d{1,20}$/.test(cell)
  if (!isDigits && !(typeof cell === 'number' && Number.isSafeInteger(cell))) return null
  const value = BigInt(cell)
  return value >= min && value <= max ? value : null
}

/** What a cell of JSON is in a column of `dtype`; null: nothing. Texts are texts, and nothing else is. */
export function cellAs(cell: JsonCell, dtype: Dtype): number | bigint | string | boolean | null {
  const { kind } = dtypeInfo(dtype)
  if (kind === 'string') return typeof cell === 'string' ? cell : null
  if (kind === 'bool') return typeof cell === 'boolean' ? cell : null
  if (kind === 'integer') return integerCell(cell, dtype)
  return typeof cell === 'number' ? cell : null
}

/** What a cell of a column of `dtype` is called in a sentence. */
export function cellRule(dtype: Dtype): string {
  const { kind } = dtypeInfo(dtype)
  if (kind === 'string') return 'a text'
  if (kind === 'bool') return 'true or false'
  return kind === 'integer' ? `an integer of ${dtype}` : 'a number'
}

/** One cell as the constant of an instruction. */
export function cellConstant(cell: JsonCell, dtype: Dtype): { texts: string[] } | { table: Uint8Array } | null {
  const value = cellAs(cell, dtype)
  if (value === null) return null
  if (typeof value === 'string') return { texts: [value] }
  return { table: elementBytes(dtype as NumericDtype, [value]) }
}
