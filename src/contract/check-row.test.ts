/** Rows against contracts: what each dtype takes by its value, what each rule refuses, what each action does. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkRows, type RowCheck } from './check-row.js'
import type { ContractField } from './contract.js'
import { parseContract } from './parse.js'
import { resolveContract } from './resolve.js'

const seed = 20270312

const checkAll = (fields: readonly object[], rows: readonly unknown[], extra = 'reject'): RowCheck =>
  checkRows(resolveContract(parseContract({ fields, extra }, 't')), rows)
/** Rows of one field `x`. */
const check = (field: object, values: readonly unknown[]): RowCheck =>
  checkAll(
    [{ name: 'x', dtype: 'float32', ...field }],
    values.map((x) => ({ x })),
  )
const told = ({ problems }: RowCheck): string[] => problems.map(({ path, rule, action }) => `${path} ${rule} ${action}`)
const dataOf = (result: RowCheck): unknown => Array.from<unknown>(result.columns?.[0]?.data ?? [])

describe('rows of a contract', () => {
  it.each<[string, unknown[], unknown[]]>([
    ['int8', [7, 7.0, -128, -0, 127n], [7, 7, -128, 0, 127]],
    ['uint32', [4294967295], [4294967295]],
    [
      'int64',
      [7, 2 ** 53 - 1, 9007199254740993n, '-9223372036854775808'],
      [7n, 9007199254740991n, 9007199254740993n, -9223372036854775808n],
    ],
    ['uint64', ['18446744073709551615', 0], [18446744073709551615n, 0n]],
    ['float32', [0.1, 7, 2n ** 60n, 1e38], [Math.fround(0.1), 7, 2 ** 60, Math.fround(1e38)]],
    ['float64', [0.1, -5e-324], [0.1, -5e-324]],
    ['float16', [1, 65504], [0x3c00, 0x7bff]],
    ['bfloat16', [1], [0x3f80]],
    ['bool', [true, false], [1, 0]],
    ['string', ['', 'ä😀'], ['', 'ä😀']],
  ])('take %s by value', (dtype, values, data) => {
    const result = check({ dtype }, values)
    expect(told(result)).toEqual([])
    expect(dataOf(result)).toEqual(data)
    expect(result.columns?.[0]?.validity).toBe(null)
  })

  it('take timestamps with their zone, dates and UUIDs', () => {
    const column = (dtype: string, values: unknown[]): unknown => {
      const fields = [
        { name: 'f', dtype: 'bool' },
        { name: 'x', dtype, role: 'passthrough' },
      ]
      const result = checkAll(
        fields,
        values.map((x) => ({ f: true, x })),
      )
      expect(told(result)).toEqual([])
      return Array.from<unknown>(result.columns?.[1]?.data ?? [])
    }
    const texts = [
      '1970-01-01T00:00:00Z',
      '2026-01-31T08:30:00.1234567+02:00',
      '1969-12-31t23:59:59.999999z',
      '0000-01-01 00:00:00Z',
    ]
    const at = BigInt(Date.parse('2026-01-31T06:30:00Z')) * 1000n
    expect(column('timestamp', [...texts, 1500, -1])).toEqual([
      0n,
      at + 123456n,
      -1n,
      -62167219200000000n,
      1_500_000n,
      -1000n,
    ])
    expect(column('date', ['1970-01-02', '2024-02-29', '0001-01-01'])).toEqual([1, 19782, -719162])
    expect(column('uuid', ['123E4567-E89B-12D3-A456-426614174000'])).toEqual(['123e4567-e89b-12d3-a456-426614174000'])
  })

  it.each<[string, unknown[]]>([
    ['int8', [128, -129, 0.5, '7', true, [7], {}, 2 ** 40, NaN, Infinity]],
    ['uint8', [-1, 256]],
    ['int64', [2 ** 53, 0.5, '7', '007', '9223372036854775808', 2n ** 63n, '1e20', '', ' 9007199254740993']],
    ['uint64', ['-9007199254740993', -1n]],
    ['float32', [1e39, '1.5', true, 'NaN', '', Infinity, [1]]],
    ['float16', [65520]],
    ['bfloat16', [3.4e38]],
    ['bool', [0, 1, 'true', 'yes']],
    ['string', [5, true, '\ud800', ['a']]],
  ])('refuse what is no %s', (dtype, values) => {
    const result = check({ dtype }, values)
    expect(told(result)).toEqual(values.map((_, row) => `/${row}/x dtype reject`))
    expect(result.columns).toBe(null)
  })

  it('refuse timestamps without zone, days that are none, and other texts of ids', () => {
    const refused = (dtype: string, values: unknown[]): void => {
      const fields = [
        { name: 'f', dtype: 'bool' },
        { name: 'x', dtype, role: 'passthrough' },
      ]
      const result = checkAll(
        fields,
        values.map((x) => ({ f: true, x })),
      )
      expect(told(result)).toEqual(values.map((_, row) => `/${row}/x dtype reject`))
    }
    refused('timestamp', [
      '2026-01-31T08:30:00',
      '2026-02-30T00:00:00Z',
      '2026-01-31T24:00:00Z',
      '2026-01-31',
      '2026-01-31T00:00:60Z',
      0.5,
      1e300,
      '2026-01-31T00:00:00+24:00',
      '9999-12-31T23:59:59-01:00',
    ])
    refused('date', ['2026-02-29', '2026-1-1', '2026-01-31T00:00:00Z', 5, ''])
    refused('uuid', ['123e4567e89b12d3a456426614174000', '{123e4567-e89b-12d3-a456-426614174000}', 5])
  })

  /** Each rule: a value that keeps it and one that does not. */
  it.each<[string, object, unknown, unknown]>([
    ['min', { min: 3 }, 3, 2.999],
    ['max', { max: 0.1 }, 0.1, 0.10000001],
    ['exclusiveMin', { dtype: 'int64', exclusiveMin: '9007199254740993' }, 9007199254740994n, '9007199254740993'],
    ['exclusiveMax', { exclusiveMax: 3 }, 2.999, 3],
    ['values', { values: [1, 2.5] }, 2.5, 2],
    ['values', { dtype: 'int64', values: ['9007199254740993'] }, 9007199254740993n, 9007199254740992n],
    ['values', { dtype: 'string', values: ['a', ''] }, '', 'A'],
    ['pattern', { dtype: 'string', pattern: '^(?i)[a-f]+$' }, 'cAfE', 'cafes'],
    ['pattern', { dtype: 'string', pattern: 'b' }, 'abc', 'ac'],
    ['minLength', { dtype: 'string', minLength: 2 }, '😀😀', '😀'],
    ['maxLength', { dtype: 'string', maxLength: 1 }, '😀', 'ab'],
    ['minLength', { shape: [null], minLength: 1 }, [1], []],
    [
      'maxLength',
      { shape: [null, 2], maxLength: 1 },
      [[1, 2]],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['unique', { dtype: 'int64', unique: true }, 4, 5],
    ['null', {}, 1, null],
    ['max', { dtype: 'uint8', max: 10 }, 10, 2 ** 40],
  ])('keep and break %s of %o', (rule, field, good, bad) => {
    const result = check(field, [5, good, bad].slice(rule === 'unique' ? 0 : 1))
    const row = rule === 'unique' ? 2 : 1
    expect(told(result)).toEqual([`/${row}/x ${rule} reject`])
  })

  it('are refused where they are no object, lack a field or have another', () => {
    const result = checkAll([{ name: 'fare', dtype: 'float32' }], [5, null, [], {}, { fares: 1 }, { fare: 1, x: 2 }])
    expect(result.problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      '/0: Expected row 0 to be an object with the fields as members but received 5',
      '/1: Expected row 1 to be an object with the fields as members but received null',
      '/2: Expected row 2 to be an object with the fields as members but received an array of 0 elements',
      '/3/fare: Expected fare of row 3 to be there but received nothing',
      '/4/fare: Expected fare of row 4 to be there but received nothing. The row has "fares", which is no field',
      '/4/fares: Expected fares of row 4 to be a field but received 1. Did you mean fare?',
      '/5/x: Expected x of row 5 to be a field but received 2. Leave it out, or let the contract ignore or log what is extra',
    ])
  })

  it('find no member on the prototype, and point with escapes', () => {
    const result = checkAll(
      [
        { name: 'toString', dtype: 'string' },
        { name: 'a/b~', dtype: 'bool' },
      ],
      [{ 'a/b~': 1 }],
    )
    expect(told(result)).toEqual(['/0/toString required reject', '/0/a~1b~0 dtype reject'])
  })

  it('keep or pass over other members where the contract says so, and tell their names', () => {
    for (const extra of ['ignore', 'log']) {
      const result = checkAll(
        [{ name: 'x', dtype: 'bool' }],
        [
          { x: true, b: 1 },
          { x: false, a: 1, b: 2 },
        ],
        extra,
      )
      expect(result.problems).toEqual([])
      expect(result.extra).toEqual(['b', 'a'])
    }
  })

  it('refuse a field of answers that is sent', () => {
    const fields = [
      { name: 'x', dtype: 'bool' },
      { name: 'y', dtype: 'bool', role: 'prediction' },
    ]
    expect(checkAll(fields, [{ x: true, y: false }]).problems[0]?.message).toMatch(/y is a field of answers$/)
  })

  it('mark what is missing: NaN, 0 and "" beside a validity of 0', () => {
    const fields = [
      { name: 'f', dtype: 'float16?', required: false },
      { name: 'i', dtype: 'int64?', required: false },
      { name: 's', dtype: 'string?' },
      { name: 'l', dtype: 'int8?', shape: [2], required: false },
      { name: 'v', dtype: 'int8?', shape: [null], required: false },
    ]
    const { columns, problems } = checkAll(fields, [
      { s: null },
      { f: 1, i: 5, s: 'a', l: [1, 2], v: [3, 4, 5] },
      { s: 'b', v: [], f: NaN },
    ])
    expect(problems).toEqual([])
    expect(columns?.map(({ data }) => Array.from<unknown>(data))).toEqual([
      [0x7e00, 0x3c00, 0x7e00],
      [0n, 5n, 0n],
      ['', 'a', 'b'],
      [0, 0, 1, 2, 0, 0],
      [3, 4, 5],
    ])
    expect(columns?.map(({ validity }) => validity && [...validity])).toEqual([
      [0, 1, 0],
      [0, 1, 0],
      [0, 1, 1],
      [0, 1, 0],
      [0, 1, 1],
    ])
    expect(Array.from(columns?.[4]?.offsets ?? [])).toEqual([0, 0, 3, 3])
  })

  it('fill in the imputed value where one is missing, and only there', () => {
    const result = check({ dtype: 'int8', impute: 9, required: false }, [null, 5, undefined])
    expect(told(result)).toEqual([])
    expect(dataOf(result)).toEqual([9, 5, 9])
    expect(told(check({ dtype: 'int8', impute: 9 }, ['x']))).toEqual(['/0/x dtype reject'])
    const absent = checkAll([{ name: 'x', dtype: 'int8', impute: 9 }], [{}])
    expect(told(absent)).toEqual(['/0/x required reject'])
  })

  it('impute what is invalid, by any rule', () => {
    const fields = [{ name: 'x', dtype: 'int8', max: 5, impute: 1, onInvalid: 'impute' }]
    const result = checkAll(fields, [{ x: 9 }, { x: 'a' }, {}, { x: null }, { x: 4 }])
    expect(told(result)).toEqual(['/0/x max impute', '/1/x dtype impute', '/2/x required impute'])
    expect(dataOf(result)).toEqual([1, 1, 1, 1, 4])
  })

  it('clamp what is out of bounds, beyond the dtype as well, and refuse the rest', () => {
    const result = check({ dtype: 'uint8', min: 3, max: 10, onInvalid: 'clamp' }, [1, 11, 2 ** 40, -7, 5])
    expect(told(result)).toEqual(['/0/x min clamp', '/1/x max clamp', '/2/x max clamp', '/3/x min clamp'])
    expect(dataOf(result)).toEqual([3, 10, 10, 3, 5])
    expect(told(check({ dtype: 'uint8', min: 3, onInvalid: 'clamp' }, [256]))).toEqual(['/0/x dtype reject'])
    expect(told(check({ dtype: 'uint8', max: 3, onInvalid: 'clamp' }, ['a', null]))).toEqual([
      '/0/x dtype reject',
      '/1/x null reject',
    ])
    const wide = check({ dtype: 'int64', exclusiveMax: '9007199254740994', onInvalid: 'clamp' }, ['9007199254740999'])
    expect(dataOf(wide)).toEqual([9007199254740993n])
  })

  it('flag what can be kept, take the rest for missing where that may be, and else refuse it', () => {
    const open = check({ dtype: 'int8?', max: 5, onInvalid: 'flag' }, [9, 'a', 1, 200])
    expect(told(open)).toEqual(['/0/x max flag', '/1/x dtype flag', '/3/x max flag'])
    expect(dataOf(open)).toEqual([9, 0, 1, 0])
    expect([...(open.columns?.[0]?.validity ?? [])]).toEqual([1, 0, 1, 0])
    const closed = check({ dtype: 'int8', max: 5, onInvalid: 'flag' }, [9, 200])
    expect(told(closed)).toEqual(['/0/x max flag', '/1/x max reject'])
    const text = check({ dtype: 'string', pattern: '^a$', maxLength: 1, onInvalid: 'flag' }, ['bb'])
    expect(told(text)).toEqual(['/0/x pattern flag'])
    expect(dataOf(text)).toEqual(['bb'])
  })

  it('go where a field drops them, whatever else is wrong with them that is not refused', () => {
    const fields = [
      { name: 'x', dtype: 'int8', max: 5, onInvalid: 'drop' },
      { name: 'y', dtype: 'int8', max: 5, onInvalid: 'clamp' },
    ]
    const result = checkAll(fields, [{ x: 6, y: 9 }, { x: 1, y: 9 }, { y: 1 }, { x: 2, y: 2 }])
    expect(told(result)).toEqual(['/0/x max drop', '/0/y max clamp', '/1/y max clamp', '/2/x required drop'])
    expect([...result.rows]).toEqual([1, 3])
    expect([...result.droppedRows]).toEqual([0, 2])
    expect(result.columns?.map(({ data }) => Array.from<unknown>(data))).toEqual([
      [1, 2],
      [5, 2],
    ])
  })

  it('compare unique values with those of kept rows alone, missing and broken ones aside', () => {
    const fields = [
      { name: 'a', dtype: 'int64?', unique: true, onInvalid: 'drop', max: 100 },
      { name: 'b', dtype: 'string', unique: true, onInvalid: 'drop' },
    ]
    const rows = [
      { a: 1, b: 'p' },
      { a: 1, b: 'q' },
      { a: null, b: 'q' },
      { a: null, b: 'r' },
      { a: 500, b: 's' },
      { a: 2, b: 's' },
      { a: '9007199254740993', b: 5 },
    ]
    const result = checkAll(fields, rows)
    expect(told(result)).toEqual(['/1/a unique drop', '/4/a max drop', '/6/a max drop', '/6/b dtype drop'])
    expect([...result.rows]).toEqual([0, 2, 3, 5])
    const imputed = check({ dtype: 'int8', unique: true, onInvalid: 'impute', impute: 0 }, [1, 1, 1, 0, null])
    expect(told(imputed)).toEqual(['/1/x unique impute', '/2/x unique impute'])
    expect(dataOf(imputed)).toEqual([1, 0, 0, 0, 0])
  })

  it('point into lists, and tell what refuses a list before what it survives', () => {
    const result = check({ shape: [2, 2], max: 5, onInvalid: 'clamp' }, [
      [
        [1, 9],
        [9, 2],
      ],
      [
        [1, 9],
        ['a', 2],
      ],
      [[1, 2], [3]],
      [[1, 2]],
      7,
      [
        [1, null],
        [2, 3],
      ],
    ])
    expect(told(result)).toEqual([
      '/0/x/0/1 max clamp',
      '/1/x/1/0 dtype reject',
      '/2/x/1 shape reject',
      '/3/x shape reject',
      '/4/x shape reject',
      '/5/x/0/1 dtype reject',
    ])
    const clamped = check({ shape: [2, 2], max: 5, onInvalid: 'clamp' }, [
      [
        [1, 9],
        [9, 2],
      ],
    ])
    expect(dataOf(clamped)).toEqual([1, 5, 5, 2])
  })

  it('leave out a target, and read it where it is', () => {
    const fields = [
      { name: 'x', dtype: 'bool' },
      { name: 'y', dtype: 'int8', role: 'target' },
    ]
    const result = checkAll(fields, [{ x: true }, { x: true, y: 3 }])
    expect(told(result)).toEqual([])
    expect(result.columns?.[1]).toMatchObject({ data: Int8Array.of(0, 3), validity: Uint8Array.of(0, 1) })
  })

  it('are none or many: empty columns of none, and a bounded list of problems of many', () => {
    const none = check({}, [])
    expect(none.columns?.[0]).toMatchObject({ rows: 0, data: new Float32Array(0), validity: null })
    const many = check({}, new Array(1500).fill('x'))
    expect(many.problems.length).toBe(1000)
    expect(many.problemCount).toBe(1500)
  })

  it('say a row with null where a field may be missing and each value as it is otherwise', () => {
    const field: ContractField = { name: 'x', dtype: 'float64?', required: false, min: -1e9, exclusiveMax: 1e9 }
    const value = fc.option(fc.double({ min: -2e9, max: 2e9, noNaN: true }))
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const result = check(field, values)
        const expected = values.flatMap((one, row) => {
          if (one === null || (one >= -1e9 && one < 1e9)) return []
          return [`/${row}/x ${one < 0 ? 'min' : 'exclusiveMax'} reject`]
        })
        expect(told(result)).toEqual(expected)
        if (expected.length === 0) expect(dataOf(result)).toEqual(values.map((one) => one ?? NaN))
      }),
      { seed, numRuns: 500 },
    )
  })

  it('compare integers beyond 2^53 exactly with each other and with bounds', () => {
    const wide = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    const text = (integer: bigint): number | string =>
      Number.isSafeInteger(Number(integer)) ? Number(integer) : String(integer)
    fc.assert(
      fc.property(wide, wide, fc.bigInt({ min: -2n, max: 2n }), (bound, other, offset) => {
        for (const value of [other, BigInt.asIntN(64, bound + offset)]) {
          const result = check({ dtype: 'int64', min: text(bound) }, [value, text(value)])
          expect(told(result)).toEqual(value >= bound ? [] : ['/0/x min reject', '/1/x min reject'])
          if (value >= bound) expect(dataOf(result)).toEqual([value, value])
        }
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('never throw, whatever the rows are', () => {
    const field = fc.record(
      {
        dtype: fc.constantFrom('int8', 'float32?', 'string', 'int64', 'bool?', 'float16'),
        required: fc.boolean(),
        onInvalid: fc.constantFrom('reject', 'flag', 'drop'),
        shape: fc.constantFrom([], [2], [null]),
      },
      { requiredKeys: ['dtype'] },
    )
    const row = fc.oneof(
      fc.dictionary(fc.constantFrom('x', 'y', '__proto__'), fc.jsonValue({ maxDepth: 2 })),
      fc.jsonValue(),
    )
    fc.assert(
      fc.property(field, fc.array(row, { maxLength: 6 }), (members, rows) => {
        const isHollow = members.required === false && !members.dtype.endsWith('?')
        const fields = [{ name: 'x', ...members, ...(isHollow ? { required: true } : {}) }]
        const result = checkAll(fields, rows)
        expect(result.rows.length + result.droppedRows.length).toBe(rows.length)
        expect(result.columns === null).toBe(result.problems.some(({ action }) => action === 'reject'))
        if (result.columns !== null) expect(result.columns[0]?.rows).toBe(result.rows.length)
      }),
      { seed, numRuns: 2000 },
    )
  })
})
