import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TEXT_FORMAT_CHARACTERS_MAX, parseTextFormat, type TextValue } from './text-format.js'

/** As plain objects, every field a list. */
function plain(value: TextValue): unknown {
  if (!(value instanceof Map)) return value
  return Object.fromEntries([...value].map(([name, values]) => [name, values.map(plain)]))
}
const read = (text: string): unknown => plain(parseTextFormat(text))

describe('text format', () => {
  test('reads what configurations are made of', () => {
    const text = `# a comment
name: "densenet"
platform: 'onnxruntime_onnx' ; max_batch_size : 8,
input [
  { name: "x" data_type: TYPE_FP32 dims: [ 3, -1 ] },
  { name: "y" dims: 1 dims: 2 }
]
instance_group < count: 0x10 kind: KIND_CPU >
parameters { key: "a" "b" value: { string_value: "c\\n\\101\\xc3\\xA4\\u00e4" } }
empty: [] dynamic_batching { }
`
    expect(read(text)).toEqual({
      name: ['densenet'],
      platform: ['onnxruntime_onnx'],
      max_batch_size: [8],
      input: [
        { name: ['x'], data_type: [{ word: 'TYPE_FP32' }], dims: [3, -1] },
        { name: ['y'], dims: [1, 2] },
      ],
      instance_group: [{ count: [16], kind: [{ word: 'KIND_CPU' }] }],
      parameters: [{ key: ['ab'], value: [{ string_value: ['c\nAää'] }] }],
      empty: [],
      dynamic_batching: [{}],
    })
    expect(read('')).toEqual({})
    expect(read('a: [-1, 010, 1.5, .5, 2., 1e3, 1.5e-2f, 3f, -inf, nan]')).toEqual({
      a: [-1, 8, 1.5, 0.5, 2, 1000, 0.015, 3, -Infinity, NaN],
    })
    expect(read('__proto__: 1 constructor: 2')).toEqual(
      Object.fromEntries([
        ['__proto__', [1]],
        ['constructor', [2]],
      ]),
    )
  })

  test.each([
    ['a', /line 1 to be a colon/],
    ['a 1', /line 1 to be a colon/],
    ['a [1]', /without a colon/],
    ['\n\na: }', /line 3 to be a value/],
    ['a: {', /line 1 to be the name of a field or } but received "the end of the text"/],
    ['a: { b: 1 >', /the name of a field or }/],
    ['a: "x', /a name, a value or a sign/],
    ['a: "x\ny"', /a name, a value or a sign/],
    ['a: "\\q"', /escapes that there are/],
    ['a: "\\ud800"', /Unicode/],
    ['a: "\\U00110000"', /Unicode/],
    ['a: 08', /a number/],
    ['a: 1x', /a number/],
    ['a: 0x', /a number/],
    ['a: 1.2.3', /a number/],
    ['a: -b', /a number/],
    ['a: [1 2]', /a comma or \]/],
    ['a: [1,]', /a value/],
    ['[a.b]: 1', /the name of a field/],
    ['1: 2', /the name of a field/],
    ['a: $', /a name, a value or a sign/],
    ['a: 1 }', /the name of a field/],
    [`${'#'.repeat(100_000)}\n$`, /line 2 to be a name, a value or a sign/],
    ['a{'.repeat(40), /at most 32 messages deep/],
  ])('case %# is refused', (text, message) => {
    expect(() => parseTextFormat(text)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  test('beyond its limit is refused', () => {
    expect(() => parseTextFormat(' '.repeat(TEXT_FORMAT_CHARACTERS_MAX + 1))).toThrow(/at most 1048576 characters/)
  })

  test('fuzz: whatever the text, it is read or refused with a code', () => {
    const parts = fc.constantFrom(
      ...'{}<>[]:,;-#"\'\\ \n'.split(''),
      'a',
      'b',
      '1',
      '0x1',
      '1e',
      '.',
      'nan',
      '"a"',
      'ä',
      '\0',
    )
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 24 }), (chosen) => {
        try {
          expect(parseTextFormat(chosen.join(''))).toBeInstanceOf(Map)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_ARGUMENT' })
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('fuzz: a message that is printed reads as it was', () => {
    const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,5}$/)
    const { message } = fc.letrec<{ value: unknown; message: Record<string, unknown[]> }>((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), fc.double({ noNaN: true }), tie('message')),
      message: fc.dictionary(name, fc.array(tie('value'), { minLength: 1, maxLength: 3 }), { maxKeys: 4 }),
    }))
    const print = (value: unknown): string => {
      if (typeof value === 'string')
        return `"${[...Buffer.from(value)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`
      if (typeof value === 'number')
        return String(Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : value > 0 ? 'inf' : '-inf')
      return `{ ${printFields(value as Record<string, unknown[]>)} }`
    }
    const printFields = (fields: Record<string, unknown[]>): string =>
      Object.entries(fields)
        .map(([field, values]) => `${field}: [${values.map(print).join(', ')}]`)
        .join('\n')
    fc.assert(
      fc.property(message, (fields) => {
        expect(read(printFields(fields))).toEqual(fields)
      }),
    )
  })
})
