/**
 * The example and test models in bare onnxruntime-node, without any of our code: when this fails, the fault is in a model
 * or in ONNX Runtime; when only goldens.test.ts fails, it is in the engine.
 */
import { readdirSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import {
  difference,
  exampleModels,
  modelPath,
  readGolden,
  testModelsPath,
  typedData,
  type GoldenTensor,
} from '../support/goldens.js'

const options: InferenceSession.SessionOptions = { intraOpNumThreads: 1, logSeverityLevel: 4 }

function feedsOf(tensors: Readonly<Record<string, GoldenTensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, new Tensor(tensor.dtype, typedData(tensor), tensor.shape)]),
  )
}

function load(name: string): Promise<InferenceSession> {
  return InferenceSession.create(`${testModelsPath}${name}.onnx`, options)
}

describe('goldens, bare ONNX Runtime', () => {
  test('goldens: the eleven example models are there', () => {
    expect(exampleModels).toEqual([
      'digits-cnn',
      'fraud-mlp',
      'review-encoder',
      'review-sentiment',
      'two-by-two',
      'wine-extra-trees',
      'wine-forest',
      'wine-gbt',
      'wine-mlp',
      'wine-mlp-scaled',
      'wine-scaler',
    ])
  })

  test.each(exampleModels)('goldens: %s answers as the library that trained it', async (name) => {
    const golden = readGolden(name)
    const session = await InferenceSession.create(modelPath(name), options)
    expect([...session.inputNames]).toEqual(Object.keys(golden.inputs))
    expect([...session.outputNames]).toEqual(Object.keys(golden.outputs))
    const received = await session.run(feedsOf(golden.inputs))
    for (const [output, expected] of Object.entries(golden.outputs)) {
      const tensor = received[output]
      const found = tensor === undefined ? undefined : { shape: tensor.dims, data: tensor.data as Iterable<unknown> }
      expect(difference(found, expected, golden.tolerance), output).toBeNull()
    }
    await session.release()
  })

  test('goldens, canary: a value outside the tolerance, NaN, another shape and a missing output are found', () => {
    const tolerance = { relative: 1e-4, absolute: 1e-5 }
    const expected: GoldenTensor = { dtype: 'float32', shape: [2, 1], data: [1, 2] }
    expect(difference({ shape: [2, 1], data: [1.00005, 2] }, expected, tolerance)).toBeNull()
    expect(difference({ shape: [2, 1], data: [1, 2.001] }, expected, tolerance)).toMatch(/^element 1 is 2\.001/)
    expect(difference({ shape: [2, 1], data: [Number.NaN, 2] }, expected, tolerance)).toMatch(/^element 0 is NaN/)
    expect(difference({ shape: [1, 2], data: [1, 2] }, expected, tolerance)).toMatch(/^shape \[1,2\]/)
    expect(difference(undefined, expected, tolerance)).toBe('the output is missing')
  })
})

describe('test models, bare ONNX Runtime', () => {
  const refused: Readonly<Record<string, RegExp>> = {
    'future-opset': /opset/i,
    'missing-external-data': /external data/i,
    // The runtime has the dtype, its Node binding does not.
    'identity-bfloat16': /unsupported data type: 16/i,
  }
  const names = readdirSync(testModelsPath)
    .filter((file) => file.endsWith('.onnx'))
    .map((file) => file.slice(0, -'.onnx'.length))

  test.for(names.filter((name) => !(name in refused)))('test models: %s loads', async (name, context) => {
    const session = await load(name).catch((error: unknown) => {
      // Its text operators need a locale that a system may lack.
      if (name === 'tfidf' && String(error).includes('locale')) return context.skip('the system has no en_US.UTF-8')
      throw error
    })
    expect(session.inputNames.length).toBeGreaterThan(0)
    await session.release()
  })

  test.each(Object.entries(refused))('test models: %s is refused', async (name, reason) => {
    await expect(load(name)).rejects.toThrow(reason)
  })

  test('test models: zipmap-classifier has an output that is no tensor', async () => {
    const session = await load('zipmap-classifier')
    expect(session.outputMetadata.map((output) => output.isTensor)).toEqual([true, false])
  })

  test('test models: gather-ten answers indexes of its table and fails on others', async () => {
    const session = await load('gather-ten')
    const indexes = (...values: bigint[]) => ({
      index: new Tensor('int64', BigInt64Array.from(values), [values.length, 1]),
    })
    const { value } = await session.run(indexes(3n, 9n))
    expect([...(value?.data as Float32Array)]).toEqual([3, 9, 9, 81])
    await expect(session.run(indexes(3n, 12n))).rejects.toThrow(/out of data bounds/)
  })

  test('test models: slow takes at least 5 ms a run', async () => {
    const session = await load('slow')
    const x = new Tensor('float32', new Float32Array(4).fill(1), [1, 4])
    await session.run({ x })
    const before = performance.now()
    await session.run({ x })
    expect(performance.now() - before).toBeGreaterThan(5)
  })

  test('test models: trim-tokens and repeat-tokens answer with inner dims that only the run knows', async () => {
    const tokens = new Tensor('int64', BigInt64Array.from([1n, 0n, 2n, 3n, 0n, 0n]), [2, 3])
    const { trimmed } = await (await load('trim-tokens')).run({ tokens })
    const { twice } = await (await load('repeat-tokens')).run({ tokens })
    expect(trimmed?.dims).toEqual([2, 2])
    expect(twice?.dims).toEqual([2, 6])
  })

  test('test models: strings are echoed, upper-cased and encoded', async () => {
    const label = new Tensor('string', ['red', 'Blue'], [2, 1])
    const { echo } = await (await load('identity-string')).run({ label })
    const { code } = await (await load('encode-string')).run({ label })
    const { upper } = await (await load('upper-string')).run({ label: new Tensor('string', ['red', 'Blue'], [2]) })
    expect(echo?.data).toEqual(['red', 'Blue'])
    expect(code?.data).toEqual(BigInt64Array.from([0n, -1n]))
    expect(upper?.data).toEqual(['RED', 'BLUE'])
  })
})
