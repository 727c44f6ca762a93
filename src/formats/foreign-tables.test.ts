/**
 * Tables as pyarrow, pandas and polars write them (test/tables, with the script that made them): views, dictionaries,
 * packed buffers, lists of all kinds, slices, chunks, and types that only extra columns have. Each column says what its
 * writer said, and survives the way through an answer.
 */
import { readFileSync } from 'node:fs'
import { tableFromIPC } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import type { Dtype, Tensor } from '../tensor/tensor.js'
import { toNested } from '../tensor/print.js'
import { arrowExtras } from './arrow/arrow-extras.js'
import { arrowTensor } from './arrow/arrow-inputs.js'
import { tableOf } from './arrow/column-types.js'
import { type ArrowBody, readArrow } from './ipc/read-arrow.js'
import { nestTable } from './arrow/nesting.js'
import { writeArrow } from './arrow/write-arrow.js'
import { writeRecords } from './write-records.js'

type Cell = null | number | string | boolean | readonly Cell[] | { readonly [name: string]: Cell }
const folder = new URL('../../test/tables/', import.meta.url)
const expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Record<
  string,
  Record<string, readonly Cell[]>
>
const tableNames = Object.keys(expected)
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`${name}.arrow`, folder)))
const read = (name: string): ArrowBody => readArrow(bytesOf(name), 1000)

/** The columns as records, with all digits of 64-bit integers as texts. */
function shown(records: string, column: string): Cell[] {
  const exact = records.replaceAll(/(?<=[:,[])(-?\d{16,})(?=[,\]}])/g, '"$1"')
  return (JSON.parse(exact) as Record<string, Cell>[]).map((record) => record[column] ?? null)
}
const isNumeric = (cell: Cell): boolean =>
  cell === null || typeof cell === 'number' || (Array.isArray(cell) && cell.every(isNumeric))
const tensorOf = (name: string, column: string, dtype: Dtype, dims: readonly (number | null)[]): Tensor => {
  const body = read(name)
  const index = body.fields.findIndex((field) => field.name === column)
  return arrowTensor(body, index, { name: column, dtype, shape: [null, ...dims] }, false)
}
const withNull = (values: unknown): unknown =>
  Array.isArray(values) ? values.map(withNull) : Number.isNaN(values) ? null : values

describe('tables of other writers', () => {
  it.each(tableNames)('%s: every column is echoed as it came, from the body and out of an answer', (name) => {
    const body = read(name)
    const columns = arrowExtras(body, [...body.fields.keys()])
    const table = tableOf(columns)
    const again = tableFromIPC(writeArrow(table, 'stream'))
    for (const [column, values] of Object.entries(expected[name] ?? {})) {
      // A tensor's memory is echoed as it lies; its type says what its axes are.
      if (column === 'x' && name.startsWith('tensor')) continue
      const numbers = values.map((value) => (typeof value === 'string' && /^\d{16,}$/.test(value) ? value : value))
      expect(shown(writeRecords(table), column), column).toEqual(numbers)
      expect(shown(writeRecords(again), column), column).toEqual(numbers)
    }
    expect(body.rows).toBe(Object.values(expected[name] ?? {})[0]?.length)
  })

  it.each(
    tableNames.filter(
      (name) =>
        expected[name]?.['t']?.every((cell) => cell === null || typeof cell === 'string') === true &&
        !name.startsWith('extra') &&
        expected[name]['t'].length > 0,
    ),
  )('%s: t is an input of texts, with "" for none', (name) => {
    const { data } = tensorOf(name, 't', 'string', [1])
    expect(data).toEqual(expected[name]?.['t']?.map((text) => text ?? ''))
  })

  it.each(
    tableNames.filter((name) => expected[name]?.['x']?.every(isNumeric) === true && expected[name]['x'].length > 0),
  )('%s: x is an input of floats, with NaN for none and its own axes', (name) => {
    const values = expected[name]?.['x'] as Cell[]
    const first = values.find((value) => value !== null) as Cell
    const dims: number[] = []
    for (
      let level: Cell | undefined = first;
      Array.isArray(level);
      level = (level as Cell[]).find((cell) => cell !== null)
    )
      dims.push(level.length)
    const tensor = tensorOf(name, 'x', 'float32', dims)
    const missing = (axis: number): Cell =>
      axis === dims.length ? null : Array.from({ length: dims[axis] as number }, () => missing(axis + 1))
    const filled = (cell: Cell, axis: number): Cell =>
      cell === null
        ? missing(axis)
        : Array.isArray(cell)
          ? cell.map((inner: Cell) => filled(inner, axis + 1))
          : Math.fround(cell as number)
    expect(tensor.shape).toEqual([values.length, ...dims])
    expect(withNull(toNested(tensor))).toEqual(values.map((value) => filled(value, 0)))
  })

  it('extra columns that hold nulls are nullable in the nested answer, whatever their schema said', () => {
    for (const name of tableNames.filter((table) => table.startsWith('extra'))) {
      const body = read(name)
      const columns = arrowExtras(body, [...body.fields.keys()]).map(({ field, data }) => ({
        field: field.clone({ name: `in.${field.name}` }),
        data,
      }))
      const nested = tableFromIPC(writeArrow(nestTable(tableOf(columns)), 'file'))
      const members = (nested.schema.fields[0]?.type.children ?? []) as { name: string; nullable: boolean }[]
      const hasNulls = expected[name]?.['t']?.includes(null) === true
      if (hasNulls) expect(members.find((member) => member.name === 't')?.nullable, name).toBe(true)
    }
  })
})
