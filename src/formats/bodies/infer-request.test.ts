/** Columns and records become the tensors of the signature; what does not fit is refused with a code and the way out. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../../base/errors.js'
import { toTensor } from '../../tensor/convert.js'
import type { Dtype, TensorField } from '../../tensor/tensor.js'
import type { Signature } from './signature.js'
import { parseInferBody } from './infer-request.js'

const seed = 20261121
const field = (name: string, dtype: Dtype, shape: (number | null)[]): TensorField => ({ name, dtype, shape })
const signature = (inputs: TensorField[], more: Partial<Signature> = {}): Signature => ({
  name: 'p',
  inputs,
  isNonBatching: false,
  rowsMax: 100,
  steps: [],
  ...more,
})
const parse = (body: unknown, of: Signature) =>
  parseInferBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), of)
const refusal = (body: unknown, of: Signature): { code: string; message: string } => {
  try {
    parse(body, of)
  } catch (error) {
    if (isPenstockError(error)) return error
    throw error
  }
  throw new Error('was accepted')
}
const x2 = signature([field('x', 'float32', [null, 2])])

describe('columns', () => {
  it('takes nested rows, one bare row and a flat array', () => {
    for (const body of [
      {
        x: [
          [1, 2],
          [3, 4],
        ],
      },
      { x: [1, 2, 3, 4] },
      {
        inputs: {
          x: [
            [1, 2],
            [3, 4],
          ],
        },
      },
    ]) {
      const { request } = parse(body, x2)
      expect(request.inputs['x']).toEqual({ dtype: 'float32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) })
    }
    expect(parse({ x: [1, 2] }, x2).request.inputs['x']?.shape).toEqual([1, 2])
    const image = signature([field('x', 'uint8', [null, 1, 2, 2])])
    expect(
      parse(
        {
          x: [
            [
              [1, 2],
              [3, 4],
            ],
          ],
        },
        image,
      ).request.inputs['x'],
    ).toEqual({ dtype: 'uint8', shape: [1, 1, 2, 2], data: new Uint8Array([1, 2, 3, 4]) })
  })

  it('takes meta, deadline and priority beside "inputs", in any order', () => {
    const { request } = parse(
      '{"priority":"background","meta":{"region":"eu","u":[0.1,0.2]},"inputs":{"x":[[1,2]]},"deadlineMs":50}',
      x2,
    )
    expect(request).toMatchObject({ priority: 'background', deadlineMs: 50, meta: { region: 'eu', u: [0.1, 0.2] } })
  })

  it('takes a pipeline whose inputs are called inputs, or meta', () => {
    const odd = signature([field('inputs', 'float32', [null, 1]), field('meta', 'float32', [null, 1])])
    expect(parse({ inputs: [[1]], meta: [[2]] }, odd).request.inputs['meta']?.data).toEqual(new Float32Array([2]))
  })

  it('keeps int64 and uint64 exact beyond 2^53', () => {
    const wide = signature([field('i', 'int64', [null, 2]), field('u', 'uint64', [null])])
    const { inputs } = parse('{"i":[[9007199254740993,-9223372036854775808]],"u":[18446744073709551615]}', wide).request
    expect(inputs['i']?.data).toEqual(new BigInt64Array([9007199254740993n, -9223372036854775808n]))
    expect(inputs['u']?.data).toEqual(new BigUint64Array([18446744073709551615n]))
    expect(parse('{"i":[1,2,3,4],"u":[1,2]}', wide).request.inputs['i']?.shape).toEqual([2, 2])
    expect(refusal('{"i":[[9223372036854775808,0]],"u":[1]}', wide).code).toBe('ERR_VALUE_RANGE')
    expect(refusal('{"i":[[9007199254740993.0,0]],"u":[1]}', wide).code).toBe('ERR_VALUE_RANGE')
    expect(refusal('{"i":[[1.5,0]],"u":[1]}', wide).code).toBe('ERR_VALUE_RANGE')
  })

  it('accepts and refuses exactly what the tensor converter does, to the bit', () => {
    const numbers = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: -40_000, max: 70_000 }),
      fc.constantFrom(null, true, 'a', 1e39),
    )
    const nest = fc.oneof(
      fc.array(numbers, { maxLength: 6 }),
      fc.array(fc.array(numbers, { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
      fc.jsonValue(),
    )
    const dtype = fc.constantFrom<Dtype>('float32', 'float64', 'float16', 'int8', 'uint16', 'int32', 'bool', 'string')
    fc.assert(
      fc.property(
        nest,
        dtype,
        fc.constantFrom<(number | null)[]>([null, 2], [null], [null, 1], [null, null], [null, 3]),
        (value, type, shape) => {
          const only = signature([field('x', type, shape)])
          const outcome = (run: () => unknown): unknown => {
            try {
              return run()
            } catch (error) {
              if (isPenstockError(error)) return error.code
              throw error
            }
          }
          // The flat form is this reader's own.
          const isFlat = Array.isArray(value) && !value.some(Array.isArray) && shape.length > 1
          // And a bare value for rows of one is a record.
          const isRecord = (typeof value !== 'object' || value === null) && (shape[1] ?? 1) === 1 && shape[1] !== null
          if (isFlat || isRecord) return
          const mine = outcome(() => parse({ x: value }, only).request.inputs['x'])
          expect(mine).toEqual(outcome(() => toTensor(only.inputs[0] as TensorField, value, false)))
        },
      ),
      { seed, numRuns: 3000 },
    )
  })

  it('names the input that is missing, unknown or misplaced', () => {
    expect(refusal({}, x2)).toMatchObject({
      code: 'ERR_MISSING_INPUT',
      message: 'Expected the body to have the input x of pipeline p but received none. Send {"x": float32 [n, 2]}',
    })
    const wine = signature([field('features', 'float32', [null, 2])])
    expect(refusal({ featrues: [[1, 2]] }, wine)).toMatchObject({
      code: 'ERR_UNKNOWN_INPUT',
      message: 'Expected an input of pipeline p but received "featrues". Did you mean features?',
    })
    expect(refusal({ x: [[1, 2]], meta: { a: 1 } }, x2)).toMatchObject({
      code: 'ERR_UNKNOWN_INPUT',
      message: expect.stringContaining('{"inputs":{…},"meta":…}') as string,
    })
    expect(refusal({ x: [[1, 2]], inputs: { x: [[1, 2]] } }, x2).code).toBe('ERR_BODY')
    expect(refusal('{"x":[[1,2]],"x":[[1,2]]}', x2).message).toContain('"x" twice')
  })

  it('refuses ragged rows, wrong dims, NaN, nulls of integers and empties by their own codes', () => {
    expect(refusal({ x: [[1, 2], [3]] }, x2).code).toBe('ERR_SHAPE')
    expect(refusal({ x: [[1, 2, 3]] }, x2).code).toBe('ERR_SHAPE')
    expect(refusal({ x: [[[1, 2]]] }, x2).code).toBe('ERR_SHAPE')
    expect(refusal({ x: [[]] }, x2).code).toBe('ERR_SHAPE')
    expect(refusal({ x: [1, 2, 3] }, x2).code).toBe('ERR_SHAPE')
    expect(refusal('{"x":[[NaN,1]]}', x2)).toMatchObject({
      code: 'ERR_BODY',
      message: expect.stringContaining('neither NaN') as string,
    })
    expect(refusal({ x: [[null, 1]] }, signature([field('x', 'int32', [null, 2])])).code).toBe('ERR_ARGUMENT')
    expect(refusal({ x: [[1e39, 1]] }, x2).code).toBe('ERR_VALUE_RANGE')
    expect(refusal({ x: [[1, 256]] }, signature([field('x', 'uint8', [null, 2])])).code).toBe('ERR_VALUE_RANGE')
    expect(refusal({ x: [[1, 0.5]] }, signature([field('x', 'uint8', [null, 2])])).code).toBe('ERR_VALUE_RANGE')
  })

  it('refuses bodies that are no object or array', () => {
    expect(refusal('', x2)).toMatchObject({
      code: 'ERR_BODY',
      message: expect.stringContaining('but received none') as string,
    })
    expect(refusal('3', x2).message).toContain('an object of inputs or an array of records but received 3')
    expect(refusal('hello', x2).code).toBe('ERR_BODY')
    expect(refusal({ inputs: { x: [[1, 2]] }, deadlineMs: 0 }, x2)).toMatchObject({
      code: 'ERR_ARGUMENT',
      message: 'Expected deadlineMs to be an integer in 1..3600000 but received 0',
    })
    expect(refusal({ inputs: { x: [[1, 2]] }, meta: { a: { b: 1 } } }, x2).code).toBe('ERR_META')
    expect(refusal({ inputs: { x: [[1, 2]] }, priority: 'urgent' }, x2).code).toBe('ERR_ARGUMENT')
  })
})

describe('records', () => {
  it('stacks rows, echoes their text and ignores other columns', () => {
    const body = '[{"x":[1.50,2],"note":"a"},\n {"note":null,"x":[3,4]}]'
    const parsed = parse(body, x2)
    if (parsed.form !== 'records') throw new Error('expected records')
    expect(parsed.request.inputs['x']).toEqual({
      dtype: 'float32',
      shape: [2, 2],
      data: new Float32Array([1.5, 2, 3, 4]),
    })
    expect(parsed.echoes).toEqual(['{"x":[1.50,2],"note":"a"}', '{"note":null,"x":[3,4]}'])
    expect(parsed.request.meta).toBe(undefined)
  })

  it('takes scalars for a field of one column, and exact integers', () => {
    const fields = signature([
      field('a', 'float32', [null, 1]),
      field('i', 'int64', [null, 1]),
      field('s', 'string', [null]),
    ])
    const { inputs } = parse('[{"a":1,"i":9007199254740993,"s":"x"},{"a":2,"i":2,"s":"y"}]', fields).request
    expect(inputs['a']).toEqual({ dtype: 'float32', shape: [2, 1], data: new Float32Array([1, 2]) })
    expect(inputs['i']).toEqual({ dtype: 'int64', shape: [2, 1], data: new BigInt64Array([9007199254740993n, 2n]) })
    expect(inputs['s']?.data).toEqual(['x', 'y'])
  })

  it('turns the columns that a split routes on into one key per row', () => {
    const split = signature(x2.inputs as TensorField[], {
      steps: [
        { type: 'key-split', default: 'a', key: 'region', options: { eu: 'b' } },
        { type: 'random-split', options: [{ weight: 1, model: 'a' }], hashKey: 'u' },
      ],
    })
    const { request } = parse(
      [
        { x: [1, 2], region: 'eu', u: 0.25 },
        { x: [1, 2], u: 0.5 },
      ],
      split,
    )
    expect(request.meta).toEqual({ region: ['eu', ''], u: [0.25, 0.5] })
    expect(refusal([{ x: [1, 2], region: { a: 1 } }], split).code).toBe('ERR_META')
  })

  it('names the record and input that are wrong', () => {
    expect(refusal([{ x: [1, 2] }, { y: [1, 2] }], x2)).toMatchObject({
      code: 'ERR_MISSING_INPUT',
      message: expect.stringContaining('Expected record 1 to have the input x') as string,
    })
    expect(refusal([{ x: [1, 2] }, { x: [1] }], x2)).toMatchObject({
      code: 'ERR_SHAPE',
      message: expect.stringContaining('x[1]') as string,
    })
    expect(refusal([{ x: [1, 2] }, { x: [1, true] }], x2)).toMatchObject({
      code: 'ERR_ARGUMENT',
      message: expect.stringContaining('x[1][1]') as string,
    })
    expect(refusal([], { ...x2, isNonBatching: true })).toMatchObject({ code: 'ERR_SHAPE' })
    expect(refusal([3], x2).code).toBe('ERR_BODY')
    expect(
      refusal(
        Array.from({ length: 101 }, () => ({ x: [1, 2] })),
        x2,
      ).code,
    ).toBe('ERR_TOO_MANY_ROWS')
  })

  it('gives the same tensor as columns do', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.float({ noNaN: true, noDefaultInfinity: true }),
            fc.float({ noNaN: true, noDefaultInfinity: true }),
          ),
          { minLength: 1, maxLength: 20 },
        ),
        (rows) => {
          const records = parse(
            rows.map((x) => ({ x })),
            x2,
          ).request.inputs['x']
          expect(records).toEqual(parse({ x: rows }, x2).request.inputs['x'])
        },
      ),
      { seed, numRuns: 300 },
    )
  })
})
