/** Goldens of transform programs, and columns as they write them. */
import { readFileSync } from 'node:fs'
import {
  type CellValue,
  cellsOf,
  columnOf,
  type ColumnType,
  type TransformColumn,
} from '../../../src/transforms/draft/column.js'
import { float16Bits } from '../../../src/tensor/float16.js'
import type { Dtype } from '../../../src/tensor/tensor.js'

export interface PlainColumn {
  readonly name: string
  readonly dtype: Dtype
  /** Row axis first. */
  readonly shape: number[]
  readonly data: CellValue[]
}

const revive = (_key: string, value: unknown): unknown =>
  value === 'NaN' || value === 'Infinity' || value === '-Infinity' || value === '-0' ? Number(value) : value

export function toColumn({ dtype, shape, data }: PlainColumn): TransformColumn {
  const cells = dtype === 'float16' ? data.map((value) => float16Bits(value as number)) : data
  return { ...columnOf(dtype, cells), shape }
}

export function typeOf({ name, dtype, shape, data }: PlainColumn): ColumnType {
  const isFloat = dtype.includes('float')
  return { name, dtype, shape: shape.slice(1), isNullable: !isFloat && shape.length === 1 && data.includes(null) }
}

/** The first element that is off, or null. */
export function difference(
  expected: PlainColumn,
  received: TransformColumn | undefined,
  tolerance: number,
): string | null {
  if (received === undefined) return `no column ${expected.name}`
  if (received.dtype !== expected.dtype) return `expected ${expected.dtype}, received ${received.dtype}`
  if (received.shape.join() !== expected.shape.join())
    return `expected [${expected.shape.join()}], received [${received.shape.join()}]`
  const cells = cellsOf(received)
  for (let i = 0; i < expected.data.length; i++)
    if (!isClose(expected.data[i] as CellValue, cells[i] as CellValue, tolerance))
      return `element ${i} of ${expected.name}: expected ${String(expected.data[i])}, received ${String(cells[i])}`
  return cells.length === expected.data.length ? null : 'another number of elements'
}

function isClose(expected: CellValue, received: CellValue, tolerance: number): boolean {
  if (typeof received === 'bigint') return expected !== null && BigInt(expected) === received
  if (typeof expected !== 'number' || typeof received !== 'number') return Object.is(expected, received)
  if (Object.is(expected, received)) return true
  return tolerance > 0 && Math.abs(expected - received) <= tolerance * Math.max(1, Math.abs(expected))
}

export interface Golden {
  readonly name: string
  readonly ops: { op: string }[]
  readonly columns: PlainColumn[]
  readonly expected?: PlainColumn[]
  readonly fitted?: unknown[]
  readonly tolerance: number
}

export function readGoldens(): Golden[] {
  return JSON.parse(readFileSync(new URL('../program-goldens.json', import.meta.url), 'utf8'), revive) as Golden[]
}

export function columnsOf({ columns }: Golden): Record<string, TransformColumn> {
  return Object.fromEntries(columns.map((column) => [column.name, toColumn(column)]))
}
