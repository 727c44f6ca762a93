/**
 * The addon's reader of rows against the reference in JavaScript: whatever body comes, both give the same columns, problems
 * and errors, and are charged the same. Random contracts, made-up rows, hostile bodies. PENSTOCK_SEED=<seed> repeats a run.
 */
import { describe, expect, it } from 'vitest'
import { type RandomSource, seededRandom } from '../../base/random.js'
import { isPenstockError } from '../../base/errors.js'
import type { ContractField, InvalidAction } from '../../contract/contract.js'
import { RowGenerator } from '../../contract/derived/generate.js'
import { parseContract } from '../../contract/parse.js'
import { type ResolvedContract, resolveContract } from '../../contract/resolve.js'
import { everyField } from '../../contract/testing/contracts.js'
import { nativeRows } from './native-rows.js'
import { jsonRowsReader, NativeRowsReader, type RowsReader } from './rows-reader.js'

const seed = Number(process.env['PENSTOCK_SEED'] ?? Date.now() % 2 ** 31)
const native = new NativeRowsReader()
const encoder = new TextEncoder()

const fields: readonly ContractField[] = [
  ...everyField.filter(({ name }) => name !== 'tokens'),
  { name: 'f32', dtype: 'float32' },
  { name: 'f32 bounded', dtype: 'float32?', min: 0.1, exclusiveMax: 1.1, required: false },
  { name: 'f16', dtype: 'float16?' },
  { name: 'f16 accepted', dtype: 'float16', values: [0.1, 2, -0.5] },
  { name: 'f64', dtype: 'float64', min: -1e300, exclusiveMax: 0.1 },
  { name: 'i8', dtype: 'int8?', required: false },
  { name: 'u32', dtype: 'uint32', exclusiveMin: 7 },
  { name: 'i64', dtype: 'int64?', unique: true },
  { name: 'u64', dtype: 'uint64', min: '9007199254740993' },
  { name: 'u16 imputed', dtype: 'uint16', impute: 7, required: false },
  { name: 'key', dtype: 'string', unique: true },
  { name: 'ä "key"\\', dtype: 'string?', maxLength: 3 },
  { name: 'pair', dtype: 'string?', shape: [2], values: ['a', 'ß', ''], required: false },
  { name: 'one', dtype: 'float32?', shape: [1] },
  { name: '__proto__', dtype: 'bool?', required: false },
]

const actions: readonly InvalidAction[] = ['reject', 'reject', 'flag', 'drop']

function randomContract(random: RandomSource): ResolvedContract {
  const chosen = fields.filter(() => random() < 0.25)
  const [first] = fields
  const changed = (chosen.length === 0 && first !== undefined ? [first] : chosen).map((field) => ({
    ...field,
    onInvalid: actions[Math.floor(random() * actions.length)],
  }))
  const extra = (['reject', 'ignore', 'log'] as const)[Math.floor(random() * 3)]
  return resolveContract(parseContract({ name: 'c', fields: changed, extra }, 'c'))
}

/** What a reader made of a body, errors as data. */
function outcome(reader: RowsReader, contract: ResolvedContract, bytes: Uint8Array, form: 'json' | 'lines'): unknown {
  let held = 0
  try {
    return { read: reader.read(contract, { form, bytes }, (more) => void (held += more)), held }
  } catch (error) {
    if (!isPenstockError(error)) throw error
    return { code: error.code, message: error.message, held }
  }
}

function expectSame(contract: ResolvedContract, body: string | Uint8Array, form: 'json' | 'lines'): void {
  const bytes = typeof body === 'string' ? encoder.encode(body) : body
  const text = JSON.stringify(contract.contract.fields) + Buffer.from(bytes).toString('latin1')
  expect(outcome(native, contract, bytes, form), text).toEqual(outcome(jsonRowsReader, contract, bytes, form))
}

/** Any JSON writer's text of the same rows. */
function bodyOf(rows: readonly unknown[], form: 'one' | 'list' | 'lines', random: RandomSource): string {
  const texts = rows.map((row) => {
    const entries = Object.entries(row as object)
    if (random() < 0.3) entries.sort(() => random() - 0.5)
    return JSON.stringify(Object.fromEntries(entries), null, random() < 0.2 ? 2 : undefined)
  })
  if (form === 'one') return texts[0] ?? '{}'
  return form === 'list' ? `[${texts.join(random() < 0.5 ? ',' : ' ,\n')}]` : texts.join('\n')
}

const forms = ['one', 'list', 'lines'] as const

describe(`rows of JSON by the addon (seed ${seed})`, () => {
  it('are the columns and problems that the reference finds', () => {
    const random = seededRandom(seed)
    let taken = 0
    for (let round = 0; round < 200; round++) {
      const contract = randomContract(random)
      const compiled = nativeRows(contract)
      const made = new RowGenerator(contract, random)
      for (const form of forms) {
        const share = random() < 0.5 ? 0 : 0.3
        const rows = Array.from({ length: 1 + Math.floor(random() * 5) }, () =>
          random() < share ? (made.invalid()?.row ?? {}) : made.valid(),
        )
        const body = bodyOf(rows, form, random)
        expectSame(contract, body, form === 'lines' ? 'lines' : 'json')
        if (compiled?.read(encoder.encode(body), form === 'lines') != null) taken++
      }
    }
    // Else it compared the reference with itself.
    expect(taken).toBeGreaterThan(100)
  })

  it('are refused as the reference refuses them, whatever bytes come', () => {
    const random = seededRandom(seed + 1)
    const pieces = ['"', '\\', ',', ':', '{', '}', '[', ']', '1e999', '-0', '\\ud800', '\u0000', 'null', '9'.repeat(17)]
    for (let round = 0; round < 60; round++) {
      const contract = randomContract(random)
      const made = new RowGenerator(contract, random)
      const body = encoder.encode(bodyOf([made.valid(), made.valid()], random() < 0.5 ? 'list' : 'lines', random))
      for (let change = 0; change < 15; change++) {
        const at = Math.floor(random() * body.length)
        const piece = encoder.encode(pieces[Math.floor(random() * pieces.length)])
        const inserted = Buffer.concat([body.subarray(0, at), piece, body.subarray(at + Math.floor(random() * 3))])
        const flipped = Buffer.from(body)
        flipped[at] = Math.floor(random() * 256)
        for (const form of ['json', 'lines'] as const)
          for (const bytes of [inserted, flipped, body.subarray(0, at)]) expectSame(contract, bytes, form)
      }
    }
  })

  const numeric = (dtype: ContractField['dtype'], rules: Partial<ContractField> = {}): ResolvedContract =>
    resolveContract(parseContract({ name: 'n', fields: [{ name: 'x', dtype, ...rules }] }, 'n'))

  const numbers = [
    ...[
      '0',
      '-0',
      '1',
      '7.0',
      '70e-1',
      '0.5',
      '1e400',
      '-1e400',
      '1e-400',
      '1e17',
      '01',
      '1.',
      '.5',
      '+1',
      '1e',
      'NaN',
    ],
    ...['9007199254740991', '9007199254740992', '9007199254740993', '9007199254740993.0', '9.007199254740993e15'],
    ...['"5"', '"-5"', '"9007199254740991"', '"9007199254740993"', '"-9223372036854775808"', '"9223372036854775808"'],
    ...['"18446744073709551615"', '18446744073709551616', '"09007199254740993"', '"900719925474099\\u0033"', '""'],
    ...[
      '0.1',
      '0.10000000000000001',
      '0.1000000001',
      '0.09999999999',
      '3.4028235677973362e38',
      '3.4028235677973366e38',
    ],
    ...['65519.99', '65520', '-65520', '1e39', '128', '-129', '4294967296', 'true', 'null', '[1]', '{"x":1}', '"x"'],
    ...['7.00000000000000000000000001', '0.30000001192092896', '1.0000000000000002', '99999999999999999999999'],
  ]
  it.each([
    ['float32', {}],
    ['float32?', { min: 0.1, max: 1 }],
    ['float32', { exclusiveMin: 0.1, exclusiveMax: 7 }],
    ['float32', { values: [0.1, 1, 7] }],
    ['float16', {}],
    ['float16', { min: 0.1, exclusiveMax: 65504 }],
    ['float64', { min: 0.1 }],
    ['bfloat16', {}],
    ['int8?', {}],
    ['uint32', { exclusiveMin: 0 }],
    ['int64', { max: '9007199254740993' }],
    ['uint64', { values: [5, '18446744073709551615'] }],
    ['bool', {}],
    ['string', { minLength: 1 }],
    ['timestamp', { role: 'passthrough' }],
    ['date?', { role: 'passthrough' }],
  ] as const)('take the same numbers for %s %j', (dtype, rules) => {
    const contract = numeric(dtype, rules)
    for (const text of numbers) {
      expectSame(contract, `{"x":${text}}`, 'json')
      expectSame(contract, `[{"x":${text}},\t{"x":${text} }]`, 'json')
    }
  })

  it.each([
    ['', '[]', ' [ ] ', '{}', '7', 'null', '[7]', '[null]', '[[]]', '"x"', '{', '[{"x":1}', '{"x":1}]', '{"x":1},'],
    ['{"x":1,"x":2}', '{"x":1,"y":2}', '{"x":1,"y":2,"y":3}', '{"y":1}', '{"\\u0078":1}', '{"x":1,"\\u0078":2}'],
    ['\ufeff{"x":1}', '{"x":1}\n{"x":2}', '[{"x":1}]\n', '\n\n{"x":1}\r\n', '{"x":1,}', '{x:1}', "{'x':1}", '{"x" 1}'],
    [
      `{"x":${'['.repeat(70)}${']'.repeat(70)}}`,
      `{"x":1,"y":${'['.repeat(2000)}`,
      `[${'{"x":1},'.repeat(2000)}{"x":2}]`,
    ],
  ])('read bodies like %j the same', (...bodies) => {
    for (const extra of ['reject', 'ignore', 'log'] as const) {
      const contract = resolveContract(
        parseContract({ name: 'n', extra, fields: [{ name: 'x', dtype: 'float32' }] }, 'n'),
      )
      for (const body of bodies) for (const form of ['json', 'lines'] as const) expectSame(contract, body, form)
    }
  })

  it('of shapes are nested as the contract says', () => {
    const contract = numeric('float32?', { shape: [2, 2] })
    expect(nativeRows(contract)?.read(encoder.encode('{"x":[[1,2],[3,4]]}'), false)).not.toBeNull()
    for (const value of [
      '[[1,2],[3,4]]',
      '[1,2,3,4]',
      '[[1,2],[3,null]]',
      'null',
      '[[1,2]]',
      '[[1,2],[3,4],[5,6]]',
      '1',
    ])
      expectSame(contract, `[{"x":${value}},{"x":[[5,6],[7,8]]}]`, 'json')
  })

  it.each([
    { name: 'x', dtype: 'bfloat16' },
    { name: 'x', dtype: 'float32', shape: [null] },
    { name: 'x', dtype: 'uuid', role: 'entity', unique: true },
  ] as const)('are left to the reference for %j', (field) => {
    expect(nativeRows(resolveContract(parseContract({ name: 'n', fields: [field] }, 'n')))).toBeNull()
  })
})
