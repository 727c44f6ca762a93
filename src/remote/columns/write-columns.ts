/** Columns as remotes take them: JSON text, element by element exact, and the bytes of the Open Inference Protocol. */
import { elementPrinter } from '../../tensor/print.js'
import type { NumericDtype, Tensor } from '../../tensor/tensor.js'
import { cellsOf, elementsOf, hasBit, type TransformColumn } from '../../transforms/draft/column.js'

/** Columns by name, all of as many rows. */
export type Columns = Readonly<Record<string, TransformColumn>>

/** A part of the rows of a request: what one call sends. */
export interface RowRange {
  readonly start: number
  readonly count: number
}

/** Prints the value of a row as JSON; null where there is none, and for NaN and infinities. */
export function rowPrinter(column: TransformColumn): (row: number) => string {
  const print = elementPrinter(tensorOf(column))
  const dims = column.shape.slice(1)
  const width = elementsOf(dims)
  const { validity } = column
  return (row) => (hasBit(validity, row) ? printLevel(print, dims, 0, row * width) : 'null')
}

/** `[1,2]` for a row of the dims [2]; a bare value for none. */
function printLevel(print: (index: number) => string, dims: readonly number[], axis: number, start: number): string {
  const dim = dims[axis]
  if (dim === undefined) return print(start)
  const stride = elementsOf(dims.slice(axis + 1))
  return `[${Array.from({ length: dim }, (_, i) => printLevel(print, dims, axis + 1, start + i * stride)).join(',')}]`
}

/** All elements of a range of rows as one flat JSON array. */
export function printFlat(column: TransformColumn, { start, count }: RowRange): string {
  const print = elementPrinter(tensorOf(column))
  const width = elementsOf(column.shape.slice(1))
  return `[${Array.from({ length: count * width }, (_, i) => print(start * width + i)).join(',')}]`
}

/** The elements of a range of rows as the Open Inference Protocol has them: texts with their length before each. */
export function rowBytes(column: TransformColumn, { start, count }: RowRange): Uint8Array {
  const width = elementsOf(column.shape.slice(1))
  const { data, offsets } = column
  if (offsets === null) {
    const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = data
    return new Uint8Array(buffer, byteOffset + start * width * size, count * width * size)
  }
  const first = offsets[start * width] as number
  const last = offsets[(start + count) * width] as number
  const bytes = Buffer.alloc(last - first + 4 * count * width)
  let position = 0
  for (let i = start * width; i < (start + count) * width; i++) {
    const text = (data as Uint8Array).subarray(offsets[i], offsets[i + 1])
    position = bytes.writeUInt32LE(text.length, position)
    bytes.set(text, position)
    position += text.length
  }
  return bytes
}

/** The first row of a range without a value, or -1. Floats are always there: NaN is a value of theirs. */
export function firstMissing({ validity }: TransformColumn, { start, count }: RowRange): number {
  if (validity === null) return -1
  for (let row = start; row < start + count; row++) if (!hasBit(validity, row)) return row
  return -1
}

function tensorOf(column: TransformColumn): Tensor {
  const { dtype, shape, data } = column
  if (dtype !== 'string') return { dtype: dtype satisfies NumericDtype, shape, data }
  return { dtype, shape, data: cellsOf(column).map((text) => (typeof text === 'string' ? text : '')) }
}
