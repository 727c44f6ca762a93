import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../base/errors.js'
import { decodeMetaBlock, encodeMetaBlock, type Meta } from './meta.js'

function codeOf(meta: unknown, rows: number): string {
  try {
    encodeMetaBlock(meta as Meta, rows)
    return 'encoded'
  } catch (error) {
    return isPenstockError(error) ? `${error.code} ${error.message}` : `not ours: ${String(error)}`
  }
}

describe('meta: routing keys', () => {
  it('meta: numbers, texts and arrays of them come back', () => {
    const meta = { number: -0.125, text: 'naïve 漢字', numbers: [0, 1, 2], texts: ['', 'a', 'ß'] }
    expect({ ...decodeMetaBlock(encodeMetaBlock(meta, 3) ?? new Uint8Array(0)) }).toEqual(meta)
  })

  it('meta: no entry gives no block; undefined is no entry', () => {
    expect(encodeMetaBlock({}, 1)).toBeNull()
    expect(encodeMetaBlock({ region: undefined } as unknown as Meta, 1)).toBeNull()
  })

  it('meta: the key __proto__ is a key like any other', () => {
    const meta = JSON.parse('{"__proto__": "x"}') as Meta
    const back = decodeMetaBlock(encodeMetaBlock(meta, 1) ?? new Uint8Array(0))
    expect(Object.keys(back)).toEqual(['__proto__'])
  })

  it('meta: refuses arrays that have not one value per row', () => {
    expect(codeOf({ region: ['eu', 'us'] }, 3)).toBe(
      'ERR_META Expected meta.region to be one value, or an array of one per row (3) but received an array of 2 elements',
    )
  })

  const refused: [string, unknown][] = [
    ['NaN', { k: Number.NaN }],
    ['an infinite number of a row', { k: [1, Infinity] }],
    ['an object', { k: {} }],
    ['null', { k: null }],
    ['true', { k: true }],
    ['a bigint', { k: 1n }],
    ['a mixed array', { k: ['a', 1] }],
    ['a number among texts', { k: [1, 'a'] }],
    ['an array with a hole', { k: [1, undefined] }],
    ['a text beyond the limit', { k: 'x'.repeat(1025) }],
    ['a key beyond the limit', { ['x'.repeat(1025)]: 1 }],
    ['65 keys', Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, 1]))],
  ]
  for (const [title, meta] of refused) {
    it(`meta: refuses ${title}`, () => {
      expect(codeOf(meta, 2)).toMatch(/^ERR_META Expected /)
    })
  }

  it('meta: whatever is accepted comes back, seed 20261121', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    const number = fc.double({ noNaN: true, noDefaultInfinity: true })
    const property = fc.integer({ min: 1, max: 9 }).chain((rows) => {
      const perRow = { minLength: rows, maxLength: rows }
      const value = fc.oneof(text, number, fc.array(text, perRow), fc.array(number, perRow))
      return fc.tuple(fc.constant(rows), fc.dictionary(text, value, { minKeys: 1, maxKeys: 6, noNullPrototype: true }))
    })
    fc.assert(
      fc.property(property, ([rows, meta]) => {
        const back = decodeMetaBlock(encodeMetaBlock(meta, rows) ?? new Uint8Array(0))
        expect(Object.entries(back)).toEqual(Object.entries(meta))
      }),
      { seed: 20_261_121, numRuns: 500 },
    )
  })
})
