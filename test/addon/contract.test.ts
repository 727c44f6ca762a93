/**
 * Rows and columns by a contract, through the addon: against an oracle of JSON.parse and plain loops over random specs
 * and bodies, and columns against the same rows as JSON. A failure names its seed: PENSTOCK_SEED=<seed> repeats it.
 */
import { expect, test } from 'vitest'
import { addon } from '../../bindings/native.js'
import type { GivenColumn, RowFieldSpec, RowProblem, RowsRead } from '../../bindings/native.js'
import { BodyFault, ContractRule, ExtraFields, OnInvalid } from '../../src/base/generated/boundary.js'
import { check, dtypes, elementsOf, type Cell, type OracleField } from './contract-oracle.js'

const seed = Number(process.env['PENSTOCK_SEED'] ?? Date.now() % 2 ** 31)
const encoder = new TextEncoder()

/** mulberry32: enough for a test, and short. */
function randomFrom(start: number): () => number {
  let state = start | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const random = randomFrom(seed)
const below = (count: number): number => Math.floor(random() * count)
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)] as T
const maybe = (share = 0.5): boolean => random() < share
const read = (spec: RowFieldSpec[], text: string, extra: 0 | 1 | 2 = ExtraFields.reject): RowsRead =>
  addon.readRows(addon.makeRowSpec({ fields: spec, extra }), encoder.encode(text))

const texts = [
  '',
  'red',
  'white',
  'ä',
  '😀😀',
  'a longer text, beyond sixteen bytes',
  'tab\t"\\/',
  'b\u0000c',
  '\ud800x',
  '7',
  '-12',
]
const numbers = [
  0, -0, 1, -1, 7, 2.5, 0.1, 127, 128, -128, -129, 255, 256, 2147483647, 2147483648, -2147483649, 1e-7, 1e21, -1e39,
  1e300, 5e-324, 123456.789, 9007199254740991,
]
const wide = [
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '9007199254740993',
  '007',
  '-',
]

function randomField(index: number): OracleField {
  const dtype = oneOf(Object.keys(dtypes)) as OracleField['dtype']
  const isText = dtype === 'string'
  const isNumber = !isText && dtype !== 'bool'
  const isNonBatching = isNumber && !dtype.startsWith('float')
  const policies = [
    OnInvalid.reject,
    OnInvalid.flag,
    OnInvalid.impute,
    OnInvalid.drop,
    ...(isNumber ? [OnInvalid.clamp] : []),
  ]
  const onInvalid = oneOf(policies)
  const isUnique = dtype !== 'bool' && onInvalid !== OnInvalid.impute && maybe(0.1)
  const isExclusive = isNonBatching || onInvalid !== OnInvalid.clamp ? maybe(0.3) : false
  const accepted = dtype === 'bool' ? [true] : isText ? ['red', 'white', 'ä'] : [0, 1, 7, 100]
  return {
    name: oneOf(['f', 'ä "', 'name of a field ', 'k\\']) + String(index),
    dtype,
    isNullable: maybe(),
    isRequired: maybe(0.7),
    dims: !isUnique && maybe(0.2) ? oneOf([[2], [2, 2], [1]]) : [],
    min: isNumber && maybe(0.4) ? (dtype.startsWith('uint') ? 1 : -2) : null,
    max: isNumber && maybe(0.4) ? 100 : null,
    isMinExclusive: isExclusive,
    isMaxExclusive: isExclusive,
    accepted: maybe(0.2) ? accepted : [],
    minLength: isText && maybe(0.2) ? 1 : null,
    maxLength: isText && maybe(0.2) ? 4 : null,
    isUnique,
    onInvalid,
    impute: onInvalid !== OnInvalid.impute ? null : dtype === 'bool' ? false : isText ? 'imputed' : 3,
  }
}

function randomCell(field: OracleField): Cell {
  const chance = random()
  if (chance < 0.08) return null
  if (chance < 0.16) return oneOf<Cell>(['7', true, 2.5, { a: [1] }, [1, [2]], texts[below(texts.length)] as string])
  if (field.dtype === 'string') return oneOf(texts)
  if (field.dtype === 'bool') return maybe()
  return field.dtype === 'int64' && maybe(0.3) ? oneOf(wide) : maybe(0.5) ? below(120) - 10 : oneOf(numbers)
}

function randomValue(field: OracleField): Cell {
  if (field.dims.length === 0 || maybe(0.1)) return randomCell(field)
  const flat = Array.from({ length: field.dims.reduce((product, dim) => product * dim, 1) }, () => randomCell(field))
  return field.dims.length === 2 && maybe() ? [flat.slice(0, 2), flat.slice(2)] : flat
}

/** JSON of a row: keys in any order, some escaped, white space here and there. */
function printRow(fields: OracleField[], row: Map<string, Cell>): string {
  const names = fields.map(({ name }) => name).filter((name) => row.has(name))
  if (maybe(0.3)) names.sort(() => random() - 0.5)
  const space = maybe(0.3) ? ' \n' : ''
  const key = (name: string): string => (maybe(0.1) ? `"\\u0066${JSON.stringify(name).slice(2)}` : JSON.stringify(name))
  const printed = names.map(
    (name) =>
      `${name.startsWith('f') ? key(name) : JSON.stringify(name)}${space}:${space}${JSON.stringify(row.get(name))}`,
  )
  return `{${printed.join(`${space},${space}`)}}`
}

const toSpec = (field: OracleField): RowFieldSpec => ({ ...field, dtype: dtypes[field.dtype].code })
const place = ({ row, field, element, rule, outcome }: RowProblem): number[] => [row, field, element, rule, outcome]

/** What a result says, without texts, as the oracle says it. */
function summary(result: RowsRead, fields: OracleField[]): object {
  const isRejected = result.rejected.count > 0
  return {
    rejected: result.rejected.first.map(place),
    mended: result.mended.first.map(place),
    rows: isRejected ? 0 : result.rows,
    dropped: isRejected ? [] : [...result.dropped],
    flags:
      isRejected || result.flags === null
        ? []
        : [...new Uint8Array(result.flags).entries()].filter(([, flag]) => flag !== 0).map(([row]) => row),
    columns: isRejected ? [] : fields.map((field, index) => elementsOf(field, result.columns[index], result.rows)),
  }
}

test(`contract: rows are what JSON.parse and plain loops make of them (seed ${seed})`, () => {
  let clean = 0
  let rejected = 0
  for (let round = 0; round < 1500; round++) {
    const fields = Array.from({ length: 1 + below(4) }, (_, index) => randomField(index))
    const isTidy = maybe(0.6)
    const rows = Array.from({ length: 1 + below(6) }, () => {
      const present = fields.filter(() => isTidy || maybe(0.9))
      return new Map(
        present.map((field) => [
          field.name,
          isTidy && field.dims.length === 0 && typeof field.impute === 'number' ? field.impute : randomValue(field),
        ]),
      )
    })
    const body =
      rows.length === 1 && maybe()
        ? printRow(fields, rows[0] as Map<string, Cell>)
        : `[${rows.map((row) => printRow(fields, row)).join(',')}]`
    const result = read(fields.map(toSpec), body)
    expect(result.fault, body).toBe(BodyFault.none)
    expect(summary(result, fields), `${JSON.stringify(fields)} ${body}`).toEqual(
      check(fields, JSON.parse(body) as object),
    )
    if (result.rejected.count > 0) rejected++
    else clean++
  }
  // Both happen often, or the comparison proves little.
  expect(Math.min(clean, rejected)).toBeGreaterThan(100)
})

test(`contract: columns meet the rules that the same rows meet as JSON (seed ${seed})`, () => {
  for (let round = 0; round < 500; round++) {
    const fields = Array.from({ length: 1 + below(4) }, (_, index) => ({
      ...randomField(index),
      isRequired: true,
      dims: [],
    }))
    const count = 1 + below(40)
    const isClean = maybe(0.3)
    const table = fields.map((field) =>
      Array.from({ length: count }, (): number | string | boolean | null => {
        if (!isClean && maybe(0.05)) return null
        if (field.dtype === 'bool') return maybe()
        if (field.dtype === 'string') return isClean ? 'red' : oneOf(texts.filter((text) => text.isWellFormed()))
        return isClean || maybe(0.6) ? below(8) : oneOf(numbers) + 0 // no -0, which JSON.stringify prints as 0
      }),
    )
    const rows = Array.from({ length: count }, (_, row) =>
      Object.fromEntries(fields.map(({ name }, index) => [name, table[index]?.[row]])),
    )
    const handle = addon.makeRowSpec({ fields: fields.map(toSpec) })
    const fromRows = addon.readRows(handle, encoder.encode(JSON.stringify(rows)))
    const fromColumns = addon.checkColumns(
      handle,
      table.map((values, index) => toColumn(fields[index] as OracleField, values)),
      count,
    )
    expect(summary(fromColumns, fields), JSON.stringify([fields, rows])).toEqual(summary(fromRows, fields))
  }
})

function toColumn({ dtype }: OracleField, values: (number | string | boolean | null)[]): GivenColumn {
  const validity = new Uint8Array(Math.ceil(values.length / 8))
  for (const [index, value] of values.entries())
    if (value !== null) validity[index >> 3] = (validity[index >> 3] as number) | (1 << (index & 7))
  if (dtype === 'bool')
    return { dtype: 9, values: Uint8Array.from(values, (value) => (value === true ? 1 : 0)), validity }
  if (dtype !== 'string') return { dtype: 11, values: Float64Array.from(values, Number), validity }
  const parts = values.map((value) => encoder.encode(value === null ? '' : String(value)))
  const offsets = new Uint32Array(values.length + 1)
  for (const [index, part] of parts.entries()) offsets[index + 1] = (offsets[index] as number) + part.length
  return { dtype: 8, values: Buffer.concat(parts), offsets, validity }
}

test('contract: a problem has its place and its text, an extra field its name', () => {
  const fields: RowFieldSpec[] = [
    { name: 'alcohol', dtype: 1, max: 15 },
    { name: 'box', dtype: 6, dims: [2] },
  ]
  const result = read(fields, '[{"alcohol":9.5,"box":[1,2]},{"alcohol":99.5,"box":[3,4.5],"alkohol":1}]')
  expect(result.rejected).toEqual({
    count: 3,
    first: [
      {
        row: 1,
        field: -1,
        element: -1,
        rule: ContractRule.extra,
        outcome: OnInvalid.reject,
        text: 'alkohol',
        isCut: false,
      },
      {
        row: 1,
        field: 0,
        element: -1,
        rule: ContractRule.maximum,
        outcome: OnInvalid.reject,
        text: '99.5',
        isCut: false,
      },
      {
        row: 1,
        field: 1,
        element: 1,
        rule: ContractRule.integer,
        outcome: OnInvalid.reject,
        text: '4.5',
        isCut: false,
      },
    ],
  })
  expect([...result.counts]).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0])
  const logged = read([{ name: 'x', dtype: 1 }], '[{"x":1,"y":2},{"y":3,"x":4,"z":5}]', ExtraFields.log)
  expect([logged.extraNames, logged.extraCount, logged.rejected.count]).toEqual([['y', 'z'], 3, 0])
})

test('contract: 64-bit integers are exact, as numbers and as texts, and so are their bounds', () => {
  const fields: RowFieldSpec[] = [
    { name: 'id', dtype: 7, max: 9007199254740993n },
    { name: 'u', dtype: 13, accepted: [2n ** 64n - 1n, 5] },
  ]
  const result = read(fields, '[{"id":9007199254740993,"u":18446744073709551615},{"id":"-9223372036854775808","u":5}]')
  expect(result.rejected.count).toBe(0)
  expect([...new BigInt64Array(result.columns[0]?.values as ArrayBuffer)]).toEqual([9007199254740993n, -(2n ** 63n)])
  expect([...new BigUint64Array(result.columns[1]?.values as ArrayBuffer)]).toEqual([2n ** 64n - 1n, 5n])
  expect(read(fields, '{"id":9007199254740994,"u":5}').rejected.first[0]).toMatchObject({
    rule: ContractRule.maximum,
    text: '9007199254740994',
  })
})

test('contract: a body that cannot be read says why and where, and the next is read', () => {
  const handle = addon.makeRowSpec({ fields: [{ name: 'x', dtype: 1 }] })
  const fault = (text: string, limits = {}): number[] => {
    const result = addon.readRows(handle, encoder.encode(text), limits)
    expect(result.rows).toBe(0)
    return [result.fault, result.at]
  }
  expect(fault('{"x":NaN}')).toEqual([BodyFault.notFinite, 5])
  expect(fault('[{"x":1}')).toEqual([BodyFault.end, 8])
  expect(fault('')).toEqual([BodyFault.end, 0])
  expect(fault('[{"x":1},{"x":2}]', { rowsMax: 1 })).toEqual([BodyFault.tooManyRows, 9])
  expect(fault('[{"x":1},{"x":2}]', { bytesMax: 8 })).toEqual([BodyFault.tooLarge, 9])
  expect(addon.readRows(handle, encoder.encode('{"x":1.5}')).rows).toBe(1)
})

test('contract: a spec or a column that does not fit throws RangeError in a sentence', () => {
  const refuse = (fields: unknown, sentence: RegExp): void => {
    expect(() => addon.makeRowSpec({ fields } as never)).toThrow(sentence)
    expect(() => addon.makeRowSpec({ fields } as never)).toThrow(RangeError)
  }
  refuse([], /Expected 1 to 4096 fields but received 0\./)
  refuse([{ name: 'x', dtype: 3, max: 200 }], /max of field "x" to be a value of its dtype but received 200\./)
  refuse([{ name: 'x', dtype: 7, max: 2n ** 70n }], /max to be a number, a bigint of 64 bits/)
  refuse([{ name: 'x', dtype: 1, onInvalid: 9 }], /onInvalid to be an integer from 0 to 4/)
  refuse([{ name: 7, dtype: 1 }], /name of a field to be a string/)
  refuse([7], /a field to be an object/)
  refuse([{ name: 'x', dtype: 1, accepted: 7 }], /accepted to be an array/)
  const handle = addon.makeRowSpec({
    fields: [
      { name: 'x', dtype: 1 },
      { name: 't', dtype: 8 },
    ],
  })
  const x: GivenColumn = { dtype: 1, values: new Float32Array(2) }
  const t: GivenColumn = { dtype: 8, values: new Uint8Array(2), offsets: Uint32Array.of(0, 1, 2) }
  expect(addon.checkColumns(handle, [x, t], 2).rejected.count).toBe(2) // NUL, twice
  for (const columns of [
    [x],
    [x, { ...t, offsets: Uint32Array.of(0, 1) }],
    [{ dtype: 8, values: new Uint8Array(8) }, t],
    [{ ...x, values: new Float32Array(3) }, t],
    [{ ...x, validity: new Uint8Array(0) }, t],
  ])
    expect(() => addon.checkColumns(handle, columns, 2)).toThrow(RangeError)
  expect(addon.checkColumns(handle, [x, { ...t, offsets: Uint32Array.of(0, 2, 1) }], 2)).toMatchObject({
    fault: BodyFault.offsets,
    at: 1,
  })
})

test('contract: mutated bodies end in a documented fault, never otherwise', () => {
  const handle = addon.makeRowSpec({
    fields: [
      { name: 'a', dtype: 1, onInvalid: OnInvalid.drop },
      { name: 'b', dtype: 8 },
      { name: 'c', dtype: 7, dims: [2] },
    ],
    extra: ExtraFields.log,
  })
  const body = encoder.encode('[{"a":1.5,"b":"tä\\u00e4xt","c":[1,"2"]},{"b":"","c":[3,4],"a":null,"d":{"e":[]}}]')
  const documented = new Set<number>(Object.values(BodyFault))
  for (let round = 0; round < 20_000; round++) {
    const mutated = body.slice(0, maybe(0.2) ? below(body.length + 1) : body.length)
    for (let change = below(5); change > 0 && mutated.length > 0; change--)
      mutated[below(mutated.length)] = maybe() ? below(256) : (oneOf([...'[]{},:"\\0e.-n']).codePointAt(0) as number)
    const result = addon.readRows(handle, mutated)
    expect(documented.has(result.fault)).toBe(true)
  }
})
