import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from './errors.js'
import {
  argumentError,
  describeValue,
  expectArray,
  expectBoolean,
  expectInteger,
  expectModelName,
  expectName,
  expectNoOtherKeys,
  expectNumber,
  expectOneOf,
  expectRecord,
  expectString,
} from './expect.js'

const seed = 20_261_121

function messageOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (isPenstockError(error) && error.code === 'ERR_ARGUMENT') return error.message
    throw error
  }
  throw new Error('Expected the call to throw but it returned')
}

describe('expect', () => {
  it('expectInteger: returns the ends of its range and refuses what lies beyond, in the house wording', () => {
    expect(expectInteger('deadlineMs', 1, 1, 10)).toBe(1)
    expect(expectInteger('deadlineMs', 10, 1, 10)).toBe(10)
    expect(messageOf(() => expectInteger('deadlineMs', 11, 1, 10))).toBe(
      'Expected deadlineMs to be an integer in 1..10 but received 11',
    )
    for (const value of [0, 1.5, Number.NaN, Infinity, '1', 1n, null, undefined, 2 ** 53])
      messageOf(() => expectInteger('n', value, 1, 2 ** 60))
  })

  it('expectInteger: accepts exactly the safe integers of its range', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger()), (value) => {
        const isInside = Number.isSafeInteger(value) && value >= -1000 && value <= 1_000_000
        if (isInside) expect(expectInteger('n', value, -1000, 1_000_000)).toBe(value)
        else messageOf(() => expectInteger('n', value, -1000, 1_000_000))
      }),
      { seed },
    )
  })

  it('expectNumber: refuses NaN, infinities and text', () => {
    expect(expectNumber('weight', 0.5, 0, 1)).toBe(0.5)
    for (const value of [Number.NaN, Infinity, -0.1, 1.1, '0.5']) messageOf(() => expectNumber('weight', value, 0, 1))
  })

  it('expectString: counts characters and says how many there were', () => {
    expect(expectString('key', '')).toBe('')
    expect(messageOf(() => expectString('key', 'abcd', 3))).toContain(
      'at most 3 characters but received "4 characters"',
    )
    messageOf(() => expectString('key', 5))
  })

  it('expectName: takes letters, digits and hyphens only, at most 128', () => {
    for (const name of ['a', 'ccfraud-2', 'A'.repeat(128)]) expect(expectName('model', name)).toBe(name)
    for (const name of ['', 'a b', 'a/b', '..', 'a_b', 'ä', 'a\n', 'A'.repeat(129), 5, null])
      messageOf(() => expectName('model', name))
  })

  it('expectName: shows the name to use where one is near', () => {
    expect(messageOf(() => expectName('name', 'ccfraud_v2'))).toMatch(/received "ccfraud_v2"\. Use ccfraud-v2$/)
    expect(messageOf(() => expectName('name', 'my model.v2'))).toMatch(/Use my-model-v2$/)
    expect(messageOf(() => expectName('name', 'ä'))).toMatch(/received "ä"$/)
  })

  it('expectModelName: takes underscores as well', () => {
    for (const name of ['a', '_', 'ccfraud_v2', 'A-'.repeat(64)]) expect(expectModelName('model', name)).toBe(name)
    for (const name of ['', 'a b', 'a/b', '..', 'ä', 'a\n', 'A'.repeat(129), 5, null])
      expect(messageOf(() => expectModelName('model', name))).toMatch(/hyphens and underscores/)
  })

  it('expectOneOf: names the choices', () => {
    expect(expectOneOf('priority', 'background', ['interactive', 'background'])).toBe('background')
    expect(messageOf(() => expectOneOf('priority', 'urgent', ['interactive', 'background']))).toBe(
      'Expected priority to be one of "interactive", "background" but received "urgent"',
    )
  })

  it('expectRecord, expectArray, expectBoolean: refuse the neighbours of their type', () => {
    expect(expectRecord('body', { a: 1 })).toEqual({ a: 1 })
    for (const value of [null, [], 'x', 1, undefined]) messageOf(() => expectRecord('body', value))
    expect(expectArray('steps', [1], 1)).toEqual([1])
    messageOf(() => expectArray('steps', [1, 2], 1))
    messageOf(() => expectArray('steps', { length: 1 }))
    expect(expectBoolean('deploy', false)).toBe(false)
    messageOf(() => expectBoolean('deploy', 'false'))
  })

  it('expectNoOtherKeys: names the misspelt key', () => {
    expectNoOtherKeys('step', { type: 'model' }, ['type', 'model'])
    expect(messageOf(() => expectNoOtherKeys('step', { typ: 'model' }, ['type', 'model']))).toContain('received "typ"')
  })

  it('describeValue: is one short line for any value', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withTypedArray: true, withNullPrototype: true }), (value) => {
        const text = describeValue(value)
        expect(text.length).toBeLessThanOrEqual(81)
        expect(text).not.toContain('\n')
      }),
      { seed },
    )
    expect(describeValue(new Float32Array(3))).toBe('Float32Array of 12 bytes')
    expect(describeValue('x'.repeat(10_000_000)).length).toBe(81)
  })

  it('argumentError: ends with the way out, and can carry another code', () => {
    const error = argumentError('rows.length', 'a multiple of 784', 1000, 'Pad the last row.', 'ERR_SHAPE')
    expect(error.message).toBe('Expected rows.length to be a multiple of 784 but received 1000. Pad the last row.')
    expect(error.code).toBe('ERR_SHAPE')
  })
})
