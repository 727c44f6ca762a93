/**
 * penstock/transforms as an interface: results against plain loops over arbitrary rows, `out`, memory that overlaps, and
 * every way of calling it wrongly. The kernels' own claims are native/test/kernel/simd_test.cpp,
 * the semantics goldens.test.ts.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../../src/base/errors.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import * as transforms from '../../src/transforms/index.js'

const { argMax, cast, channelsFirst, channelsLast, clip, dequantize, gather, impute, normalise } = transforms
const { oneHot, pad, quantize, resize, scale, scatter, slice, softmax, topK } = transforms

function floats(shape: number[], values?: ArrayLike<number>): Tensor & { data: Float32Array } {
  const count = shape.reduce((product, dim) => product * dim, 1)
  return { dtype: 'float32', shape, data: values === undefined ? new Float32Array(count) : Float32Array.from(values) }
}

/** A matrix of any float32, its memory at any offset of a larger buffer. */
const matrices = fc
  .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 17 }))
  .chain(([rows, columns, offset]) =>
    fc.array(fc.float(), { minLength: rows * columns, maxLength: rows * columns }).map((values) => {
      const data = new Float32Array(new ArrayBuffer((offset + values.length) * 4), offset * 4)
      data.set(values)
      return { dtype: 'float32' as const, shape: [rows, columns], data }
    }),
  )

describe('transforms: results', () => {
  it('column maps compute what plain loops in float32 compute, in place too', () => {
    const seconds = fc.array(fc.float({ noNaN: true, min: Math.fround(0.1), max: 50 }), {
      minLength: 40,
      maxLength: 40,
    })
    fc.assert(
      fc.property(matrices, seconds, (input, parameters) => {
        const columns = input.shape[1]!
        const b = Float32Array.from(parameters.slice(0, columns))
        const a = b.map((value) => -value)
        const map = (f: (x: number, a: number, b: number) => number): Float32Array =>
          input.data.map((x, i) => f(x, a[i % columns]!, b[i % columns]!))
        const expected = {
          normalise: map((x, mean, deviation) => Math.fround(x - mean) / deviation),
          scale: map((x, factor, offset) => Math.fround(x * factor) + offset),
          impute: map((x, fill) => (Number.isNaN(x) ? fill : x)),
          clip: map((x, low, high) => (x < low ? low : x > high ? high : x)),
        }
        expect(normalise(input, { mean: a, deviation: b }).data).toEqual(expected.normalise)
        expect(scale(input, { factor: a, offset: [...b] }).data).toEqual(expected.scale)
        expect(impute(input, { fill: Float64Array.from(a) }).data).toEqual(expected.impute)
        const inPlace = { ...input, data: input.data.slice() }
        expect(clip(inPlace, { low: a, high: b }, inPlace).data).toBe(inPlace.data)
        expect(inPlace.data).toEqual(expected.clip)
      }),
    )
  })

  it('argMax and topK agree with a sort; softmax sums to one', () => {
    fc.assert(
      fc.property(matrices, fc.integer({ min: 1, max: 40 }), (input, wish) => {
        const [rows = 0, columns = 1] = input.shape
        const k = Math.min(wish, columns)
        const first = argMax(input)
        const best = topK(input, k)
        const shares = softmax(input)
        expect([first.shape, best.values.shape, best.indices.shape]).toEqual([[rows], [rows, k], [rows, k]])
        for (let r = 0; r < rows; r++) {
          const row = [...input.data.subarray(r * columns, (r + 1) * columns)]
          // NaN ranks last; -0 equals 0.
          const order = row.map((_value, c) => c).sort((c, d) => compare(row[c]!, row[d]!) || c - d)
          expect([...best.indices.data.subarray(r * k, (r + 1) * k)]).toEqual(order.slice(0, k))
          const nan = row.findIndex(Number.isNaN)
          expect(first.data[r]).toBe(nan >= 0 ? nan : order[0])
          if (!row.every(Number.isFinite)) continue
          const sum = shares.data.subarray(r * columns, (r + 1) * columns).reduce((total, value) => total + value, 0)
          expect(sum).toBeCloseTo(1, 5)
        }
      }),
    )
  })

  it('quantize is undone by dequantize to half a step', () => {
    const values = fc.array(fc.float({ noNaN: true, min: -12, max: 12 }), { minLength: 1, maxLength: 100 })
    fc.assert(
      fc.property(values, fc.integer({ min: -3, max: 3 }), (numbers, zeroPoint) => {
        const input = floats([numbers.length], numbers)
        const options = { scale: Math.fround(0.1), zeroPoint }
        const back = dequantize(quantize(input, { dtype: 'int8', ...options }), options)
        back.data.forEach((value, i) => expect(Math.abs(value - numbers[i]!)).toBeLessThanOrEqual(0.0501))
      }),
    )
  })

  it('rows of every dtype are gathered, scattered back, padded and sliced', () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }))
    const dtypes = fc.constantFrom('float32', 'float64', 'uint8', 'int16', 'int64', 'bfloat16')
    fc.assert(
      fc.property(sizes, dtypes, fc.integer({ min: 0, max: 5 }), ([rows, columns], dtype, more) => {
        const input = cast(
          floats(
            [rows, columns],
            Array.from({ length: rows * columns }, (_v, i) => i % 100),
          ),
          dtype,
        )
        const reversed = Array.from({ length: rows }, (_v, r) => rows - 1 - r)
        const turned = gather(input, reversed)
        const back = scatter(
          turned,
          Uint32Array.from(reversed),
          gather(
            turned,
            reversed.map(() => 0),
          ),
        )
        expect(back.data).toEqual(input.data)
        const wide = pad(input, { length: columns + more, value: 3 })
        expect(wide.shape).toEqual([rows, columns + more])
        expect(slice(wide, { start: 0, end: columns }).data).toEqual(input.data)
        const rest = cast(slice(wide, { start: columns }), 'float32').data as Float32Array
        expect([...rest]).toEqual(Array.from(rest, () => (dtype === 'bfloat16' ? rest[0] : 3)))
      }),
    )
  })

  it('images go to channels first and back; a resize to the same size changes nothing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (channels, side, isByte) => {
          const shape = [2, side, side + 1, channels]
          const count = 2 * side * (side + 1) * channels
          const image = cast(
            floats(
              shape,
              Array.from({ length: count }, (_v, i) => i % 251),
            ),
            isByte ? 'uint8' : 'float32',
          )
          const first = channelsFirst(image)
          expect(first.shape).toEqual([2, channels, side, side + 1])
          expect(channelsLast(first)).toEqual(image)
          if (isByte) return
          const same = resize(image, { height: side, width: side + 1, layout: 'nhwc' })
          expect(same.data).toEqual(image.data)
          expect(resize(first, { height: 3, width: 4, layout: 'nchw', mode: 'nearest' }).shape).toEqual([
            2,
            channels,
            3,
            4,
          ])
        },
      ),
    )
  })

  it('empty tensors give empty results', () => {
    const empty = floats([0, 3])
    expect(normalise(empty, { mean: 0, deviation: 1 }).shape).toEqual([0, 3])
    expect(topK(empty, 2).indices.shape).toEqual([0, 2])
    expect(gather(empty, []).shape).toEqual([0, 3])
    expect(gather(floats([2, 0]), [1, 1, 0]).shape).toEqual([3, 0])
    expect(pad(floats([2, 0]), { length: 2, value: 7 }).data).toEqual(Float32Array.of(7, 7, 7, 7))
    expect(oneHot(empty, { categories: [[1], [], [2]] }).shape).toEqual([0, 2])
    expect(cast(empty, 'int8').data).toEqual(new Int8Array(0))
    expect(channelsFirst(floats([0, 2, 2, 3])).shape).toEqual([0, 3, 2, 2])
  })

  it('the level in use is one of the four', () => {
    expect(['scalar', 'baseline', 'avx2', 'avx512']).toContain(transforms.simdLevel())
  })
})

describe('transforms: out', () => {
  it('is written and returned, and must have the dtype, the shape and its own memory', () => {
    const input = floats([2, 2], [1, 2, 3, 4])
    const out = floats([2, 2])
    expect(softmax(input, out)).toBe(out)
    const best = {
      values: floats([2, 1]),
      indices: { dtype: 'int32' as const, shape: [2, 1], data: new Int32Array(2) },
    }
    expect(topK(input, 1, best)).toEqual(best)
    expect(best.values.data).toEqual(Float32Array.of(2, 4))
    refuses(() => softmax(input, floats([4])), 'ERR_SHAPE', 'Expected out to have the shape [2, 2] but received [4]')
    refuses(() => cast(input, 'int8', out), 'ERR_DTYPE', 'Expected out to be of int8 but received "float32"')
    const shared = new Float32Array(6)
    const shifted = { ...input, data: shared.subarray(1, 5) }
    const original = { ...input, data: shared.subarray(0, 4) }
    refuses(
      () => softmax(original, shifted),
      'ERR_ARGUMENT',
      'Expected the memory of out to be apart from the input, or',
    )
    refuses(() => gather(original, [0, 1], original), 'ERR_ARGUMENT', 'Expected the memory of out to be apart from the')
  })
})

describe('transforms: misuse', () => {
  const matrix = floats([2, 3])
  const image = floats([1, 2, 2, 3])
  const wrongs: [string, () => unknown, string, string][] = [
    ['no tensor', () => softmax(new Float32Array(3) as never), 'ERR_ARGUMENT', 'Expected input to be a tensor'],
    ['null', () => cast(null as never, 'int8'), 'ERR_ARGUMENT', 'Expected input to be a tensor'],
    [
      'strings',
      () => cast({ dtype: 'string', shape: [1], data: ['a'] }, 'int8'),
      'ERR_DTYPE',
      'to be of a numeric dtype',
    ],
    ['another dtype', () => softmax(cast(matrix, 'float64')), 'ERR_DTYPE', 'to be of float32 but received "float64"'],
    [
      'other data',
      () => softmax({ ...matrix, data: new Float64Array(6) }),
      'ERR_ARGUMENT',
      'input.data to be a Float32Array',
    ],
    ['a short shape', () => softmax({ ...matrix, shape: [2, 2] }), 'ERR_SHAPE', 'Expected input.data.length to be 4'],
    ['a negative dim', () => softmax({ ...matrix, shape: [-2, -3] }), 'ERR_SHAPE', 'each dim'],
    ['a huge shape', () => softmax({ ...matrix, shape: [2 ** 20, 2 ** 20] }), 'ERR_SHAPE', 'elements'],
    ['a scalar', () => softmax(floats([])), 'ERR_SHAPE', 'at least one dim'],
    ['too few means', () => normalise(matrix, { mean: [1, 2], deviation: 1 }), 'ERR_SHAPE', 'mean.length to be 3'],
    [
      'a text for a mean',
      () => normalise(matrix, { mean: '1' as never, deviation: 1 }),
      'ERR_ARGUMENT',
      'Expected mean',
    ],
    ['a hole in a list', () => impute(matrix, { fill: [1, null as never, 2] }), 'ERR_ARGUMENT', 'Expected fill[1]'],
    [
      'bounds crossed',
      () => clip(matrix, { low: 2, high: 1 }),
      'ERR_ARGUMENT',
      'Expected low[0] to be at most high[0], 1',
    ],
    ['a bound NaN', () => clip(matrix, { low: NaN, high: 1 }), 'ERR_ARGUMENT', 'Expected low[0]'],
    [
      'a scale of 0',
      () => quantize(matrix, { dtype: 'int8', scale: 0 }),
      'ERR_ARGUMENT',
      'Expected scale[0] to be a number above 0',
    ],
    ['a zero point', () => quantize(matrix, { dtype: 'uint8', scale: 1, zeroPoint: -1 }), 'ERR_ARGUMENT', 'in 0..255'],
    ['int16', () => quantize(matrix, { dtype: 'int16' as never, scale: 1 }), 'ERR_ARGUMENT', 'one of "int8", "uint8"'],
    ['floats to dequantize', () => dequantize(matrix, { scale: 1 }), 'ERR_DTYPE', 'int8 or uint8'],
    ['too few categories', () => oneHot(matrix, { categories: [[1]] }), 'ERR_SHAPE', 'categories.length to be 3'],
    [
      'a text category',
      () => oneHot(matrix, { categories: [['a'], [], []] as never }),
      'ERR_ARGUMENT',
      'categories[0][0]',
    ],
    ['a fraction', () => oneHot(cast(matrix, 'int32'), { categories: [[0.5], [], []] }), 'ERR_ARGUMENT', 'an int32'],
    [
      'a row beyond',
      () => gather(matrix, [0, 2]),
      'ERR_ARGUMENT',
      'Expected indices[1] to be an integer in 0..1 but received 2',
    ],
    ['a negative row', () => gather(matrix, [-1]), 'ERR_ARGUMENT', 'Expected indices[0]'],
    ['a place beyond', () => scatter(matrix, [0, 5], floats([2, 3])), 'ERR_ARGUMENT', 'Expected indices[1]'],
    ['too few places', () => scatter(matrix, [0], floats([2, 3])), 'ERR_SHAPE', 'Expected indices.length to be 2'],
    ['no out', () => scatter(matrix, [0, 1], undefined as never), 'ERR_ARGUMENT', 'Expected out to be a tensor'],
    ['other rows', () => scatter(matrix, [0, 1], floats([2, 4])), 'ERR_SHAPE', 'Expected out to have the shape [2, 3]'],
    ['shorter', () => pad(matrix, { length: 2 }), 'ERR_ARGUMENT', 'Expected length'],
    ['300 in a byte', () => pad(cast(matrix, 'uint8'), { length: 4, value: 300 }), 'ERR_ARGUMENT', 'a value of uint8'],
    ['one dim', () => pad(floats([3]), { length: 4 }), 'ERR_SHAPE', 'at least two dims'],
    [
      'an end before',
      () => slice(matrix, { start: 2, end: 1 }),
      'ERR_ARGUMENT',
      'Expected end to be an integer in 2..3',
    ],
    ['k of 0', () => topK(matrix, 0), 'ERR_ARGUMENT', 'Expected k to be an integer in 1..3'],
    ['k beyond', () => topK(matrix, 4), 'ERR_ARGUMENT', 'Expected k'],
    ['no columns', () => argMax(floats([2, 0])), 'ERR_SHAPE', 'the last dim'],
    ['a matrix for images', () => channelsFirst(matrix), 'ERR_SHAPE', 'a tensor of 4 dims'],
    ['no layout', () => resize(image, { height: 1, width: 1 } as never), 'ERR_ARGUMENT', 'Expected layout'],
    [
      'cubic',
      () => resize(image, { height: 1, width: 1, layout: 'nchw', mode: 'cubic' as never }),
      'ERR_ARGUMENT',
      'mode',
    ],
    ['no height', () => resize(image, { height: 0, width: 1, layout: 'nchw' }), 'ERR_ARGUMENT', 'Expected height'],
    [
      'an empty image',
      () => resize(floats([1, 0, 2, 3]), { height: 1, width: 1, layout: 'nhwc' }),
      'ERR_SHAPE',
      'height and',
    ],
    ['no dtype', () => cast(matrix, 'float8' as never), 'ERR_DTYPE', 'Expected dtype'],
  ]
  it.each(wrongs)('%s is refused in a sentence', (_title, call, code, sentence) => refuses(call, code, sentence))

  it('memory that was given away is refused', () => {
    const memory = new ArrayBuffer(24)
    const gone: Tensor = { dtype: 'float32', shape: [2, 3], data: new Float32Array(memory) }
    structuredClone(memory, { transfer: [memory] })
    refuses(() => softmax(gone), 'ERR_SHAPE', 'Expected input.data.length to be 6')
  })
})

function refuses(call: () => unknown, code: string, sentence: string): void {
  let thrown: unknown
  try {
    call()
  } catch (error) {
    thrown = error
  }
  expect(isPenstockError(thrown) ? [thrown.code, thrown.message] : thrown).toEqual([
    code,
    expect.stringContaining(sentence),
  ])
}

/** Descending, NaN last. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a > b ? -1 : a < b ? 1 : 0
}
