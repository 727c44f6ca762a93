/**
 * penstock/transforms against numpy, scikit-learn, scipy and ONNX's reference evaluator: goldens.json, which
 * tools/train/transform_goldens.py makes.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as transforms from '../../src/transforms/index.js'
import { allocateData, type NumericData } from '../../src/tensor/dtype.js'
import type { NumericDtype, Tensor } from '../../src/tensor/tensor.js'

interface JobTensor {
  readonly dtype: NumericDtype
  readonly shape: number[]
  readonly data: unknown[]
}
interface Golden {
  readonly transform: keyof typeof transforms
  readonly name: string
  readonly input: JobTensor
  readonly options: Record<string, unknown>
  readonly expected: JobTensor | Record<string, JobTensor>
  readonly tolerance: number
}

const revive = (_key: string, value: unknown): unknown =>
  value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value
const text = readFileSync(new URL('goldens.json', import.meta.url), 'utf8')
const goldens = JSON.parse(text, revive) as Golden[]

function toTensor({ dtype, shape, data }: JobTensor): Tensor & { data: NumericData } {
  const elements = allocateData(dtype, data.length)
  data.forEach((value, i) => (elements[i] = value as never))
  return { dtype, shape, data: elements }
}

function run({ transform, input, options }: Golden): unknown {
  const tensor = toTensor(input)
  const { k, indices, dtype, ...rest } = options
  if (transform === 'cast') return transforms.cast(tensor, dtype as NumericDtype)
  if (transform === 'topK') return transforms.topK(tensor, k as number)
  if (transform === 'gather') return transforms.gather(tensor, indices as number[])
  if (transform === 'scatter') {
    const out: Tensor = { dtype: 'int16', shape: [8, 5], data: new Int16Array(40) }
    return transforms.scatter(tensor, indices as number[], out)
  }
  if (transform === 'argMax' || transform === 'softmax') return transforms[transform](tensor)
  if (transform === 'channelsFirst' || transform === 'channelsLast') return transforms[transform](tensor)
  const named = transforms[transform] as (input: Tensor, options: object) => Tensor
  return named(tensor, dtype === undefined ? rest : { ...rest, dtype })
}

/** The first element that is off, or null. */
function difference(expected: JobTensor, received: Tensor, tolerance: number): string | null {
  expect(received.dtype).toBe(expected.dtype)
  expect(received.shape).toEqual(expected.shape)
  const wanted = toTensor(expected).data
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [Number(wanted[i]), Number(received.data[i])]
    const isClose = Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a)) * (tolerance > 0 ? 1 : 0)
    if (!isClose || Number.isNaN(a) !== Number.isNaN(b)) return `element ${i}: expected ${a}, received ${b}`
  }
  return null
}

describe('transforms: goldens', () => {
  it.each(goldens)('$transform: gives what $name gives', (golden) => {
    const result = run(golden) as Tensor & Record<string, Tensor>
    if (golden.transform === 'topK') {
      const expected = golden.expected as Record<string, JobTensor>
      for (const name of ['values', 'indices'])
        expect(difference(expected[name]!, result[name] as Tensor, golden.tolerance)).toBeNull()
    } else {
      expect(difference(golden.expected as JobTensor, result, golden.tolerance)).toBeNull()
    }
  })

  it('every transform has a golden', () => {
    const functions = Object.keys(transforms).filter((name) => name !== 'simdLevel')
    expect([...new Set(goldens.map(({ transform }) => transform))].sort()).toEqual(functions.sort())
  })

  it('a result that is off by its last bit is noticed', () => {
    const golden = goldens.find(({ name }) => name === 'numpy.clip')!
    const result = run(golden) as Tensor & { data: Float32Array }
    new Uint32Array(result.data.buffer)[3]! += 1
    expect(difference(golden.expected as JobTensor, result, 0)).toMatch(/^element 3/)
  })
})
