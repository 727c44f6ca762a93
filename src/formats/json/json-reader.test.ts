/** The reader agrees with JSON.parse wherever JSON.parse is right, and refuses with a sentence where it is silent. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonReader, readJson } from './json-reader.js'

const seed = 20261121
const read = (text: string): unknown => readJson(Buffer.from(text))
const refusal = (text: string | Buffer): { code: string; message: string } => {
  try {
    readJson(Buffer.from(text as string))
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error(`accepted ${String(text)}`)
}

describe('json reader', () => {
  it('reads every value that JSON.stringify writes, as JSON.parse does', () => {
    const value = fc.jsonValue({ maxDepth: 6 })
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (original, space) => {
        const text = JSON.stringify(original, null, space)
        expect(JSON.stringify(read(text))).toBe(JSON.stringify(JSON.parse(text)))
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('rounds every decimal as Number does, to the bit', () => {
    const digits = fc.stringMatching(/^[0-9]{1,24}$/)
    const decimal = fc.tuple(
      fc.constantFrom('', '-'),
      fc.nat({ max: 10 ** 9 }),
      fc.option(digits),
      fc.option(fc.integer({ min: -340, max: 300 })),
    )
    fc.assert(
      fc.property(decimal, ([sign, whole, fraction, exponent]) => {
        const text = `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`
        if (Number.isFinite(Number(text))) expect(read(text)).toBe(Number(text))
      }),
      { seed, numRuns: 5000 },
    )
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(read(JSON.stringify(value))).toBe(JSON.parse(JSON.stringify(value)))
      }),
      { seed, numRuns: 5000 },
    )
    expect(Object.is(read('-0'), -0)).toBe(true)
    expect(Object.is(read('-0.0e5'), -0)).toBe(true)
  })

  it('either refuses arbitrary bytes with ERR_BODY or ERR_VALUE_RANGE, or agrees with JSON.parse', () => {
    const text = fc.array(fc.constantFrom(...'{}[],:"\\ue+-.0123456789truefalsn \t\n'.split('')), { maxLength: 24 })
    fc.assert(
      fc.property(text, (characters) => {
        const joined = characters.join('')
        let value: unknown
        try {
          value = read(joined)
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^ERR_(BODY|VALUE_RANGE)$/)
          return
        }
        expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(joined)))
      }),
      { seed, numRuns: 20_000 },
    )
  })

  it('keeps integers beyond 2^53 exact, and refuses what is no integer', () => {
    const integer = (text: string): number | bigint => new JsonReader(Buffer.from(text)).readInteger()
    expect(integer('9223372036854775807')).toBe(9223372036854775807n)
    expect(integer('-9007199254740993')).toBe(-9007199254740993n)
    expect(integer('9007199254740993')).toBe(9007199254740993n)
    expect(integer('12e3')).toBe(12000)
    expect(integer('5.0')).toBe(5)
    for (const text of ['1.5', '4503599627370496.5', '9007199254740993.0', '1e300', '0.1e0']) {
      expect(() => integer(text), text).toThrow(/Expected an integer but received/)
    }
  })

  it('keeps integers beyond 2^53 exact beside other numbers, where that is asked for', () => {
    const text = '[9007199254740993, -9007199254740993, 9007199254740991, 1.5, 1e300, -0, 12e3, 18446744073709551615.0]'
    const values = readJson(Buffer.from(text), 'integers')
    const exact = [9007199254740993n, -9007199254740993n, 9007199254740991, 1.5, 1e300, -0, 12000, 18446744073709552000]
    expect(values).toEqual(exact)
  })

  it('names what JSON.parse leaves unsaid', () => {
    expect(refusal('{"a":1,"b":2,"a":3}')).toMatchObject({
      code: 'ERR_BODY',
      message: expect.stringContaining('"a" twice') as string,
    })
    expect(refusal('[NaN]').message).toContain('received NaN: JSON has neither NaN nor Infinity')
    expect(refusal('[-Infinity]').message).toContain('received -Infinity: JSON has neither')
    expect(refusal('[1e999]')).toMatchObject({ code: 'ERR_VALUE_RANGE' })
    expect(refusal(`${'['.repeat(33)}${']'.repeat(33)}`).message).toContain('nested at most 32 deep')
    expect(refusal('['.repeat(1_000_000)).message).toContain('nested at most 32 deep')
    expect(refusal('').message).toBe('Expected a JSON body but received none')
    expect(refusal('{"a":1} x').message).toContain('the body to end at byte 8')
    expect(refusal('{"a":01}').message).toContain('at byte 6')
    expect(refusal('[1,]').message).toContain('at byte 3')
    expect(refusal(Buffer.from([0x22, 0xff, 0xfe, 0x22])).message).toContain('to be UTF-8')
    expect(refusal(Buffer.from('[1]', 'utf16le')).code).toBe('ERR_BODY')
    expect(refusal('"a\nb"').message).toContain('control characters to be escaped')
    expect(refusal('"\\x"').message).toContain('valid escapes')
    expect(refusal('"abc').message).toContain('the string to end')
    expect(refusal('"abc\\').message).toContain('the string to end')
  })

  it('skips a byte order mark, and keeps one inside a string', () => {
    expect(read('["\ufeffä"]')).toEqual(['\ufeffä'])
    expect(readJson(Buffer.from('\ufeff{"a":[1]}'))).toEqual(expect.objectContaining({ a: [1] }))
  })

  it('gives objects no prototype', () => {
    const value = read('{"__proto__":{"polluted":true},"constructor":1}') as Record<string, unknown>
    expect(Object.getPrototypeOf(value)).toBe(null)
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect(({} as Record<string, unknown>)['polluted']).toBe(undefined)
  })
})
