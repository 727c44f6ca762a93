/** Typed columns out of checked values, one per field that callers send: what a batch is filled from. */
import { allocateData, type NumericData } from '../tensor/dtype.js'
import { bfloat16Bits, float16Bits } from '../tensor/float16.js'
import type { NumericDtype } from '../tensor/tensor.js'
import type { PlainDtype } from './contract.js'
import type { ResolvedField } from './resolve.js'
import type { StoredElement } from './values/element.js'

export interface ContractColumn {
  readonly name: string
  readonly dtype: PlainDtype
  readonly rows: number
  /** Dims of one row's value, null for a free first one; [] of scalars. */
  readonly shape: readonly (number | null)[]
  /**
   * Row-major elements, those of missing values too, unless `offsets` say otherwise: NaN, 0 and ''. Tensor dtypes as
   * Tensor.data has them; timestamps are microseconds since 1970 UTC (BigInt64Array), dates are days (Int32Array), UUIDs
   * texts in lower case.
   */
  readonly data: NumericData | readonly string[]
  /** 1 where a row has a value, 0 where it is missing; null: all have one. */
  readonly validity: Uint8Array | null
  /** With a free first dim, where each row's elements begin, rows + 1 of them; a missing list has none. Else null. */
  readonly offsets: Int32Array | null
}

export class ColumnBuilder {
  readonly #field: ResolvedField
  readonly #elements: (StoredElement | null)[] = []
  readonly #validity: number[] = []
  readonly #offsets: number[] = [0]
  readonly #rowLength: number

  constructor(field: ResolvedField) {
    this.#field = field
    this.#rowLength = field.shape.includes(null)
      ? 0
      : field.shape.reduce<number>((product, dim) => product * (dim ?? 0), 1)
  }

  /** @param elements of the next row; null: it has no value. */
  add(elements: readonly StoredElement[] | null): void {
    this.#validity.push(elements === null ? 0 : 1)
    // One by one: a spread of a large image would be as many arguments.
    if (elements !== null) for (const element of elements) this.#elements.push(element)
    else for (let index = 0; index < this.#rowLength; index++) this.#elements.push(null)
    this.#offsets.push(this.#elements.length)
  }

  finish(): ContractColumn {
    const { name, dtype, shape } = this.#field
    return {
      name,
      dtype,
      rows: this.#validity.length,
      shape,
      data: dataOf(dtype, this.#elements),
      validity: this.#validity.includes(0) ? Uint8Array.from(this.#validity) : null,
      offsets: shape.includes(null) ? Int32Array.from(this.#offsets) : null,
    }
  }
}

function dataOf(dtype: PlainDtype, elements: readonly (StoredElement | null)[]): NumericData | string[] {
  if (dtype === 'string' || dtype === 'uuid') return elements.map((element) => (element ?? '') as string)
  if (dtype === 'date') return Int32Array.from(elements, Number)
  const data = allocateData(dtype === 'timestamp' ? 'int64' : dtype, elements.length)
  const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array
  elements.forEach((element, index) => {
    data[index] = isWide ? BigInt(element ?? 0) : storedNumber(dtype as NumericDtype, element)
  })
  return data
}

function storedNumber(dtype: NumericDtype, element: StoredElement | null): number {
  const isFloat = dtype.includes('float')
  const number = element === null ? (isFloat ? NaN : 0) : Number(element)
  if (dtype === 'float16') return float16Bits(number)
  return dtype === 'bfloat16' ? bfloat16Bits(number) : number
}
