/**
 * Every form of a table says the same. Random results (dtypes, shapes, checks, texts that need quoting, extra columns with
 * nulls) are written as records, NDJSON, columns, CSV, Arrow file and stream, flat and nested, and Parquet; each is read
 * again and compared, cell by cell, with the values the table was made of.
 */
import { tableFromIPC, type Table } from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { InferResult } from '../engine/api/api.js'
import { allocateData } from '../tensor/dtype.js'
import { writeNested } from '../tensor/print.js'
import type { NumericDtype, Tensor, TensorField } from '../tensor/tensor.js'
import { cellPrinter } from './cell-text.js'
import { selectColumns } from './dataset.js'
import { inferColumns, inferTable, type InferContext } from './infer-table.js'
import { readArrow } from './ipc/read-arrow.js'
import { jsonColumn } from './json-extras.js'
import { flattenTable, nestTable } from './arrow/nesting.js'
import { readParquet, writeParquet } from './parquet.js'
import { parseCsv } from './testing/csv.js'
import { writeArrow } from './arrow/write-arrow.js'
import { writeCsv } from './csv/write-csv.js'
import { writeColumns, writeRecords } from './write-records.js'

const seed = 20261121
const dtypes: readonly NumericDtype[] = [
  'float32',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'float16',
  'bfloat16',
]

const numericTensor = (rows: number): fc.Arbitrary<Tensor> =>
  fc
    .record({
      dtype: fc.constantFrom(...dtypes),
      dims: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
      seed: fc.integer(),
    })
    .map(({ dtype, dims, seed: start }) => {
      const shape = [rows, ...dims]
      const data = allocateData(
        dtype,
        shape.reduce((product, dim) => product * dim, 1),
      )
      let state = start >>> 0
      for (let index = 0; index < data.length; index++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        // Half floats keep to finite patterns: NaN is null in JSON and NaN in Arrow.
        const value =
          dtype === 'bool' ? state & 1 : dtype.endsWith('float16') ? state & 0x3bff : state / 2 ** 16 - 2 ** 15
        if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(state) * 2n ** 31n
        else data[index] = value
      }
      return { dtype, shape, data }
    })
const textTensor = (rows: number): fc.Arbitrary<Tensor> =>
  fc
    .array(fc.string({ unit: 'grapheme', maxLength: 4 }), { minLength: rows, maxLength: rows })
    .map((data) => ({ dtype: 'string' as const, shape: [rows], data }))
const name = fc.constantFrom('x', 'Y', 'a.b', 'count', 'über', 'q"uote')

interface Case {
  readonly result: InferResult
  readonly context: InferContext
  readonly table: Table
  readonly wanted: readonly string[]
}

const cases: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 9 }).chain((rows) =>
  fc
    .record({
      inputs: fc.dictionary(name, fc.oneof(numericTensor(rows), textTensor(rows)), { minKeys: 1, maxKeys: 3 }),
      outputs: fc.dictionary(name, numericTensor(rows), { minKeys: 1, maxKeys: 3 }),
      failing: fc.uniqueArray(fc.integer({ min: 0, max: rows - 1 })),
      extra: fc.array(fc.oneof(fc.constant(null), fc.string({ unit: 'grapheme', maxLength: 5 })), {
        minLength: rows,
        maxLength: rows,
      }),
      // By bit, which dims of a row the fields leave free.
      free: fc.nat(7),
    })
    .map(({ inputs, outputs, failing, extra, free }) => caseOf(rows, inputs, outputs, failing, extra, free)),
)

function caseOf(
  rows: number,
  inputs: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
  failing: readonly number[],
  extra: readonly (string | null)[],
  free: number,
): Case {
  const fieldOf = ([field, { dtype, shape }]: readonly [string, Tensor]): TensorField => ({
    name: field,
    dtype,
    shape: [null, ...shape.slice(1).map((dim, axis) => (((free >> axis) & 1) === 1 ? null : dim))],
  })
  const result: InferResult = {
    rows,
    outputs,
    checkFailures: failing.length === 0 ? [] : [{ check: 'high', rows: failing }],
    metadata: { pipeline: 'p', pipelineVersion: 2, requestId: 'r-1', elapsedNs: [12, 3e9], route: null },
  }
  const context: InferContext = {
    pipeline: {
      name: 'p',
      version: 2,
      steps: [{ type: 'model', model: 'm@1' }],
      checks: ['low', 'high'],
      routes: [],
      isNonBatching: false,
      models: [{ name: 'm', version: 1, sha256: 'ab' }],
      inputs: Object.entries(inputs).map(fieldOf),
      outputs: Object.entries(outputs).map(fieldOf),
    },
    inputs,
    extras: [jsonColumn('ex,tra', extra)],
    timeMs: 1_721_686_245_906,
    partition: 'here',
    hasTiming: false,
    hasCache: false,
    others: [],
    isArrow: true,
  }
  const { names, hidden } = inferColumns(context)
  const wanted = selectColumns(names, { base: 'all', hidden })
  return { result, context, table: inferTable(result, context, wanted), wanted }
}

/** The cells of a table as JSON texts, by column: what all forms are brought to. */
function cellsOf(table: Table): Record<string, string[]> {
  const columns: Record<string, string[]> = {}
  for (const [index, field] of table.schema.fields.entries()) {
    columns[field.name] = table.batches.flatMap((batch) => {
      const print = cellPrinter(field, batch.data.children[index] as never)
      return Array.from({ length: batch.numRows }, (_, row) => print(row))
    })
  }
  return columns
}

/** Nested columns of an Arrow answer, flat again. */
function unnest(table: Table): Record<string, string[]> {
  const columns: Record<string, string[]> = {}
  for (const [index, field] of table.schema.fields.entries()) {
    const data = table.batches[0]?.data.children[index] as never as { children: never[] }
    const inner = field.type.children as readonly { name: string }[] | null
    if (String(field.type).startsWith('Struct') && inner !== null) {
      inner.forEach((child, position) => {
        const print = cellPrinter(child as never, data.children[position] as never)
        columns[`${field.name}.${child.name}`] = Array.from({ length: table.numRows }, (_, row) => print(row))
      })
    } else {
      const print = cellPrinter(field, data as never)
      columns[field.name] = Array.from({ length: table.numRows }, (_, row) => print(row))
    }
  }
  return columns
}

/** What the table was made of, without it: tensors by tensor/print.ts. */
function expectedOf({ result, context }: Case): Record<string, unknown[]> {
  const plain = (tensor: Tensor): unknown[] => parse(writeNested(tensor)) as unknown[]
  return Object.fromEntries([
    ...Object.entries(context.inputs).map(([input, tensor]) => [`in.${input}`, plain(tensor)]),
    ...Object.entries(result.outputs).map(([output, tensor]) => [`out.${output}`, plain(tensor)]),
  ]) as Record<string, unknown[]>
}

/** 64-bit integers as text: they are compared with all their digits. */
const parse = (text: string): unknown =>
  JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}/g, (token) => (token.startsWith('"') ? token : `"${token}"`)))

describe('forms of one table', () => {
  it('columns: have the values they were made of', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const cells = cellsOf(one.table)
        for (const [column, values] of Object.entries(expectedOf(one))) {
          expect((cells[column] as string[]).map(parse), column).toEqual(values)
        }
      }),
      { seed, numRuns: 60 },
    )
  })

  it('records, lines, columns and CSV: say what the table says, flat and nested', () => {
    fc.assert(
      fc.property(cases, ({ table, wanted }) => {
        const cells = cellsOf(table)
        const singles = wanted.filter((column) => {
          const field = table.schema.fields.find(({ name }) => name === column)
          const declared = field?.metadata.get('tensor_type') ?? '{}'
          return (
            column !== 'out._model_split' &&
            JSON.stringify((JSON.parse(declared) as { shape?: number[] }).shape) === '[1]'
          )
        })
        const rows = Array.from({ length: table.numRows }, (_, row) =>
          Object.fromEntries(wanted.map((column) => [column, parse((cells[column] as string[])[row] as string)])),
        )
        expect(parse(writeRecords(table, { separator: '.' }))).toEqual(rows)
        const lines = writeRecords(table, { separator: '.', isLines: true }).trimEnd().split('\n')
        expect(lines.map(parse)).toEqual(rows)
        const nested = parse(writeRecords(table)) as Record<string, unknown>[]
        expect(nested.map(flatten)).toEqual(rows)
        const columns = parse(writeColumns(table, { separator: '.' })) as Record<string, unknown[]>
        expect(Object.entries(columns).map(([column, values]) => [column, values])).toEqual(
          wanted.map((column) => [column, rows.map((row) => row[column])]),
        )
        expect(flatten(parse(writeColumns(table)) as Record<string, unknown>)).toEqual(columns)
        const [header, ...body] = parseCsv(writeCsv(table))
        expect(header).toEqual(wanted)
        expect(body).toEqual(
          rows.map((row, index) =>
            wanted.map((column) => {
              const [value, cell] = [row[column], (cells[column] as string[])[index] as string]
              return singles.includes(column)
                ? csvText((value as unknown[])[0], cell.slice(1, -1))
                : csvText(value, cell)
            }),
          ),
        )
        const bare = parse(writeRecords(table, { separator: '.', hasLists: false })) as Record<string, unknown>[]
        const isBare = (column: string, value: unknown): unknown =>
          singles.includes(column) ? (value as unknown[])[0] : value
        expect(bare).toEqual(
          rows.map((row) => Object.fromEntries(wanted.map((column) => [column, isBare(column, row[column])]))),
        )
      }),
      { seed, numRuns: 60 },
    )
  })

  it('Arrow file and stream: say what the table says, flat and nested, and our own reader takes them', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom('file' as const, 'stream' as const), ({ table }, form) => {
        const cells = cellsOf(table)
        const flat = writeArrow(flattenTable(table), form)
        expect(cellsOf(tableFromIPC(flat))).toEqual(cells)
        expect(unnest(tableFromIPC(writeArrow(nestTable(table), form)))).toEqual(cells)
        const read = readArrow(flat, 100)
        expect([read.form, read.rows, read.fields.map((field) => field.name)]).toEqual([
          form,
          table.numRows,
          Object.keys(cells),
        ])
      }),
      { seed, numRuns: 60 },
    )
  })

  it('Parquet: says what the table says', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ table }) => {
        const flat = flattenTable(table)
        expect(cellsOf(await readParquet(await writeParquet(flat)))).toEqual(cellsOf(flat))
      }),
      { seed, numRuns: 10 },
    )
  })
})

function flatten(nested: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(nested).flatMap(([group, value]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).map(([field, inner]) => [`${group}.${field}`, inner] as const)
        : [[group, value] as const],
    ),
  )
}

function csvText(value: unknown, cell: string): string {
  if (value === null) return ''
  return cell.startsWith('"') ? (value as string) : cell
}
