/** The comparison that lets the tree kernels serve: what they are given, and that a difference keeps ONNX Runtime. */
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, describe, expect, it, test } from 'vitest'
import { monotonicMs } from '../../../base/clock.js'
import { seededRandom } from '../../../base/random.js'
import { readOnnx } from '../../../onnx/index.js'
import { readTrees, type TreeGraph } from '../../../onnx/trees/index.js'
import { buildClassifier, buildRegressor, drawTrees, type BuiltTree } from '../../../onnx/trees/testing/build-trees.js'
import { answerRows } from '../../trees/answer-rows.js'
import { treeConditions } from '../../trees/conditions.js'
import { EdgeRows, neighbour32, neighbour64 } from './edge-rows.js'
import { firstDifference, proveTrees, type AnswerRows, type TreeProof } from './prove-trees.js'

const modes = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ']
const draw = (targets: number, count = 12): BuiltTree[] =>
  drawTrees({ columns: 5, depth: 6, targets, modes, count }, seededRandom(3))
const forest = buildRegressor({ columns: 5, trees: draw(1) })
const sessions: InferenceSession[] = []

afterAll(async () => {
  for (const session of sessions) await session.release()
})

async function prove(
  bytes: Uint8Array,
  batching: 'rows' | 'row' | 'whole' = 'rows',
  answer?: AnswerRows,
): Promise<TreeProof> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 })
  sessions.push(session)
  return proveTrees({ session, model: readOnnx(bytes), batching, nowMs: monotonicMs }, answer)
}

describe('tree proof', () => {
  it('tree proof: trees of all modes are proven on thousands of rows', async () => {
    const { runner, outputs } = await prove(forest)
    expect(runner).toMatchObject({ name: 'native-trees', reason: '', foundWith: treeConditions() })
    expect(runner.rows).toBeGreaterThan(10_000)
    expect(runner.memoryBytes).toBeGreaterThan(0)
    expect(outputs).toEqual([{ name: 'y', source: 'scores', dtype: 'float32', dims: [1] }])
  })

  it.each([
    ['integers', [1, 4]],
    ['three classes', [1, 4, 9]],
    ['texts', ['no', 'yes']],
  ] as const)('tree proof: labels of %s, with probabilities', async (_, labels) => {
    const bytes = buildClassifier({
      columns: 5,
      labels,
      trees: draw(labels.length),
      attributes: { post_transform: labels.length === 2 ? 'LOGISTIC' : 'SOFTMAX' },
    })
    expect((await prove(bytes)).runner).toMatchObject({ name: 'native-trees', reason: '' })
  })

  it.each(['float64', 'int64', 'int32'] as const)('tree proof: an input of %s', async (inputDtype) => {
    const rest = { inputs: [['x', inputDtype, ['n', 5]]] } as const
    const bytes = buildClassifier({ columns: 5, labels: [0, 1, 2], trees: draw(3), rest })
    expect((await prove(bytes)).runner).toMatchObject({ name: 'native-trees', reason: '' })
  })

  it('tree proof: an answer that differs in one bit, in one row of thousands, keeps ONNX Runtime', async () => {
    let asked = 0
    const nearly: AnswerRows = (trees, input, rows, targets) => {
      answerRows(trees, input, rows, targets)
      const scores = targets[0] as Float32Array
      if (asked < 5000 && asked + rows >= 5000)
        scores[5000 - asked - 1] = neighbour32(scores[5000 - asked - 1] as number, 1)
      asked += rows
    }
    const { runner, outputs } = await prove(forest, 'rows', nearly)
    expect(runner.name).toBe('onnxruntime')
    expect(runner.reason).toMatch(
      /^The kernels differ from ONNX Runtime: in a run of \d+ rows an element of output y is /,
    )
    expect(outputs).toBeNull()
  })

  it('tree proof: a threshold that is read a bit too high is found', async () => {
    const changed: AnswerRows = (trees, input, rows, targets) => {
      answerRows(trees, input, rows, targets)
      const scores = targets[0] as Float32Array
      // As if x < 0.5 were x <= 0.5.
      for (let row = 0; row < rows; row++) if (input[row * 5 + 1] === 0.5) scores[row] = 1
    }
    const leaf = (weight: number): BuiltTree => ({ weights: { 0: weight } })
    const tree: BuiltTree = { column: 1, mode: 'BRANCH_LT', threshold: 0.5, yes: leaf(1), no: leaf(2) }
    const bytes = buildRegressor({ columns: 5, trees: [tree] })
    expect((await prove(bytes)).runner.name).toBe('native-trees')
    expect((await prove(bytes, 'rows', changed)).runner.reason).toMatch(/is 1 and not 2/)
  })

  it('tree proof: what shares no batches, or is no trees, says so', async () => {
    expect((await prove(forest, 'whole')).runner.reason).toBe('Its rows share no batches')
    const doubled = buildRegressor({
      columns: 5,
      trees: draw(1),
      behind: [{ op: 'Add', inputs: ['y', 'y'], outputs: ['z'] }],
    })
    expect((await prove(doubled)).runner).toMatchObject({
      name: 'onnxruntime',
      reason: 'Its graph does more than trees: Add',
    })
  })
})

const graphOf = (bytes: Uint8Array): TreeGraph => readTrees(readOnnx(bytes)).trees as TreeGraph

test('edge rows: each threshold of a column comes by itself, with the next below and above', () => {
  const trees = graphOf(forest)
  const { spec } = trees
  const rows = new EdgeRows(trees, seededRandom(1)).draw(4000) as Float32Array
  const seen = Array.from({ length: 5 }, (_, column) => new Set(rows.filter((_, place) => place % 5 === column)))
  for (let node = 0; node < spec.modes.length; node++) {
    if (spec.modes[node] === 7) continue
    const threshold = spec.thresholds[node] as number
    const values = seen[spec.featureIds[node] as number]
    for (const steps of [-1, 0, 1]) expect(values).toContain(neighbour32(threshold, steps))
  }
  expect(seen.every((values) => values.has(Number.NaN) && values.has(Infinity) && values.has(-Infinity))).toBe(true)
})

test('edge rows: neighbours of a number are the nearest there are, across 0 as well', () => {
  expect(neighbour32(1, 1)).toBe(1 + 2 ** -23)
  expect(neighbour32(1, -1)).toBe(1 - 2 ** -24)
  expect(neighbour32(-1, 1)).toBe(-1 + 2 ** -24)
  expect(neighbour32(0, 1)).toBe(2 ** -149)
  expect(neighbour32(0, -1)).toBe(-(2 ** -149))
  expect(neighbour32(2 ** -149, -2)).toBe(-(2 ** -149))
  expect(neighbour64(1, 1)).toBe(1 + 2 ** -52)
  expect(neighbour64(-(2 ** -1074), 2)).toBe(2 ** -1074)
  expect(neighbour32(Infinity, 1)).toBe(Infinity)
})

test('differences: -0 is not 0, all NaN are one', () => {
  expect(firstDifference(Float32Array.of(1, 0), Float32Array.of(1, -0))).toBe(1)
  expect(firstDifference(Float32Array.of(Number.NaN), Float32Array.of(-Number.NaN))).toBe(-1)
  expect(firstDifference(['a'], ['b'])).toBe(0)
})
