/**
 * The addon's tree ensembles against ONNX Runtime with one thread, bit for bit: random ensembles of all three versions of the
 * operator, over rows on thresholds, beside them, missing and infinite, at sizes around those of the kernels.
 */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { addon, type NativeTreesSpec, type TreesHandle } from '../../bindings/native.js'
import {
  TreeAggregate,
  TreeMode,
  TreePostTransform,
  type TreeAggregateCode,
  type TreePostTransformCode,
} from '../../src/base/generated/boundary.js'
import { seeded } from '../support/engine-harness.js'
import { treeModel, treeRows, type Random, type TreeModel, type TreeOptions } from './tree-models.js'

const seed = Number(process.env.PENSTOCK_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const branches = [
  TreeMode.lessOrEqual,
  TreeMode.less,
  TreeMode.greaterOrEqual,
  TreeMode.greater,
  TreeMode.equal,
  TreeMode.notEqual,
]
const plain: TreeOptions = {
  operator: 'regressor',
  isDouble: false,
  features: 6,
  trees: 12,
  leaves: 24,
  targets: 1,
  modes: branches,
  hasMissing: true,
  hasChains: false,
  weights: 'all',
  aggregate: TreeAggregate.sum,
  postTransform: TreePostTransform.none,
  bases: 0,
}
const sizes = [1, 2, 7, 16, 33, 64, 70]

interface Answer {
  readonly scores: Float32Array | Float64Array
  readonly labels: BigInt64Array | null
}

function run(trees: TreesHandle, spec: NativeTreesSpec, rows: Float32Array | Float64Array): Answer {
  const count = rows.length / spec.features
  const { scoreColumns, hasLabels } = addon.treesInfo(trees)
  const scores = new (spec.outputDtype === 11 ? Float64Array : Float32Array)(count * scoreColumns)
  const labels = hasLabels ? new BigInt64Array(count) : null
  addon.runTrees(trees, rows, count, scores, labels)
  return { scores, labels }
}

async function expectSame(model: TreeModel, random: Random): Promise<void> {
  const { spec } = model
  const session = await InferenceSession.create(model.bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const trees = addon.makeTrees(spec)
  for (const size of sizes) {
    const rows = treeRows(spec, size, random)
    const dtype = spec.inputDtype === 11 ? 'float64' : 'float32'
    const outputs = await session.run({ x: new OrtTensor(dtype, rows, [size, spec.features]) })
    const answer = run(trees, spec, rows)
    const expected = outputs['scores']!.data as Float32Array
    expect(bitsOf(answer.scores), `scores of ${size} rows`).toEqual(bitsOf(expected))
    if (answer.labels === null) continue
    const labels: (bigint | string)[] = Array.from(outputs['label']!.data as Iterable<bigint | string>)
    const own = Array.from(answer.labels, (label) => (typeof labels[0] === 'string' ? `class ${label}` : label))
    expect(own, `labels of ${size} rows`).toEqual(labels)
  }
  await session.release()
}

/** NaN of any bits is one NaN. */
function bitsOf(scores: Float32Array | Float64Array): string[] {
  const bits =
    scores instanceof Float64Array
      ? new BigUint64Array(scores.buffer, scores.byteOffset, scores.length)
      : new Uint32Array(scores.buffer, scores.byteOffset, scores.length)
  return Array.from(scores, (score, i) => (Number.isNaN(score) ? 'NaN' : `${score} ${bits[i]!.toString(16)}`))
}

function cases(count: number, make: (random: Random, round: number) => Partial<TreeOptions>) {
  return async () => {
    for (let round = 0; round < count; round++) {
      const random = seeded(seed + round)
      const options = { ...plain, ...make(random, round) }
      try {
        await expectSame(treeModel(options, random), random)
      } catch (cause) {
        throw new Error(`seed ${seed}, round ${round}: ${JSON.stringify(options)}: ${String(cause)}`, { cause })
      }
    }
  }
}
const oneOf = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!

describe('trees: bit for bit what ONNX Runtime answers with one thread', () => {
  test(
    'regressors of any branch, width and size',
    cases(24, (random) => ({
      isDouble: random() < 0.3,
      leaves: oneOf(random, [1, 12, 40, 140, 300]),
      modes: random() < 0.5 ? branches : [oneOf(random, branches)],
      hasMissing: random() < 0.7,
      hasChains: random() < 0.5,
      bases: Math.floor(random() * 2),
    })),
  )
  test(
    'aggregates, targets and post-transforms of regressors',
    cases(40, (random, round) => {
      const targets = 1 + Math.floor(random() * 4)
      return {
        isDouble: random() < 0.3,
        targets,
        weights: oneOf(random, ['all', 'one', 'any'] as const),
        aggregate: (round % 4) as TreeAggregateCode,
        postTransform: oneOf<TreePostTransformCode>(random, [0, 0, 1, 2, 3, 4]),
        bases: random() < 0.5 ? targets : 0,
      }
    }),
  )
  test(
    'binary classifiers: weights of one class, of both, positive or not',
    cases(60, (random) => ({
      operator: 'classifier',
      isDouble: random() < 0.3,
      targets: 2,
      weights: oneOf(random, ['first', 'second', 'all'] as const),
      hasPositiveWeights: random() < 0.5,
      hasTextLabels: random() < 0.5,
      postTransform: oneOf<TreePostTransformCode>(random, [0, 1, 2, 3]),
      bases: oneOf(random, [0, 2]),
    })),
  )
  test(
    'classifiers of several classes',
    cases(40, (random) => {
      const targets = 3 + Math.floor(random() * 4)
      // A row without any score has no label in ONNX Runtime: base values give it one.
      const hasBases = random() < 0.7
      return {
        operator: 'classifier',
        isDouble: random() < 0.3,
        targets,
        trees: 20,
        weights: hasBases ? oneOf(random, ['all', 'one', 'any'] as const) : 'all',
        hasTextLabels: random() < 0.5,
        postTransform: oneOf<TreePostTransformCode>(random, [0, 1, 2, 3, 4]),
        bases: hasBases ? targets : 0,
      }
    }),
  )
  test(
    'TreeEnsemble of version 5, members of sets too',
    cases(40, (random) => ({
      operator: 'ensemble',
      isDouble: random() < 0.4,
      targets: 1 + Math.floor(random() * 3),
      leaves: oneOf(random, [2, 12, 40, 150]),
      weights: 'one',
      modes: random() < 0.5 ? [...branches, TreeMode.member] : [TreeMode.lessOrEqual, TreeMode.member],
      hasMissing: random() < 0.5,
      aggregate: oneOf<TreeAggregateCode>(random, [0, 1, 2, 3]),
      postTransform: oneOf<TreePostTransformCode>(random, [0, 0, 1, 2]),
    })),
  )
})

describe('trees: the addon refuses what does not fit', () => {
  const random = seeded(7)
  const { spec } = treeModel({ ...plain, trees: 2 }, random)
  const rows = treeRows(spec, 4, random)

  test('input, scores and labels of other sizes', () => {
    const trees = addon.makeTrees(spec)
    const scores = new Float32Array(4)
    expect(() => addon.runTrees(trees, rows.subarray(1), 4, scores, null)).toThrow(/Expected input to have 96/)
    expect(() => addon.runTrees(trees, rows, 4, scores.subarray(1), null)).toThrow(/Expected scores to have 16/)
    expect(() => addon.runTrees(trees, rows, 3, scores, null)).toThrow(RangeError)
    expect(() => addon.runTrees(trees, rows, -1, scores, null)).toThrow(RangeError)
    expect(() => addon.runTrees(trees, rows, 4, scores, new BigInt64Array(4))).toThrow(/no labels of a regressor/)
    expect(() => addon.runTrees({} as TreesHandle, rows, 4, scores, null)).toThrow(TypeError)
  })

  test('specs that are unsound, with what is wrong', () => {
    const withCycle = { ...spec, trueNodes: spec.trueNodes.map((_, i) => i), modes: spec.modes.map(() => 0) }
    expect(() => addon.makeTrees(withCycle)).toThrow(/comes back to node/)
    expect(() => addon.makeTrees({ ...spec, weights: new Float64Array(spec.weights.length) })).toThrow(/weights/)
    expect(() => addon.makeTrees({ ...spec, targetCount: 0 })).toThrow(/0 targets/)
    expect(() => addon.makeTrees({ ...spec, featureIds: spec.featureIds.map(() => 99) })).toThrow(/whose feature/)
    expect(() => addon.makeTrees({} as NativeTreesSpec)).toThrow()
  })

  test('handles of one ensemble are found by number, while somebody holds it', () => {
    const trees = addon.makeTrees(spec)
    const other = addon.adoptTrees(addon.shareTrees(trees))
    expect(run(other, spec, rows)).toEqual(run(trees, spec, rows))
    expect(() => addon.adoptTrees(2 ** 30)).toThrow(RangeError)
  })
})
