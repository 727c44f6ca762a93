/** Tables packed, indexed and looked up, against the plain way of saying it: a Map of rows by key. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LookupStep } from '../pipeline/definition.js'
import type { Dtype } from '../tensor/tensor.js'
import {
  type CellValue,
  cellsOf,
  columnOf,
  type ColumnTable,
  type TransformColumn,
} from '../transforms/draft/column.js'
import { LookupTable } from './lookup-table.js'
import { LookupTables } from './lookup-tables.js'
import { packTable } from './pack.js'
import type { LookupSpec, PackedTable } from './packed.js'
import { LookupStage, specOf } from './stage.js'

type Columns = Record<string, readonly [Dtype, readonly CellValue[]]>

/** In parts of three rows, as files come. */
function tableOf(columns: Columns): ColumnTable {
  const names = Object.keys(columns)
  const rows = columns[names[0] as string]?.[1].length ?? 0
  const part = (start: number, end: number): Record<string, TransformColumn> =>
    Object.fromEntries(names.map((name) => [name, columnOf(...cut(columns[name] as Columns[string], start, end))]))
  return {
    columns: names.map((name) => {
      const [dtype, values] = columns[name] as Columns[string]
      return { name, dtype, isNullable: values.includes(null) && !dtype.startsWith('float'), shape: [] }
    }),
    parts: async function* () {
      for (let start = 0; start < Math.max(1, rows); start += 3) yield part(start, Math.min(rows, start + 3))
    },
  }
}

const cut = ([dtype, values]: Columns[string], start: number, end: number): [Dtype, readonly CellValue[]] => [
  dtype,
  values.slice(start, end),
]
const step: LookupStep = {
  type: 'lookup',
  table: 'customers.csv',
  key: ['id'],
  columns: [
    { name: 'age', dtype: 'float32' },
    { name: 'segment', dtype: 'string?', from: 'seg' },
  ],
}
const customers: Columns = {
  id: ['int64', [17n, -3n, 2n ** 40n, 5n]],
  age: ['int64', [31n, 44n, 50n, 61n]],
  seg: ['string', ['north', null, 'süd', '']],
}

async function stageOf(columns: Columns, changed: Partial<LookupStep> = {}, keyDtype: Dtype = 'int64') {
  const own = { ...step, ...changed }
  const source = sourceOf(() => columns)
  const table = await LookupTable.open({ source, spec: specOf(own), memory, onNotice: () => undefined })
  const takes = own.key.map((key) => ({ name: key as string, dtype: keyDtype, isNullable: true, shape: [] }))
  return { stage: new LookupStage(own, { takes }, table, () => table.close()), table }
}

const memory = { leftBytes: () => 2 ** 30 }
const sourceOf = (read: () => Columns, revision: () => string = () => '1') => ({
  name: 'customers.csv',
  revision: () => Promise.resolve(revision()),
  load: async (spec: LookupSpec, bytesMax: number): Promise<PackedTable> =>
    packTable('customers.csv', tableOf(read()), spec, bytesMax),
})
const cells = (column: TransformColumn | undefined): CellValue[] => cellsOf(column as TransformColumn)

describe('lookup', () => {
  it('finds columns by key, in the order of the request', async () => {
    const { stage, table } = await stageOf(customers)
    const made = stage.run({ id: columnOf('int64', [2n ** 40n, 17n, 17n, -3n]) }, 4)
    expect(made['age']).toMatchObject({ dtype: 'float32', data: Float32Array.of(50, 31, 31, 44) })
    expect(cells(made['segment'])).toEqual(['süd', 'north', 'north', null])
    expect(table.counts).toMatchObject({ lookedUpRows: 4, missingRows: 0 })
    await stage.close()
  })

  it('takes a key of any integer dtype, and refuses rows of which there is none by row and key', async () => {
    const { stage } = await stageOf(customers, {}, 'uint64')
    expect(cells(stage.run({ id: columnOf('uint64', [5n]) }, 1)['segment'])).toEqual([''])
    const refused = (): unknown => stage.run({ id: columnOf('uint64', [5n, 2n ** 63n, 6n, null]) }, 4)
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'ERR_ENTITY_NOT_FOUND',
        message: expect.stringMatching(
          /^Expected customers\.csv to have a row for id .* \(row 1; 3 values in all\)$/,
        ) as string,
        errors: [
          expect.objectContaining({ field: 'id[1]' }),
          expect.objectContaining({
            field: 'id[2]',
            message: 'Expected customers.csv to have a row for id 6 but there is none',
          }),
          expect.objectContaining({ field: 'id[3]', message: expect.stringContaining('is missing') as string }),
        ],
      }),
    )
    await stage.close()
  })

  it('flags rows of which there is none, without values', async () => {
    const { stage } = await stageOf(customers, { onMissing: 'flag', flag: 'is_known' })
    const made = stage.run({ id: columnOf('int64', [5n, 6n]) }, 2)
    expect([cells(made['age']), cells(made['segment']), cells(made['is_known'])]).toEqual([
      [61, NaN],
      ['', null],
      [true, false],
    ])
    await stage.close()
  })

  it('takes the newest row that is not after the time of the request', async () => {
    const history: Columns = {
      id: ['string', ['a', 'a', 'b', 'a', 'a']],
      from: [
        'string',
        ['2026-03-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z', null],
      ],
      age: ['float64', [3, 1, 9, 4, 7]],
    }
    const asOf = { asOf: { column: 'from', at: 'at' }, columns: [{ name: 'age', dtype: 'float32' as const }] }
    const { stage } = await stageOf(history, asOf, 'string')
    const at = (...days: string[]) =>
      columnOf(
        'int64',
        days.map((day) => BigInt(Date.parse(day)) * 1000n),
      )
    const made = stage.run(
      { id: columnOf('string', ['a', 'a', 'b']), at: at('2026-01-31', '2026-03-01', '2026-02-02') },
      3,
    )
    // The later of two rows of one time wins, and a row without a time is none.
    expect(cells(made['age'])).toEqual([1, 4, 9])
    expect(() => stage.run({ id: columnOf('string', ['b']), at: at('2026-01-31') }, 1)).toThrow(
      /id "b" at at \d+ but there is none/,
    )
    await stage.close()
  })

  it('is a Map of rows, for random tables of composite keys', async () => {
    const text = fc.constantFrom('', 'a', 'b', 'ab', 'ä')
    const key = fc.record({ id: fc.integer({ min: -4, max: 4 }), shop: text })
    const random = fc.asyncProperty(
      fc.uniqueArray(key, { maxLength: 40, selector: ({ id, shop }) => `${id} ${shop}` }),
      fc.array(key, { minLength: 1, maxLength: 20 }),
      async (rows, asked) => {
        const columns: Columns = {
          id: ['int32', rows.map(({ id }) => id)],
          shop: ['string', rows.map(({ shop }) => shop)],
          n: ['float64', rows.map((_, i) => i)],
        }
        const own: LookupStep = {
          type: 'lookup',
          table: 't',
          key: ['id', 'shop'],
          columns: [{ name: 'n', dtype: 'float64' }],
        }
        const packed = await packTable('t', tableOf(columns), specOf(own), 2 ** 30)
        const table = { name: 't', current: packed, counts: {} } as unknown as LookupTable
        const takes = [
          { name: 'id', dtype: 'int64' as const, isNullable: false, shape: [] },
          { name: 'shop', dtype: 'string' as const, isNullable: false, shape: [] },
        ]
        const stage = new LookupStage({ ...own, onMissing: 'flag' }, { takes }, table, () => undefined)
        const made = stage.run(
          {
            id: columnOf(
              'int64',
              asked.map(({ id }) => BigInt(id)),
            ),
            shop: columnOf(
              'string',
              asked.map(({ shop }) => shop),
            ),
          },
          asked.length,
        )
        const known = new Map(rows.map(({ id, shop }, i) => [`${id} ${shop}`, i]))
        expect(cells(made['n'])).toEqual(asked.map(({ id, shop }) => known.get(`${id} ${shop}`) ?? NaN))
      },
    )
    await fc.assert(random, { seed: 44, numRuns: 60 })
  })

  it.each([
    [
      'two rows of one key',
      { ...customers, id: ['int64', [1n, 2n, 1n, 3n]] },
      {},
      'one row a key but rows 0 and 2 have the key id 1. Leave one of them, or say with asOf',
    ],
    [
      'no such column',
      customers,
      { columns: [{ name: 'agee', dtype: 'float32' }] },
      'to have a column agee but there is none. Did you mean age?',
    ],
    [
      'a value that the dtype does not hold',
      customers,
      { columns: [{ name: 'id', dtype: 'int8' }] },
      'the column id of customers.csv to have values that int8 holds but received 1099511627776 in row 2',
    ],
    [
      'no value where the step says there is one',
      customers,
      { columns: [{ name: 'seg', dtype: 'string' }] },
      'or the step to say string? but received none in row 1',
    ],
    [
      'texts for numbers',
      customers,
      { columns: [{ name: 'seg', dtype: 'float32' }] },
      'to be float32 but it is string?',
    ],
    [
      'a float for a key',
      { ...customers, id: ['float64', [1, 2, 3, 4]] },
      {},
      'to have integers, bools or texts but it is float64',
    ],
    [
      'no time',
      customers,
      { asOf: { column: 'seg', at: 'at' } },
      'to have timestamps of RFC 3339 but received "north" in row 0',
    ],
    [
      'keys of another kind',
      { ...customers, id: ['string', ['a', 'b', 'c', 'd']] },
      {},
      'Expected the key id of the request (int64) to be of the kind that id of customers.csv has: texts',
    ],
  ] as [string, Columns, Partial<LookupStep>, string][])(
    'refuses a table at the deploy: %s',
    async (_, columns, changed, message) => {
      await expect(stageOf(columns, changed)).rejects.toMatchObject({
        code: 'ERR_PIPELINE_INVALID',
        message: expect.stringContaining(message) as string,
      })
    },
  )

  it('refuses a table for which there is no room', async () => {
    const spec = specOf(step)
    await expect(packTable('customers.csv', tableOf(customers), spec, 64)).rejects.toThrow(
      /to have room for customers\.csv/,
    )
    const { bytes } = await packTable('customers.csv', tableOf(customers), spec, 2 ** 20)
    // Four keys of 8, four ages of 4, texts of 5 + 4 with 5 offsets, their bits, eight slots.
    expect(bytes).toBe(32 + 16 + 9 + 20 + 1 + 32)
  })
})

describe('a table whose file changes', () => {
  it('takes a new content when it stands, keeps the old one of a broken one, and says so once', async () => {
    let columns = customers
    let revision = '1'
    const notices: string[] = []
    const source = sourceOf(
      () => columns,
      () => revision,
    )
    const onNotice = ({ level, message }: { level: string; message: string }) => notices.push(`${level}: ${message}`)
    const table = await LookupTable.open({ source, spec: specOf(step), memory, onNotice })
    const before = table.current
    revision = '2'
    columns = { ...customers, age: ['int64', [1n, 2n, 3n, 4n]] }
    await table.look()
    expect(table.current, 'it may still be written').toBe(before)
    await table.look()
    expect(table.current.columns[0]?.data).toEqual(Float32Array.of(1, 2, 3, 4))
    expect(before.columns[0]?.data, 'a request that holds it goes on').toEqual(Float32Array.of(31, 44, 50, 61))
    revision = '3'
    columns = { id: ['int64', [1n]] }
    for (let i = 0; i < 3; i++) await table.look()
    expect(table.current.rows).toBe(4)
    expect(table.counts).toMatchObject({ reloads: 1, failedReloads: 1 })
    // Keys of another kind would be found by nobody.
    revision = '4'
    columns = { ...customers, id: ['string', ['17', '2', '3', '5']] }
    for (let i = 0; i < 2; i++) await table.look()
    expect(table.current.keys[0]?.kind).toBe('integer')
    expect(notices).toEqual([
      'info: Table customers.csv was read again: 4 rows',
      expect.stringMatching(/^error: Table customers\.csv changed and could not be read; lookups go on.*a column age/),
      expect.stringMatching(
        /keys of customers\.csv to be integer, as they were .* but they are text\. Deploy them again/,
      ),
    ])
    table.close()
  })
})

describe('tables of an engine', () => {
  it('are shared by steps that want the same, and let go with the last', async () => {
    let loads = 0
    const source = sourceOf(() => {
      loads++
      return customers
    })
    const tables = new LookupTables({
      store: { find: () => Promise.resolve(source) },
      bytesMax: 2 ** 20,
      onNotice: () => undefined,
    })
    const takes = [{ name: 'id', dtype: 'int64' as const, isNullable: false, shape: [] }]
    const segment = { kind: 'stage', where: 'steps[0]', type: 'lookup', step, takes, makes: [] } as const
    const context = { pipeline: 'p', onNotice: () => undefined }
    const [first, second] = await Promise.all([tables.open(segment, context), tables.open(segment, context)])
    expect(loads).toBe(1)
    expect(tables.metrics()).toMatchObject([{ table: 'customers.csv', rows: 4, bytes: 110 }])
    await first.close()
    await first.close()
    expect(tables.metrics()).toHaveLength(1)
    await second.close()
    expect(tables.metrics()).toEqual([])
  })

  it('are none without a folder', async () => {
    const tables = new LookupTables({ store: null, bytesMax: 1, onNotice: () => undefined })
    const segment = { kind: 'stage', where: 'steps[0]', type: 'lookup', step, takes: [], makes: [] } as const
    await expect(tables.open(segment, { pipeline: 'p', onNotice: () => undefined })).rejects.toThrow(
      /no folder of tables.*--tables/,
    )
  })
})
