/** Single rows of columns, in memory of their own. */
import { elementsOf, hasBit, type TransformColumn } from '../../../src/transforms/draft/column.js'

type Columns = Readonly<Record<string, TransformColumn>>

export function rowOf(columns: Columns, row: number): Record<string, TransformColumn> {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, cut(column, row)]))
}

function cut({ dtype, shape, data, offsets, validity }: TransformColumn, row: number): TransformColumn {
  const width = elementsOf(shape.slice(1))
  const [start, end] = [row * width, (row + 1) * width]
  const bits = validity === null ? null : Uint8Array.of(hasBit(validity, row) ? 1 : 0)
  const one = { dtype, shape: [1, ...shape.slice(1)], validity: bits }
  if (offsets === null) return { ...one, data: data.slice(start, end), offsets: null }
  const own = offsets.slice(start, end + 1)
  const first = own[0] as number
  return { ...one, data: (data as Uint8Array).slice(first, own[width]), offsets: own.map((offset) => offset - first) }
}
