/**
 * Flat rows of tensors with dims of their own, as logs have them, to nested lists, as answers have them: two and
 * more free dims do not follow from the number of a row's elements.
 */
import { type Data, DataType, Field, List, makeData } from 'apache-arrow'

/** A list in a list for each of `rank` dims. */
export function nestedType({ children }: List, rank: number): List {
  let [item] = children
  for (let axis = 1; axis < rank; axis++) item = new Field('item', new List(item as Field), false)
  return new List(item as Field)
}

/**
 * @param rows lists of elements; begins at offset 0, as takeRows leaves it. Null rows stay null.
 * @param dims lists of `rank` sizes that multiply to the row's elements.
 * @returns data of the type nestedType(rows.type, rank), over the same elements.
 */
export function nestRows(rows: Data<List>, dims: Data, rank: number): Data<List> {
  const sizes = sizesOf(dims)
  let [data] = rows.children as [Data]
  for (let axis = rank - 1; axis >= 0; axis--) {
    const valueOffsets = offsetsAt(axis, sizes, rank, rows.length)
    // Only the outermost lists are rows, which may be null.
    const nulls = axis === 0 && rows.nullCount > 0 ? { nullBitmap: rows.nullBitmap } : { nullCount: 0 }
    const type = nestedType(rows.type, rank - axis)
    data = makeData({ type, length: valueOffsets.length - 1, ...nulls, valueOffsets, child: data })
  }
  return data as Data<List>
}

/** Lists of a fixed size, or as Parquet may give them, of any. */
function sizesOf(dims: Data): Int32Array {
  const sizes = (dims.children[0] as Data).values as unknown as Int32Array
  return DataType.isFixedSizeList(dims.type) ? sizes : sizes.subarray((dims.valueOffsets as Int32Array)[0])
}

/** Where the lists of one axis end: a row has as many of them as the dims before it multiply to. */
function offsetsAt(axis: number, sizes: Int32Array, rank: number, rows: number): Int32Array {
  const countOf = (row: number): number => product(sizes, row * rank, row * rank + axis)
  let count = 0
  for (let row = 0; row < rows; row++) count += countOf(row)
  const offsets = new Int32Array(count + 1)
  let at = 0
  for (let row = 0; row < rows; row++) {
    const size = sizes[row * rank + axis] as number
    for (let list = countOf(row); list > 0; list--, at++) offsets[at + 1] = (offsets[at] as number) + size
  }
  return offsets
}

function product(sizes: Int32Array, start: number, end: number): number {
  let result = 1
  for (let at = start; at < end; at++) result *= sizes[at] as number
  return result
}
