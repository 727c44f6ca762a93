/** Tables as rows: what a cell of each type is to a contract, and that nothing of it depends on the form. */
import {
  type DataType,
  Date_,
  DateUnit,
  Decimal,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  Null,
  Schema,
  Struct,
  Table,
  tableToIPC,
  TimeUnit,
  Timestamp,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { readArrow } from '../../formats/ipc/read-arrow.js'
import { checkRows, type RowCheck } from '../check-row.js'
import type { ContractField } from '../contract.js'
import { parseContract } from '../parse.js'
import { resolveContract } from '../resolve.js'
import { arrowRows } from './arrow-rows.js'
import { checkTable } from './check-table.js'
import { csvRows } from './csv-rows.js'
import type { RowTable } from './row-table.js'

type Fields = readonly ContractField[]
const contractOf = (fields: Fields) => resolveContract(parseContract({ fields, extra: 'ignore' }, 'c'))
const check = (table: RowTable, fields: Fields): RowCheck => {
  const steps = checkTable(contractOf(fields), table)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
const arrow = (columns: Record<string, Vector>): RowTable => arrowRows(readArrow(tableToIPC(new Table(columns)), 100))
const csv = (header: string, ...rows: string[]): RowTable =>
  csvRows({ header: header.split(','), rows: rows.map((row) => row.split(';')), sizeBytes: 10 })
/** The values of one column of a type, as the rows of a contract with that field have them. */
const values = (vector: Vector, field: Omit<ContractField, 'name'>): unknown[] => {
  const contract = contractOf([{ name: 'v', ...field }])
  return [...arrow({ v: vector }).batchesOf(contract)].flatMap(({ rowCount, columns: [column] }) =>
    Array.from({ length: rowCount }, (_, row) => column?.read(row)),
  )
}
const ofType = (type: DataType, data: ArrayBufferView, length: number): Vector =>
  new Vector([makeData({ type, length, nullCount: 0, data } as never)])

describe('a cell of an Arrow column', () => {
  it('is a number by its value, beyond 2^53 exactly, and missing where it is null or NaN', () => {
    const wide = vectorFromArray([7n, null, 2n ** 53n + 1n], new Int64())
    expect(values(wide, { dtype: 'int64?' })).toEqual([7, null, 2n ** 53n + 1n])
    expect(values(vectorFromArray([2n ** 64n - 1n], new Uint64()), { dtype: 'uint64' })).toEqual([2n ** 64n - 1n])
    expect(values(vectorFromArray([1, NaN, null], new Float64()), { dtype: 'int32?' })).toEqual([1, null, null])
    expect(values(ofType(new Float16(), Uint16Array.of(0x3c00, 0x7e00), 2), { dtype: 'float32?' })).toEqual([1, null])
    expect(values(vectorFromArray([null, null], new Null()), { dtype: 'float32?' })).toEqual([null, null])
    const cents = ofType(new Decimal(2, 10, 128), Uint32Array.of(1250, 0, 0, 0, 700, 0, 0, 0), 2)
    expect(values(cents, { dtype: 'float64' })).toEqual([12.5, 7])
  })

  it('of float32 keeps a bound that its number is written as, and is exact for a field of float64', () => {
    const vector = vectorFromArray([0.1, 0.7], new Float32())
    expect(values(vector, { dtype: 'float32' })).toEqual([Math.fround(0.1), Math.fround(0.7)])
    expect(values(vector, { dtype: 'float32', max: 0.7, min: 0.1 })).toEqual([0.1, 0.7])
    expect(values(vector, { dtype: 'float64', max: 1 })).toEqual([Math.fround(0.1), Math.fround(0.7)])
    const { columns, problemCount } = check(arrow({ v: vector }), [{ name: 'v', dtype: 'float32', min: 0.1, max: 0.7 }])
    expect(problemCount).toBe(0)
    expect(columns?.[0]?.data).toEqual(Float32Array.of(0.1, 0.7))
  })

  it('is a text of a date, a timestamp or a UUID, and no instant where it has no zone', () => {
    const days = ofType(new Date_(DateUnit.DAY), Int32Array.of(20484, -1), 2)
    expect(values(days, { dtype: 'date', role: 'passthrough' })).toEqual(['2026-01-31', '1969-12-31'])
    const ms = ofType(new Date_(DateUnit.MILLISECOND), BigInt64Array.of(-1n, 9n ** 18n), 2)
    expect(values(ms, { dtype: 'date', role: 'passthrough' })).toEqual([
      '1969-12-31',
      expect.stringMatching(/^\d+ days/),
    ])
    for (const [unit, value, text] of [
      [TimeUnit.SECOND, -1n, '1969-12-31T23:59:59.000000Z'],
      [TimeUnit.MILLISECOND, 1250n, '1970-01-01T00:00:01.250000Z'],
      [TimeUnit.MICROSECOND, 1n, '1970-01-01T00:00:00.000001Z'],
      [TimeUnit.NANOSECOND, -1n, '1969-12-31T23:59:59.999999Z'],
    ] as const) {
      const zoned = ofType(new Timestamp(unit, 'Europe/Rome'), BigInt64Array.of(value), 1)
      expect(values(zoned, { dtype: 'timestamp', role: 'timestamp' }), text).toEqual([text])
    }
    const naive = ofType(new Timestamp(TimeUnit.SECOND), BigInt64Array.of(0n), 1)
    const { problems } = check(arrow({ v: naive }), [{ name: 'v', dtype: 'timestamp', role: 'timestamp' }])
    expect(problems).toMatchObject([{ path: '/0/v', rule: 'dtype', wayOut: expect.stringContaining('zone') as string }])
    const late = ofType(new Timestamp(TimeUnit.SECOND, 'UTC'), BigInt64Array.of(2n ** 62n), 1)
    expect(check(arrow({ v: late }), [{ name: 'v', dtype: 'timestamp', role: 'timestamp' }]).refusalCount).toBe(1)
    const uuid = ofType(
      new FixedSizeBinary(16),
      Uint8Array.from({ length: 16 }, (_, at) => at * 17),
      1,
    )
    expect(values(uuid, { dtype: 'uuid', role: 'entity' })).toEqual(['00112233-4455-6677-8899-aabbccddeeff'])
  })

  it('is a list in the dims of its field, by its own nesting or its metadata', () => {
    const six = vectorFromArray([[1, 2, 3, 4, 5, 6]], new FixedSizeList(6, new Field('item', new Float32())))
    const nested = [
      [1, 2, 3],
      [4, 5, 6],
    ]
    expect(values(six, { dtype: 'float32', shape: [2, 3] })).toEqual([nested])
    expect(values(six, { dtype: 'float32', shape: [null, 3] })).toEqual([nested])
    expect(values(six, { dtype: 'float32', shape: [6] })).toEqual([[1, 2, 3, 4, 5, 6]])
    const inner = new Field('item', new List(new Field('item', new Int32())))
    expect(values(vectorFromArray([nested], new List(inner)), { dtype: 'int32', shape: [null, 3] })).toEqual([nested])
    const single = vectorFromArray([[5], [6]], new FixedSizeList(1, new Field('item', new Int32())))
    expect(values(single, { dtype: 'int32' })).toEqual([5, 6])
    const metadata = new Map([
      ['ARROW:extension:name', 'arrow.fixed_shape_tensor'],
      ['ARROW:extension:metadata', '{"shape": [3, 2], "permutation": [1, 0]}'],
    ])
    const field = new Field('v', six.type, false, metadata)
    const permuted = arrowRows(readArrow(tableToIPC(new Table(new Schema([field]), { v: six })), 9))
    expect(check(permuted, [{ name: 'v', dtype: 'float32', shape: [2, 3] }]).columns?.[0]?.data).toEqual(
      Float32Array.of(1, 3, 5, 2, 4, 6),
    )
    const { problems } = check(arrow({ v: six }), [{ name: 'v', dtype: 'float32', shape: [7] }])
    expect(problems).toMatchObject([{ path: '/0/v', rule: 'shape' }])
  })

  it('of a type that no field has breaks the rule of the dtype', () => {
    const spans = ofType(new Duration(TimeUnit.SECOND), BigInt64Array.of(1n), 1)
    const struct = vectorFromArray([{ a: 1 }], new Struct([new Field('a', new Int32())]))
    for (const vector of [spans, struct]) {
      const { problems } = check(arrow({ v: vector }), [{ name: 'v', dtype: 'float32' }])
      expect(problems).toMatchObject([
        { path: '/0/v', rule: 'dtype', value: expect.stringMatching(/^<\w+>$/) as string },
      ])
    }
  })

  it('may have a column of any name, and be in any batch', () => {
    const table = new Table({
      ['__proto__']: vectorFromArray([1], new Int32()),
      s: vectorFromArray(['é\ufeff'], new Utf8()),
    })
    const rows = arrowRows(readArrow(tableToIPC(table.concat(table)), 9))
    const { columns } = check(rows, [
      { name: '__proto__', dtype: 'int32' },
      { name: 's', dtype: 'string' },
    ])
    expect(columns?.map(({ data }) => [...data])).toEqual([
      [1, 1],
      ['é\ufeff', 'é\ufeff'],
    ])
  })
})

describe('a cell of CSV', () => {
  it('is what its field says; columns of elements are a list', () => {
    const fields: Fields = [
      { name: 'x', dtype: 'float32', shape: [2, 2] },
      { name: 'n', dtype: 'int64?' },
      { name: 's', dtype: 'string' },
      { name: 'b', dtype: 'bool' },
    ]
    const table = csv('x[0],x[1],x[2],x[3],s,b,n', '1;2;3;4;NA;True;9007199254740993', '1;.5;3;4;;false;')
    const { columns, problems } = check(table, fields)
    expect(problems).toEqual([])
    expect(columns?.map(({ data }) => [...data])).toEqual([
      [1, 2, 3, 4, 1, 0.5, 3, 4],
      [9007199254740993n, 0n],
      ['NA', ''],
      [1, 0],
    ])
    const bad = check(csv('x[0],x[1],x[2],x[3],s,b,n', '1;2;x;4;a;1;2'), fields)
    expect(bad.problems).toMatchObject([
      { path: '/0/x/1/0', rule: 'dtype', value: 'x' },
      { path: '/0/b', rule: 'dtype', value: '1' },
    ])
    expect(check(csv('x[0],x[1],x[2],s,b,n', '1;2;3;a;true;2'), fields).problems).toMatchObject([
      { path: '/0/x', rule: 'shape' },
    ])
    expect(() => csv('a,b,a')).toThrow(/different names/)
  })
})

describe('a table', () => {
  it('is reported as the list of its rows would be, but for columns that are no field: they are reported once', () => {
    const fields: Fields = [
      { name: 'id', dtype: 'int32', role: 'entity', unique: true, onInvalid: 'drop' },
      { name: 'a', dtype: 'float32', max: 0.7, onInvalid: 'flag' },
      { name: 'b', dtype: 'float32', required: false, impute: 2 },
      { name: 'c', dtype: 'int32', onInvalid: 'impute', impute: 3 },
    ]
    const rows = [
      { id: 1, a: 0.7, c: 1 },
      { id: 2, a: 0.8, c: null },
      { id: 1, a: 0.1, c: 2 },
      { id: 4, a: 0.9, c: 2.5 },
    ]
    const column = (name: 'id' | 'a' | 'c', type: DataType): Vector =>
      vectorFromArray(
        rows.map((row) => row[name]),
        type,
      )
    const table = arrow({ c: column('c', new Float64()), id: column('id', new Int32()), a: column('a', new Float32()) })
    const wanted = checkRows(contractOf(fields), rows)
    expect(wanted.problems.map(({ path, action }) => `${path} ${action}`)).toEqual([
      '/1/a flag',
      '/2/id drop',
      '/3/a flag',
      '/3/c impute',
    ])
    expect(check(table, fields)).toEqual(wanted)
    const strict = resolveContract(parseContract({ fields: [{ name: 'a', dtype: 'float32' }] }, 'c'))
    const misnamed = arrow({ b: column('a', new Float32()) })
    const { value } = checkTable(strict, misnamed).next() as { value: RowCheck }
    expect(value.problems.map(({ path, rule }) => `${path} ${rule}`)).toEqual([
      '/0/a required',
      '/0/b extra',
      '/1/a required',
      '/2/a required',
      '/3/a required',
    ])
    expect(value.problems.map((problem) => problem.value)).toEqual([undefined, 0.7, undefined, undefined, undefined])
    expect(check(misnamed, [{ name: 'b', dtype: 'float32?' }]).extra).toEqual([])
    expect(check(misnamed, [{ name: 'z', dtype: 'float32?', required: false }]).extra).toEqual(['b'])
  })

  it('of very many columns is refused or told in little time, with no names proposed', () => {
    const strict = resolveContract(
      parseContract(
        { fields: Array.from({ length: 200 }, (_, at) => ({ name: `field ${at}`, dtype: 'float32' })) },
        'c',
      ),
    )
    const titles = (count: number): string => Array.from({ length: count }, (_, at) => `column ${at}`).join(',')
    const cells = (count: number): string => new Array(count).fill('1').join(';')
    const { value } = checkTable(strict, csv(titles(2000), cells(2000))).next() as { value: RowCheck }
    expect(value.problemCount).toBe(2200)
    expect(value.problems.every(({ wayOut }) => !/field \d|column \d/.test(wayOut))).toBe(true)
    expect(() => checkTable(strict, csv(titles(100_000), cells(100_000))).next()).toThrow(/at most 4352 columns/)
  })

  it('is checked in parts of some thousand values, of all its batches', () => {
    const part = new Table({ a: vectorFromArray(new Float32Array(5000)) })
    const table = arrowRows(readArrow(tableToIPC(part.concat(part)), 10_000))
    const steps = checkTable(contractOf([{ name: 'a', dtype: 'float32' }]), table)
    const turns = Array.from({ length: 3 }, () => steps.next())
    expect(turns.map(({ done }) => done)).toEqual([false, false, true])
    expect(turns[2]?.value).toMatchObject({ rowCount: 10_000, problemCount: 0 })
  })

  it('says what its checked values take, those of columns that are not there too', () => {
    const table = arrow({ a: vectorFromArray([1, 2], new Int32()), s: vectorFromArray(['abcdefg', 'h'], new Utf8()) })
    const fields: Fields = [{ name: 'a', dtype: 'int32' }]
    expect(table.heldBytes(contractOf(fields))).toBe(2 * 24 + 8)
    const image: ContractField = { name: 'image', dtype: 'float32?', shape: [100, 100], required: false }
    expect(table.heldBytes(contractOf([...fields, image]))).toBe((2 + 20_000) * 24 + 8)
  })
})
