import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toTensor } from './convert.js'
import { allocateData } from './dtype.js'
import { toNested, writeNested } from './print.js'
import type { Dtype, TensorField } from './tensor.js'

const field = (dtype: Dtype, ...shape: (number | null)[]): TensorField => ({ name: 'x', dtype, shape })
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('toTensor of nested numbers', () => {
  it('copies rows in order', () => {
    const tensor = toTensor(
      field('float32', null, 2, 2),
      [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8.5],
        ],
      ],
      false,
    )
    expect(tensor).toEqual({ dtype: 'float32', shape: [2, 2, 2], data: new Float32Array([1, 2, 3, 4, 5, 6, 7, 8.5]) })
  })

  it('takes an array without the row axis as one row', () => {
    expect(toTensor(field('float32', null, 3), [1, 2, 3], false).shape).toEqual([1, 3])
    expect(
      toTensor(
        field('int32', null, 2, 2),
        [
          [1, 2],
          [3, 4],
        ],
        false,
      ).shape,
    ).toEqual([1, 2, 2])
    expect(toTensor(field('int32', null, null), [1, 2], false).shape).toEqual([1, 2])
    expect(toTensor(field('int32', null), [1, 2], false).shape).toEqual([2])
  })

  it('takes tensors of non-batching pipelines as they are, a bare number for rank 0', () => {
    expect(toTensor(field('float32'), 2.5, true)).toEqual({
      dtype: 'float32',
      shape: [],
      data: new Float32Array([2.5]),
    })
    expect(toTensor(field('int64', 3), [1, 2n, '3'], true).data).toEqual(new BigInt64Array([1n, 2n, 3n]))
    expect(() => toTensor(field('float32'), 'a', true)).toThrow(
      refusal('ERR_ARGUMENT', /^Expected x to be a number \(float32\) but/),
    )
    expect(() => toTensor(field('float32', 1, 3), [1, 2, 3], true)).toThrow(refusal('ERR_SHAPE', /\[1, 3\]/))
  })

  it('keeps 64-bit integers exact and refuses JSON numbers that are not', () => {
    const tensor = toTensor(
      field('int64', null),
      ['-9223372036854775808', '9223372036854775807', 9007199254740991],
      false,
    )
    expect(tensor.data).toEqual(new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n - 1n]))
    expect(() => toTensor(field('int64', null), [0, 9007199254740992], false)).toThrow(
      refusal('ERR_VALUE_RANGE', /x\[1\].*decimal string/),
    )
    expect(() => toTensor(field('int64', null), ['9223372036854775808'], false)).toThrow(
      refusal('ERR_VALUE_RANGE', /x\[0\]/),
    )
    // As JSON has it.
    expect(() => toTensor(field('int64', null), [2n ** 63n], false)).toThrow(/received 9223372036854775808$/)
    expect(() => toTensor(field('uint64', null), [-1n], false)).toThrow(/received -1n$/)
    expect(() => toTensor(field('uint64', null), [-1], false)).toThrow(
      refusal('ERR_VALUE_RANGE', /0\.\.18446744073709551615/),
    )
    expect(() => toTensor(field('int64', null), ['1e3'], false)).toThrow(refusal('ERR_ARGUMENT', /x\[0\]/))
    expect(() => toTensor(field('int64', null), ['9'.repeat(1_000_000)], false)).toThrow(
      refusal('ERR_ARGUMENT', /x\[0\]/),
    )
  })

  it.each<[string, Dtype, unknown, string, RegExp]>([
    [
      'a number beyond float32',
      'float32',
      [
        [1, 2],
        [3, 1e39],
      ],
      'ERR_VALUE_RANGE',
      /x\[1\]\[1\] .* received 1e\+39/,
    ],
    ['a number beyond float16', 'float16', [[1, 65520]], 'ERR_VALUE_RANGE', /x\[0\]\[1\]/],
    ['an infinity', 'float64', [[1, Infinity]], 'ERR_VALUE_RANGE', /received Infinity/],
    ['NaN', 'float32', [[NaN, 1]], 'ERR_VALUE_RANGE', /x\[0\]\[0\].*Pass null .* typed array/],
    [
      'null as an integer',
      'int64',
      [
        [1, 2],
        [null, 4],
      ],
      'ERR_ARGUMENT',
      /x\[1\]\[0\] .* received null\. Only floats \(NaN\) and strings/,
    ],
    ['null as a bool', 'bool', [[true, null]], 'ERR_ARGUMENT', /x\[0\]\[1\] .* received null\. Only floats/],
    ['the absence of an element', 'float32', [[1, undefined]], 'ERR_ARGUMENT', /x\[0\]\[1\]/],
    ['NaN as text', 'float32', [[1, 'NaN']], 'ERR_ARGUMENT', /received "NaN"\. Send null for a missing value/],
    ['text', 'float32', [[1, '2']], 'ERR_ARGUMENT', /x\[0\]\[1\] .* received "2"/],
    ['a boolean as a number', 'int8', [[1, true]], 'ERR_ARGUMENT', /Pass 1 or 0/],
    ['an object', 'float32', [[1, {}]], 'ERR_ARGUMENT', /an object/],
    ['a fraction in an integer', 'int32', [[1, 2.5]], 'ERR_VALUE_RANGE', /an integer in .* received 2.5/],
    ['a number beyond uint8', 'uint8', [[1, 256]], 'ERR_VALUE_RANGE', /0\.\.255/],
    ['a huge bigint in a float', 'float64', [[1, 2n ** 5000n]], 'ERR_VALUE_RANGE', /x\[0\]\[1\]/],
    ['2 as a bool', 'bool', [[true, 2]], 'ERR_VALUE_RANGE', /x\[0\]\[1\]/],
    ['text as a bool', 'bool', [[true, 'false']], 'ERR_ARGUMENT', /x\[0\]\[1\]/],
    ['a number as text', 'string', [['a', 1]], 'ERR_ARGUMENT', /a string/],
    ['ragged rows', 'float32', [[1, 2], [3]], 'ERR_SHAPE', /x\[1\] .* an array of 2 elements/],
    ['a number among rows', 'float32', [[1, 2], 3], 'ERR_SHAPE', /x\[1\] /],
    [
      'an array among numbers',
      'float32',
      [
        [1, 2],
        [3, [4]],
      ],
      'ERR_SHAPE',
      /x\[1\]\[1\]/,
    ],
    ['too few columns', 'float32', [[1], [2]], 'ERR_SHAPE', /\[n, 2\] \(dim 1 is 2\) but received \[2, 1\]/],
    ['too many dims', 'float32', [[[1], [2]]], 'ERR_SHAPE', /nested deeper/],
    ['too few dims', 'float32', [1, 2, 3], 'ERR_SHAPE', /2 dims, not 1/],
    ['empty rows', 'float32', [[], []], 'ERR_SHAPE', /\[n, 2\] \(dim 1 is 2\) but received \[2, 0\]/],
    ['null itself', 'float32', null, 'ERR_ARGUMENT', /received null/],
    ['an object itself', 'float32', { a: 1 }, 'ERR_ARGUMENT', /nested array/],
    ['text itself', 'float32', 'abc', 'ERR_ARGUMENT', /received "abc"/],
  ])('refuses %s', (_, dtype, value, code, message) => {
    expect(() => toTensor(field(dtype, null, 2), value, false)).toThrow(refusal(code, message))
  })

  it.each<[Dtype, unknown]>([
    ['float32', new Float32Array([1, NaN])],
    ['float64', new Float64Array([1, NaN])],
    ['float16', new Uint16Array([0x3c00, 0x7e00])],
    ['bfloat16', new Uint16Array([0x3f80, 0x7fc0])],
  ])('takes null for a missing %s', (dtype, data) => {
    expect(toTensor(field(dtype, null, 2), [[1, null]], false).data).toEqual(data)
  })

  it('takes null for a missing text, and for one of rank 0', () => {
    expect(toTensor(field('string', null, 2), [['a', null]], false).data).toEqual(['a', ''])
    expect(toTensor(field('float32'), null, true).data).toEqual(new Float32Array([NaN]))
  })

  it('names the element as the caller wrote it when a single row came without the row axis', () => {
    expect(() => toTensor(field('float32', null, 2), [1, true], false)).toThrow(
      refusal('ERR_ARGUMENT', /^Expected x\[1\] /),
    )
  })

  it('refuses hostile nesting and ragged giants without reserving for them', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(() => toTensor(field('float32', null, 2), deep, false)).toThrow(refusal('ERR_SHAPE', /deeper/))
    const ragged = [new Array(40_000).fill(0), ...new Array<unknown[]>(40_000).fill([])]
    const before = process.memoryUsage().arrayBuffers
    expect(() => toTensor(field('float64', null, null), ragged, false)).toThrow(refusal('ERR_SHAPE', /x\[1\]/))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6)
  })

  it('gives back what it was given, for shapes and values of any dtype (seed 7)', () => {
    const dims = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
    const element: Record<string, fc.Arbitrary<unknown>> = {
      float32: fc.float({ noNaN: true, noDefaultInfinity: true }),
      float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
      float16: fc.integer({ min: -2048, max: 2048 }),
      int8: fc.integer({ min: -128, max: 127 }),
      uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      bool: fc.boolean(),
      string: fc.string(),
    }
    const nest = (arbitrary: fc.Arbitrary<unknown>, shape: number[]): fc.Arbitrary<unknown> =>
      shape.reduceRight((inner, dim) => fc.array(inner, { minLength: dim, maxLength: dim }), arbitrary)
    const cases = fc
      .record({ dtype: fc.constantFrom(...Object.keys(element)), shape: dims })
      .chain(({ dtype, shape }) =>
        fc.record({
          dtype: fc.constant(dtype as Dtype),
          shape: fc.constant(shape),
          value: nest(element[dtype] as fc.Arbitrary<unknown>, shape),
        }),
      )
    fc.assert(
      fc.property(cases, ({ dtype, shape, value }) => {
        const tensor = toTensor(field(dtype, ...shape.map(() => null)), value, false)
        expect(tensor.shape).toEqual(shape)
        expect(toNested(tensor)).toEqual(value)
        if (dtype === 'int64') return
        expect(toTensor(field(dtype, ...shape), JSON.parse(writeNested(tensor)), false)).toEqual(tensor)
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it('throws nothing but documented errors, whatever the value (seed 3)', () => {
    const codes = new Set(['ERR_SHAPE', 'ERR_DTYPE', 'ERR_VALUE_RANGE', 'ERR_ARGUMENT'])
    const values = fc.anything({
      withBigInt: true,
      withTypedArray: true,
      withNullPrototype: true,
      withSparseArray: true,
    })
    const fields = fc.constantFrom(
      field('float32', null, 2),
      field('int64', null),
      field('string', null, null),
      field('bool'),
      field('float16', 2, 2),
    )
    fc.assert(
      fc.property(fields, values, fc.boolean(), (target, value, isNonBatching) => {
        try {
          const tensor = toTensor(target, value, isNonBatching)
          return tensor.dtype === target.dtype && tensor.data.length === tensor.shape.reduce((a, b) => a * b, 1)
        } catch (error) {
          return codes.has((error as { code: string }).code)
        }
      }),
      { seed: 3, numRuns: 3000 },
    )
  })
})

describe('toTensor of typed data', () => {
  it('uses a tensor of the right dtype in place', () => {
    const tensor = { dtype: 'float32', shape: [2, 2], data: new Float32Array([1, NaN, 3, 4]) } as const
    expect(toTensor(field('float32', null, 2), tensor, false)).toBe(tensor)
  })

  it('divides a flat typed array into rows', () => {
    const data = new Float32Array(6)
    expect(toTensor(field('float32', null, 3), data, false)).toEqual({ dtype: 'float32', shape: [2, 3], data })
    expect(toTensor(field('float32', 2, 3), data, true).data).toBe(data)
    expect(() => toTensor(field('float32', null, 4), data, false)).toThrow(
      refusal('ERR_SHAPE', /a multiple of 4 but received 6/),
    )
    expect(() => toTensor(field('float32', null, null), data, false)).toThrow(
      refusal('ERR_SHAPE', /Pass \{ dtype, shape, data \}/),
    )
    expect(() => toTensor(field('float32', 2, 2), data, true)).toThrow(refusal('ERR_SHAPE', /4 but received 6/))
  })

  it('casts what loses nothing and refuses the rest', () => {
    expect(toTensor(field('float64', null), new Float32Array([0.5]), false).data).toEqual(new Float64Array([0.5]))
    expect(toTensor(field('int64', null), new Int32Array([-1]), false).data).toEqual(new BigInt64Array([-1n]))
    expect(
      toTensor(field('float32', null), { dtype: 'float16', shape: [1], data: new Uint16Array([0x3c00]) }, false).data,
    ).toEqual(new Float32Array([1]))
    expect(() => toTensor(field('float32', null), new Float64Array(1), false)).toThrow(
      refusal('ERR_DTYPE', /Pass a Float32Array/),
    )
    expect(() =>
      toTensor(field('float32', null), { dtype: 'int64', shape: [1], data: new BigInt64Array(1) }, false),
    ).toThrow(refusal('ERR_DTYPE', /received int64/))
    expect(() => toTensor(field('float32', null), new DataView(new ArrayBuffer(4)), false)).toThrow(
      refusal('ERR_DTYPE', /DataView/),
    )
  })

  it('refuses a tensor that contradicts itself', () => {
    const of = (dtype: Dtype, shape: unknown, data: unknown) => () =>
      toTensor(field('float32', null, 2), { dtype, shape, data }, false)
    expect(of('float32', [1, 2], new Float32Array(3))).toThrow(
      refusal('ERR_SHAPE', /2 \(shape \[1, 2\]\) but received 3/),
    )
    expect(of('float32', [1, 2], new Int32Array(2))).toThrow(refusal('ERR_ARGUMENT', /Float32Array \(float32\)/))
    expect(of('float32', [1.5, 2], new Float32Array(3))).toThrow(refusal('ERR_SHAPE', /1\.5/))
    expect(of('float32', [2 ** 40, 2], new Float32Array(3))).toThrow(refusal('ERR_SHAPE', /at most/))
    expect(of('float32', [0, 2], new Float32Array(2))).toThrow(
      refusal('ERR_SHAPE', /0 \(shape \[0, 2\]\) but received 2/),
    )
    expect(of('float32', ['1', 2], new Float32Array(2))).toThrow(refusal('ERR_SHAPE', /"1"/))
  })

  it('looks at the elements of bools and strings', () => {
    expect(() => toTensor(field('bool', null), new Uint8Array([0, 1, 2]), false)).toThrow(
      refusal('ERR_VALUE_RANGE', /x\.data\[2\]/),
    )
    expect(() => toTensor(field('string', null), { dtype: 'string', shape: [1], data: [1] }, false)).toThrow(
      refusal('ERR_ARGUMENT', /x\.data\[0\]/),
    )
    expect(toTensor(field('string', null), { dtype: 'string', shape: [1], data: ['a'] }, false).data).toEqual(['a'])
  })

  it('has a filler for every carrier', () => {
    for (const dtype of ['float16', 'bfloat16', 'int16', 'uint16', 'uint64'] as const) {
      const expected = allocateData(dtype, 2)
      expect(toTensor(field(dtype, null), [0, 0], false)).toEqual({ dtype, shape: [2], data: expected })
    }
  })
})
