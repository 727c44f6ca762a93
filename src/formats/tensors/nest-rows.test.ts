/** Flat rows and their dims to nested lists: rows of different dims, none, and null ones; dims of both kinds of lists. */
import { type Data, Field, FixedSizeList, Float32, Int32, List, makeData, Vector } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { nestedType, nestRows } from './nest-rows.js'

const ints = (values: number[]): Data<Int32> =>
  makeData({ type: new Int32(), length: values.length, nullCount: 0, data: Int32Array.from(values) })
const dims = (sizes: readonly number[][]): Data => {
  const rank = sizes[0]?.length ?? 2
  const type = new FixedSizeList(rank, new Field('item', new Int32(), false))
  return makeData({ type, length: sizes.length, nullCount: 0, child: ints(sizes.flat()) })
}
const listDims = (sizes: readonly number[][]): Data => {
  const valueOffsets = Int32Array.from({ length: sizes.length + 1 }, (_, row) => 1 + 2 * row)
  const type = new List(new Field('item', new Int32(), false))
  return makeData({ type, length: sizes.length, nullCount: 0, valueOffsets, child: ints([99, ...sizes.flat()]) })
}
/** Rows that count on. */
const flat = (lengths: readonly number[], nullBitmap?: Uint8Array): Data<List> => {
  const valueOffsets = new Int32Array(lengths.length + 1)
  lengths.forEach((length, row) => (valueOffsets[row + 1] = (valueOffsets[row] as number) + length))
  const length = valueOffsets[lengths.length] as number
  const child = makeData({
    type: new Float32(),
    length,
    nullCount: 0,
    data: Float32Array.from({ length }, (_, at) => at),
  })
  const type = new List(new Field('item', new Float32(), false))
  return makeData({ type, length: lengths.length, nullCount: 0, valueOffsets, child, ...(nullBitmap && { nullBitmap, nullCount: 1 }) }) // prettier-ignore
}
const shown = (data: Data): unknown => JSON.parse(JSON.stringify([...new Vector([data])]))

describe('nestRows', () => {
  it.each([dims, listDims])('gives each row its own dims', (dimsOf) => {
    const nested = nestRows(flat([4, 3, 0, 0, 2]), dimsOf([[2, 2], [1, 3], [0, 5], [2, 0], [2, 1]]), 2) // prettier-ignore
    expect(shown(nested)).toEqual([[[0, 1], [2, 3]], [[4, 5, 6]], [], [[], []], [[7], [8]]]) // prettier-ignore
    expect(String(nested.type)).toBe(String(nestedType(flat([1]).type, 2)))
    expect(String(nested.type)).toBe('List<List<Float32>>')
  })

  it('of three dims', () => {
    const nested = nestRows(flat([4, 2]), dims([[1, 2, 2], [2, 1, 1]]), 3) // prettier-ignore
    expect(shown(nested)).toEqual([[[[0, 1], [2, 3]]], [[[4]], [[5]]]]) // prettier-ignore
  })

  it('leaves rows null, and takes no rows', () => {
    const nested = nestRows(flat([2, 0, 2], Uint8Array.of(0b101)), dims([[1, 2], [0, 0], [2, 1]]), 2) // prettier-ignore
    expect(shown(nested)).toEqual([[[0, 1]], null, [[2], [3]]])
    expect(shown(nestRows(flat([]), dims([]), 2))).toEqual([])
  })
})
