/** What is a contract, and that every mistake of a document is named with its place and the way out. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PenstockError } from '../base/errors.js'
import {
  canonicalContract,
  type Contract,
  contractsEqual,
  matchContractReference,
  parseContractReference,
} from './contract.js'
import { parseContract } from './parse.js'

const seed = 20270311

function refusal(json: unknown, name?: string): PenstockError {
  try {
    parseContract(json, name)
  } catch (error) {
    return error as PenstockError
  }
  throw new Error(`accepted ${JSON.stringify(json)}`)
}

/** The mistakes of a contract `t` with this one field. */
const fieldMistakes = (field: object): string[] =>
  (refusal([{ name: 'x', dtype: 'float32', ...field }], 't').errors ?? []).map(({ message }) => message)

const wine = {
  name: 'wine',
  description: 'Wines of two colours',
  contacts: ['cellar@example.org'],
  fields: [
    { name: 'bottle', dtype: 'uuid', role: 'entity', unique: true },
    { name: 'bottled at', dtype: 'timestamp?', role: 'timestamp', required: false },
    { name: 'fixed acidity', dtype: 'float32', role: 'feature', min: 0, max: 20, unit: 'g/l', onInvalid: 'clamp' },
    { name: 'colour', dtype: 'string', values: ['red', 'white'] },
    { name: 'serial', dtype: 'int64', exclusiveMin: '-9007199254740993', max: 10, role: 'passthrough' },
    { name: 'embedding', dtype: 'float32?', shape: [3], required: false },
    { name: 'quality', dtype: 'int64', role: 'target' },
    { name: 'prediction', dtype: 'float32', role: 'prediction', from: { output: 'variable' } },
    { name: 'p good', dtype: 'float32', role: 'probability', class: 'good', from: { output: 1, column: 2 } },
    { name: 'model', dtype: 'string', role: 'modelVersion' },
  ],
  example: {
    bottle: '123e4567-e89b-12d3-a456-426614174000',
    'fixed acidity': 7.4,
    colour: 'red',
    serial: '-9007199254740992',
  },
}

describe('contract', () => {
  it('takes a document with every kind of field, and leaves out what the default says', () => {
    const contract = parseContract(wine)
    expect(contract.fields[2]).toEqual({
      name: 'fixed acidity',
      dtype: 'float32',
      min: 0,
      max: 20,
      onInvalid: 'clamp',
      unit: 'g/l',
    })
    expect(Object.keys(contract)).toEqual(['name', 'description', 'contacts', 'fields', 'example'])
    expect(parseContract(JSON.parse(JSON.stringify(contract)))).toEqual(contract)
  })

  it('calls documents equal that say the same in another order or with the defaults written out', () => {
    const plain = parseContract([{ name: 'x', dtype: 'int64', min: 3 }], 't')
    const wordy = parseContract(
      {
        extra: 'reject',
        fields: [
          {
            min: '3',
            unique: false,
            required: true,
            onInvalid: 'reject',
            role: 'feature',
            shape: [],
            dtype: 'int64',
            name: 'x',
          },
        ],
      },
      't',
    )
    expect(canonicalContract(wordy)).toBe(canonicalContract(plain))
    expect(contractsEqual(plain, wordy)).toBe(true)
    const two = [
      { name: 'a', dtype: 'bool' },
      { name: 'b', dtype: 'bool' },
    ]
    expect(contractsEqual(parseContract(two, 't'), parseContract(two.toReversed(), 't'))).toBe(false)
  })

  it('takes any text as a name of a field, and keeps __proto__ one', () => {
    const names = ['__proto__', 'constructor', ' ', 'ä/b~c', '"', '火']
    const fields = names.map((name) => ({ name, dtype: 'bool' }))
    const example = Object.fromEntries(names.map((name) => [name, true]))
    const contract = parseContract({ fields, example }, 't')
    expect(contract.fields.map(({ name }) => name)).toEqual(names)
    expect(Object.keys(contract.example ?? {})).toEqual(names)
    expect(JSON.parse(canonicalContract(contract))).toEqual(JSON.parse(JSON.stringify(contract)))
  })

  it('tells all problems at once, each with its place', () => {
    const error = refusal({
      name: 'no name',
      feilds: [],
      fields: [
        { name: 'a', dtype: 'int46' },
        { name: 'b', dtype: 'int8', max: 300, requird: true },
        { name: 'c' },
        'd',
      ],
      contacts: [''],
      extra: 'rejects',
    })
    expect(error.code).toBe('ERR_CONTRACT_INVALID')
    expect(error.errors?.map(({ message }) => message)).toEqual([
      'Expected each member of a contract to be one of name, description, contacts, fields, extra, example but received "feilds". Did you mean fields?',
      expect.stringMatching(/^Expected fields\[0\]\.dtype to be one of float32, .* but received "int46"/),
      expect.stringMatching(
        /^Expected each member of fields\[1\] to be one of .* but received "requird". Did you mean required\?$/,
      ),
      expect.stringMatching(/^Expected fields\[2\]\.dtype to be one of .* but received undefined/),
      'Expected fields[3] to be an object like {"name": "age", "dtype": "int64"} but received "d"',
      'Expected name to be 1..128 letters, digits and hyphens but received "no name"',
      'Expected contacts[0] to be a printable text of at most 256 characters but received "". Name a person, a team or an address',
      'Expected extra to be one of reject, ignore, log but received "rejects". Did you mean reject?',
    ])
    expect(error.message).toMatch(/^8 mistakes: /)
  })

  it.each<[string, object, RegExp]>([
    [
      'an unknown dtype of elsewhere',
      { dtype: 'double' },
      /dtype to be one of .* but received "double"\. Use float64$/,
    ],
    ['a calendar dtype as a feature', { dtype: 'date' }, /dtype to be of a tensor, for the role feature.*passthrough/],
    ['a float entity', { role: 'entity' }, /dtype to be of the kind integer or string or uuid, for the role entity/],
    ['a text as event time', { dtype: 'string', role: 'timestamp' }, /of the kind timestamp or date/],
    [
      'a list of entities',
      { dtype: 'int64', role: 'entity', shape: [2] },
      /shape to be absent: the role entity takes one value/,
    ],
    ['a list of dates', { dtype: 'date', role: 'passthrough', shape: [2] }, /shape to be absent: date takes one value/],
    ['a probability without class', { role: 'probability' }, /class to be the class that it is the probability of/],
    ['a prediction with class', { role: 'prediction', class: 'a' }, /class to be absent: only a probability/],
    ['an input with class', { class: 'a' }, /class to be absent from a field that callers send/],
    ['an input read from an output', { from: { output: 0 } }, /from to be absent from a field that callers send/],
    ['an output with bounds', { role: 'prediction', min: 0 }, /min to be absent from a field of answers/],
    ['a place without output', { role: 'prediction', from: { column: 1 } }, /from\.output to be the name or position/],
    ['a place with another member', { role: 'prediction', from: { output: 0, col: 1 } }, /but received "col"/],
    [
      'a version that is read from a tensor',
      { role: 'modelVersion', dtype: 'string', from: { output: 0 } },
      /the server fills in/,
    ],
    ['bounds of a text', { dtype: 'string', min: 1 }, /min to be a number|min to be absent: a string has no bounds/],
    ['a bound beyond the dtype', { dtype: 'uint8', max: 256 }, /max to be an integer in 0\.\.255 but received 256/],
    ['a bound beyond float16', { dtype: 'float16', max: 1e6 }, /max to be a number in -65504\.\.65504/],
    ['half a bound of integers', { dtype: 'int32', min: 0.5 }, /min to be an integer but received 0\.5/],
    ['a bound that a double rounded', { dtype: 'int64', min: 2 ** 60 }, /beyond 2\^53 as a text of its digits/],
    ['a bound as text of 32 bits', { dtype: 'int32', min: '5' }, /min to be a number but received "5"/],
    ['two lower bounds', { min: 0, exclusiveMin: 1 }, /exclusiveMin to be absent where there is min/],
    ['bounds without room', { min: 2, max: 1 }, /min to be such that a value keeps it and max 1 but received 2/],
    ['open bounds without room', { exclusiveMin: 1, max: 1 }, /such that a value keeps it and max 1/],
    [
      'open bounds of integers without room',
      { dtype: 'int8', exclusiveMin: 1, exclusiveMax: 2 },
      /such that a value keeps/,
    ],
    ['values of bools', { dtype: 'bool', values: [1] }, /values to be absent: a bool has no list/],
    ['values of the wrong type', { dtype: 'string', values: ['a', 1] }, /values\[1\] to be a text/],
    ['values that bounds refuse', { values: [1, 5], max: 4 }, /values\[1\] to be at most 4 but received 5/],
    ['values twice', { dtype: 'string', values: ['a', 'a'] }, /values\[1\] to be in the list once/],
    [
      'values that the pattern refuses',
      { dtype: 'string', values: ['b'], pattern: '^a' },
      /values\[0\] to be a text that matches/,
    ],
    ['no values', { values: [] }, /values to be an array of 1\.\.4096 elements but received "0 elements"/],
    ['a pattern of numbers', { pattern: 'a' }, /pattern to be absent: a float is no text/],
    ['a look-ahead', { dtype: 'string', pattern: '(?=a)' }, /RE2's class.*no look-around/],
    ['a back-reference', { dtype: 'string', pattern: '(a)\\1' }, /RE2's class.*no back-references/],
    ['half a pattern', { dtype: 'string', pattern: '(a' }, /RE2's class.*The reason: .*missing closing/],
    [
      'a pattern that grows',
      { dtype: 'string', pattern: '(((a{30}){30}){30}){30}' },
      /RE2's class|at most 16384 instructions/,
    ],
    ['a length of numbers', { maxLength: 3 }, /maxLength to be absent: a float has no length/],
    ['a length beside fixed dims', { shape: [3], minLength: 1 }, /minLength to be absent: the shape says it/],
    ['lengths without room', { dtype: 'string', minLength: 3, maxLength: 2 }, /minLength to be at most maxLength, 2,/],
    ['a free dim that is not the first', { shape: [2, null] }, /shape to be dims from 1, the first of them null/],
    ['a dim of 0', { shape: [0] }, /shape to be dims from 1/],
    ['a shape as large as memory', { shape: [4096, 4097] }, /dims of at most 16777216 elements/],
    ['unique floats', { unique: true }, /unique to be absent: a float is not made to be unique/],
    ['unique lists', { dtype: 'int8', shape: [2], unique: true }, /unique to be absent: lists are not compared/],
    ['a clamp without bounds', { onInvalid: 'clamp' }, /onInvalid to be another action: clamp brings numbers/],
    ['a clamp to an open bound', { onInvalid: 'clamp', exclusiveMax: 1 }, /a float has no nearest value/],
    ['a clamp beside values', { onInvalid: 'clamp', max: 9, values: [1] }, /a clamped value need not be one of values/],
    ['imputing nothing', { onInvalid: 'impute' }, /onInvalid to be .* beside an impute value/],
    ['an impute value that is invalid', { impute: 5, max: 4 }, /impute to be at most 4 but received 5/],
    ['an impute list that is invalid', { impute: [1, 'b'], shape: [2] }, /impute\[1\] to be a number \(float32\)/],
    ['imputing null', { impute: null }, /impute to be a value but received null/],
    [
      'an impute value that is never used',
      { dtype: 'int8?', impute: 1 },
      /impute to be absent: a field whose dtype has a \?/,
    ],
    [
      'an absent member that nothing stands for',
      { required: false },
      /required to be true where nothing stands.*float32\?/,
    ],
    [
      'a target that is asked for',
      { role: 'target', required: true },
      /required to be absent: a target is known later/,
    ],
    ['a misspelt role', { role: 'featrue' }, /role to be one of .* but received "featrue"\. Did you mean feature\?/],
    ['a number for a description', { description: 5 }, /description to be a text but received 5/],
    ['half a surrogate as name', { name: '\ud800' }, /name to be a text/],
  ])('refuses %s', (_, field, message) => {
    const mistakes = fieldMistakes(field)
    expect(mistakes.join('\n')).toMatch(message)
  })

  it.each<[string, unknown, RegExp]>([
    ['no object', 5, /Expected a contract to be an object like .* but received 5/],
    ['no fields', {}, /Expected fields to be an array of fields but received undefined/],
    ['an empty list', [], /fields to be an array of 1\.\.4096 elements/],
    [
      'two fields of one name',
      [
        { name: 'a', dtype: 'bool' },
        { name: 'a', dtype: 'bool' },
      ],
      /fields\[1\]\.name to be another name than that of fields\[0\]/,
    ],
    ['answers alone', [{ name: 'a', dtype: 'bool', role: 'prediction' }], /at least one field that callers send/],
    [
      'two event times',
      [
        { name: 'a', dtype: 'date', role: 'timestamp' },
        { name: 'b', dtype: 'date', role: 'timestamp' },
      ],
      /fields\[1\]\.role to be the only timestamp/,
    ],
    [
      'an estimate of nothing',
      [
        { name: 'a', dtype: 'bool', role: 'target' },
        { name: 'p', dtype: 'bool', role: 'prediction', estimates: 'aa' },
      ],
      /estimates to be the name of a field with the role target/,
    ],
    [
      'an estimate of one of two',
      [
        { name: 'a', dtype: 'bool', role: 'target' },
        { name: 'b', dtype: 'bool', role: 'target' },
        { name: 'p', dtype: 'bool', role: 'prediction' },
      ],
      /estimates to be one of a, b/,
    ],
    [
      'two probabilities of a class',
      [
        { name: 'a', dtype: 'bool' },
        { name: 'p', dtype: 'float32', role: 'probability', class: 1 },
        { name: 'q', dtype: 'float32', role: 'probability', class: 1 },
      ],
      /the class of one probability alone/,
    ],
    [
      'an example that is no row',
      { fields: [{ name: 'a', dtype: 'bool' }], example: { a: 1 } },
      /Expected example\.a to be true or false but received 1/,
    ],
    [
      'an example that would be clamped',
      { fields: [{ name: 'a', dtype: 'int8', max: 3, onInvalid: 'clamp' }], example: { a: 4 } },
      /example\.a to be at most 3/,
    ],
    [
      'an example with another member',
      { fields: [{ name: 'a', dtype: 'bool' }], extra: 'ignore', example: { a: true, b: 1 } },
      /Expected example\.b to be a field but received 1/,
    ],
    [
      'an example without a member',
      { fields: [{ name: 'a', dtype: 'bool' }], example: {} },
      /Expected example\.a to be there/,
    ],
    [
      'another name than the address',
      { name: 'u', fields: [{ name: 'a', dtype: 'bool' }] },
      /name to be "t", as in the address/,
    ],
  ])('refuses a document of %s', (_, json, message) => {
    expect(refusal(json, 't').message).toMatch(message)
  })

  it('bounds the size of what it stores', () => {
    const fields = Array.from({ length: 200 }, (_, at) => ({
      name: `f${at}`,
      dtype: 'bool',
      description: 'x'.repeat(4000),
    }))
    expect(refusal(fields, 't').message).toMatch(/at most 524288 bytes of JSON/)
  })

  it('takes references apart', () => {
    expect(parseContractReference('wine@2')).toEqual({ name: 'wine', version: 2 })
    expect(parseContractReference('wine')).toEqual({ name: 'wine', version: null })
    for (const text of ['', 'wine@', 'wine@0', 'wine@champion', 'wi_ne', 'wine@2@3', 5])
      expect(matchContractReference(text), String(text)).toBe(null)
    expect(() => parseContractReference('wine@champion')).toThrow(/contracts have no aliases/)
  })

  it('either takes arbitrary JSON or refuses it with its code, and what it takes it takes again', () => {
    const names = fc.constantFrom(...['a', 'b', '__proto__'])
    const scalar = fc.oneof(fc.integer({ min: -9, max: 300 }), fc.boolean(), fc.string(), fc.constant(null))
    const member = fc.constantFrom(
      'role',
      'shape',
      'min',
      'max',
      'values',
      'pattern',
      'minLength',
      'required',
      'onInvalid',
      'impute',
      'class',
      'from',
    )
    const value = fc.oneof(
      scalar,
      fc.array(scalar, { maxLength: 3 }),
      fc.constantFrom('entity', 'drop', 'clamp', 'impute', 'target'),
    )
    const field = fc
      .tuple(
        names,
        fc.constantFrom('int8', 'float32?', 'string', 'date', 'int64', 'bool?'),
        fc.dictionary(member, value, { maxKeys: 4 }),
      )
      .map(([name, dtype, members]) => ({ name, dtype, ...members }))
    let taken = 0
    fc.assert(
      fc.property(
        fc.oneof({ weight: 9, arbitrary: fc.array(field, { maxLength: 3 }) }, { weight: 1, arbitrary: fc.jsonValue() }),
        (json) => {
          let contract: Contract
          try {
            contract = parseContract(json, 't')
          } catch (error) {
            expect((error as PenstockError).code).toBe('ERR_CONTRACT_INVALID')
            return
          }
          taken++
          expect(parseContract(JSON.parse(JSON.stringify(contract)), 't')).toEqual(contract)
        },
      ),
      { seed, numRuns: 3000 },
    )
    expect(taken).toBeGreaterThan(100)
  })
})
