/** What a stored table says of itself, and its first rows. Loaded by who looks at a table: it brings the Arrow library. */
import type { DatasetVersion } from '../../engine/api/api.js'
import type { DatasetRow } from '../../engine/api/datasets.js'
import type { DatasetDescription } from '../../registry/datasets.js'
import { cellReader, elementsOf, type TransformColumn } from '../../transforms/draft/column.js'
import type { FileFormat } from '../formats.js'
import { openTable } from '../tables/column-table.js'

export async function describeTable(path: string, format: FileFormat): Promise<DatasetDescription> {
  const table = await openTable(path, format)
  let rows = 0
  for await (const part of table.parts()) rows += rowsOf(part)
  return {
    rows,
    columns: table.columns.map(({ name, dtype, isNullable, shape }) => ({ name, dtype, isNullable, shape })),
  }
}

export async function firstRows(
  path: string,
  { format, columns }: DatasetVersion,
  limit: number,
): Promise<DatasetRow[]> {
  const rows: DatasetRow[] = []
  for await (const part of (await openTable(path, format as FileFormat)).parts()) {
    const readers = columns.map(({ name }) => [name, rowReader(part[name] as TransformColumn)] as const)
    const count = Math.min(rowsOf(part), limit - rows.length)
    for (let row = 0; row < count; row++)
      rows.push(Object.fromEntries(readers.map(([name, read]) => [name, read(row)])))
    if (rows.length >= limit) break
  }
  return rows
}

function rowsOf(part: Readonly<Record<string, TransformColumn>>): number {
  return Object.values(part)[0]?.shape[0] ?? 0
}

function rowReader(column: TransformColumn): (row: number) => unknown {
  const read = cellReader(column)
  const dims = column.shape.slice(1)
  if (dims.length === 0) return read
  const width = elementsOf(dims)
  return (row) => Array.from({ length: width }, (_, element) => read(row * width + element))
}
