/** Made-up rows: valid ones keep every rule, broken ones break the one that they say, and the seed decides. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.js'
import { checkRows } from '../check-row.js'
import { parseContract } from '../parse.js'
import { compilePattern, isPattern } from '../pattern.js'
import { type ResolvedContract, resolveContract } from '../resolve.js'
import { everyField } from '../testing/contracts.js'
import { RowGenerator } from './generate.js'
import { patternSampler } from './sample-pattern.js'

const seed = 20270313
const contract = resolveContract(parseContract(everyField, 'every'))
const generator = (of: ResolvedContract, from = seed): RowGenerator => new RowGenerator(of, seededRandom(from))

describe('made-up rows', () => {
  it('are valid, all fields and missing ones among them', () => {
    const made = generator(contract)
    const rows = Array.from({ length: 500 }, () => made.valid())
    const { problems, columns } = checkRows(contract, rows)
    expect(problems).toEqual([])
    for (const { name, isNullable, isRequired, impute } of contract.inputs) {
      const column = columns?.find((one) => one.name === name)
      const mayMiss = isNullable || (!isRequired && impute === undefined)
      expect([name, column?.validity !== null], name).toEqual([name, mayMiss])
    }
  })

  it('break the rule that they say and no other, each rule that the contract has', () => {
    const made = generator(contract)
    const broken = new Set<string>()
    for (let index = 0; index < 2000; index++) {
      const one = made.invalid()
      if (one === null) throw new Error('Expected a row that breaks a rule')
      const { problems } = checkRows(contract, [one.row])
      expect(problems.map(({ field, rule }) => [field, rule])).toEqual([[one.field, one.rule]])
      broken.add(one.rule)
    }
    expect([...broken].sort()).toEqual(
      [
        'dtype',
        'exclusiveMax',
        'exclusiveMin',
        'max',
        'maxLength',
        'min',
        'minLength',
        'null',
        'pattern',
        'required',
        'shape',
        'values',
      ].sort(),
    )
  })

  it('are the same of the same seed, and others of another', () => {
    const rows = (from: number): string =>
      JSON.stringify(
        Array.from({ length: 20 }, (_, index) =>
          index % 2 === 0 ? generator(contract, from).valid() : generator(contract, from).invalid(),
        ),
      )
    expect(rows(1)).toBe(rows(1))
    expect(rows(1)).not.toBe(rows(2))
  })

  it('keep any bounds of any dtype of numbers', () => {
    const dtype = fc.constantFrom('float32', 'float64', 'float16', 'int8', 'uint16', 'int32')
    const bounds = fc.tuple(
      fc.integer({ min: -120, max: 120 }),
      fc.integer({ min: 0, max: 100 }),
      fc.constantFrom('min', 'exclusiveMin'),
    )
    fc.assert(
      fc.property(dtype, bounds, fc.integer(), (name, [low, span, rule], from) => {
        const least = name.startsWith('u') ? Math.abs(low) : low
        const high = Math.min(least + span + 2, 127)
        const one = resolveContract(
          parseContract([{ name: 'x', dtype: name, [rule]: Math.min(least, 120), max: high }], 'c'),
        )
        const made = generator(one, from)
        expect(
          checkRows(
            one,
            Array.from({ length: 20 }, () => made.valid()),
          ).problems,
        ).toEqual([])
      }),
      { seed, numRuns: 300 },
    )
  })

  it('take the example where a pattern is not read, and say so where there is none', () => {
    const field = { name: 'x', dtype: 'string', pattern: '^(?i)[[:alpha:]]{3}$' }
    const known = resolveContract(parseContract({ fields: [field], example: { x: 'abc' } }, 'c'))
    expect(generator(known).valid()).toEqual({ x: 'abc' })
    const unknown = resolveContract(parseContract([field], 'c'))
    expect(() => generator(unknown).valid()).toThrow(
      /^Expected x to be of a field of which values can be made.*example/,
    )
  })

  it('end where a unique field has no more values', () => {
    const few = resolveContract(parseContract([{ name: 'x', dtype: 'int8', min: 1, max: 3, unique: true }], 'c'))
    const made = generator(few)
    expect(new Set([made.valid(), made.valid(), made.valid()].map(({ x }) => x)).size).toBe(3)
    expect(() => made.valid()).toThrow(/of a field with more values/)
  })
})

describe('texts of a pattern', () => {
  it.each([
    '^[A-Z]{2}[0-9]{6}$',
    'a|bc|d*',
    '^(?:ab?)+\\.[^,;]{2,}$',
    '\\d{3}-\\w+\\s',
    '^\\$[a-z-]$',
    '^.{0,3}\\\\$',
    'x{2}y??',
    '[]a]+',
    '^\\n\\t$',
  ])('match %s', (text) => {
    const pattern = compilePattern(text)
    const sampler = patternSampler(text)
    const random = seededRandom(seed)
    for (let index = 0; index < 200; index++) {
      const made = sampler?.(random)
      expect(isPattern(pattern) && made !== undefined && pattern.test(made), made).toBe(true)
    }
  })

  it.each(['(?i)a', '[[:alpha:]]', '\\p{L}', '\\b', '(?P<n>a)', '\\x41', '[\\d-z', '(a', 'a**b|*'])(
    'are not made of %s',
    (text) => {
      expect(patternSampler(text)).toBe(null)
    },
  )

  it('are made of any pattern or of none, and never wrongly where it is read', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '[a-c]',
      '[^a]',
      '.',
      '\\d',
      '\\w',
      '(',
      ')',
      '(?:',
      '|',
      '*',
      '+',
      '?',
      '{2}',
      '{1,}',
      '^',
      '$',
      '\\.',
    )
    let made = 0
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.integer(), (pieces, from) => {
        const text = pieces.join('')
        const pattern = compilePattern(text)
        const sampler = patternSampler(text)
        if (!isPattern(pattern) || sampler === null || /[$].|.\^/.test(text)) return
        made++
        expect(pattern.test(sampler(seededRandom(from))), text).toBe(true)
      }),
      { seed, numRuns: 3000 },
    )
    expect(made).toBeGreaterThan(300)
  })
})
