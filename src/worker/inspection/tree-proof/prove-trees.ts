/**
 * Whether the tree kernels may run a model: its graph is read, and their answers are compared with those of ONNX Runtime on
 * one thread, bit for bit, in runs of several sizes. One difference, and ONNX Runtime runs it: slower, never another answer.
 *
 * One thread: with several ONNX Runtime adds the leaves of large batches in another order, and differs from itself.
 */
import type { InferenceSession } from 'onnxruntime-node'
import { seededRandom } from '../../../base/random.js'
import { TRIAL_BATCH_ELEMENTS_MAX } from '../../../base/limits/limits.js'
import {
  TREE_PROOF_MS,
  TREE_PROOF_MS_MAX,
  TREE_PROOF_ROWS_MAX,
  TREE_PROOF_ROWS_MIN,
} from '../../../base/limits/tree-limits.js'
import type { BatchingMode, Runner } from '../../../engine/api/api.js'
import type { OnnxModel } from '../../../onnx/index.js'
import { readTrees, type TreeGraph, type TreeOutput } from '../../../onnx/trees/index.js'
import { allocateData } from '../../../tensor/dtype.js'
import type { NumericData } from '../../../tensor/dtype.js'
import type { TensorData } from '../../../tensor/tensor.js'
import { makeTensor } from '../../sessions/ort-tensor.js'
import { runtimeReason } from '../../sessions/runtime-reason.js'
import { compileTrees, type CompiledTrees } from '../../trees/compiled-trees.js'
import { treeConditions } from '../../trees/conditions.js'
import { elementsOf } from '../../trees/tree-plan.js'
import { answerRows } from '../../trees/answer-rows.js'
import type { Answer } from '../row-trial/compare.js'
import { answersOf } from '../row-trial/run-rows.js'
import { addon } from '../../../../bindings/native.js'
import { EdgeRows } from './edge-rows.js'

/** How rows are answered; in place of the kernels a test gives its own. */
export type AnswerRows = (
  trees: CompiledTrees,
  input: NumericData,
  rows: number,
  targets: readonly TensorData[],
) => void

export interface TreeProof {
  readonly runner: Runner
  /** The outputs of a model that the kernels run: their dims are known. */
  readonly outputs: readonly TreeOutput[] | null
}

export interface TreeProofSubject {
  readonly session: InferenceSession
  /** null: it cannot be read. */
  readonly model: OnnxModel | null
  readonly batching: BatchingMode
  readonly nowMs: () => number
}

/** How many rows the runs have, in turn. */
const runRows = [1, 2, 3, 16, 64, 65, 257, 1024]
/** Milliseconds that one run may take. */
const RUN_MS_MAX = 1_000
const SEED = 20_261_201

/** Never throws for what a model does. */
export async function proveTrees(subject: TreeProofSubject, answer: AnswerRows = answerRows): Promise<TreeProof> {
  const { model, batching } = subject
  const { trees, reason } = model === null ? { trees: null, reason: 'Its graph cannot be read' } : readTrees(model)
  if (trees === null) return onRuntime(reason)
  if (batching === 'whole') return onRuntime('Its rows share no batches')
  let compiled: CompiledTrees
  try {
    compiled = compileTrees(trees)
  } catch (error) {
    return onRuntime(error instanceof Error ? error.message : String(error))
  }
  const { rows, fault } = await compare(subject, trees, compiled, answer)
  if (fault !== '') return onRuntime(fault, rows)
  const { bytes } = addon.treesInfo(compiled.handle)
  return {
    runner: { name: 'native-trees', reason: '', rows, memoryBytes: bytes, foundWith: treeConditions() },
    outputs: trees.outputs,
  }
}

function onRuntime(reason: string, rows = 0): TreeProof {
  return {
    runner: { name: 'onnxruntime', reason, rows, memoryBytes: 0, foundWith: treeConditions() },
    outputs: null,
  }
}

/** @returns the rows that were compared, and what differed; '' when nothing did. */
async function compare(
  { session, batching, nowMs }: TreeProofSubject,
  trees: TreeGraph,
  compiled: CompiledTrees,
  answer: AnswerRows,
): Promise<{ rows: number; fault: string }> {
  const drawn = new EdgeRows(trees, seededRandom(SEED))
  const startMs = nowMs()
  let rows = 0
  let rowMs = 0
  for (let turn = 0; rows < TREE_PROOF_ROWS_MAX; turn++) {
    const tookMs = nowMs() - startMs
    if (tookMs > TREE_PROOF_MS && rows >= TREE_PROOF_ROWS_MIN) break
    if (tookMs > TREE_PROOF_MS_MAX)
      return { rows, fault: `Only ${rows} rows of it could be compared with ONNX Runtime in time` }
    const wanted = batching === 'row' ? 1 : (runRows[turn % runRows.length] as number)
    const fitting = Math.floor(Math.min(TRIAL_BATCH_ELEMENTS_MAX / trees.spec.features, RUN_MS_MAX / rowMs))
    const count = Math.max(1, Math.min(wanted, fitting))
    const input = drawn.draw(count)
    const runStartMs = nowMs()
    let expected: readonly Answer[]
    try {
      expected = await runOnRuntime(session, trees, input, count)
    } catch (error) {
      return { rows, fault: `ONNX Runtime refuses rows that it was to be compared on: ${runtimeReason(error)}` }
    }
    rowMs = Math.max(rowMs / 2, (nowMs() - runStartMs) / count)
    const targets = trees.outputs.map((output) => allocateOutput(output, count))
    answer(compiled, input, count, targets)
    const fault = differenceOf(session, trees.outputs, expected, targets, count)
    if (fault !== '') return { rows, fault }
    rows += count
  }
  return { rows, fault: '' }
}

async function runOnRuntime(
  session: InferenceSession,
  { input: { name, dtype }, spec }: TreeGraph,
  data: NumericData,
  rows: number,
): Promise<readonly Answer[]> {
  // A copy: its memory is then nobody's but the run's.
  const tensor = makeTensor(dtype, data.slice(), [rows, spec.features])
  return answersOf(session, await session.run({ [name]: tensor }))
}

function allocateOutput(output: TreeOutput, rows: number): TensorData {
  const elements = rows * elementsOf(output)
  return output.dtype === 'string' ? new Array<string>(elements).fill('') : allocateData(output.dtype, elements)
}

function differenceOf(
  session: InferenceSession,
  outputs: readonly TreeOutput[],
  expected: readonly Answer[],
  targets: readonly TensorData[],
  rows: number,
): string {
  for (const [index, { name, dtype, dims }] of outputs.entries()) {
    const answer = expected[session.outputNames.indexOf(name)]
    if (answer?.dtype !== dtype || answer.dims.join() !== [rows, ...dims].join())
      return `Output ${name} is ${answer?.dtype ?? 'missing'} [${answer?.dims.join(', ') ?? ''}], not ${dtype} [${[rows, ...dims].join(', ')}]`
    const made = targets[index] as TensorData
    const place = firstDifference(answer.data, made)
    if (place >= 0)
      return (
        `The kernels differ from ONNX Runtime: in a run of ${rows} rows an element of output ${name} is ` +
        `${String(made[place])} and not ${String(answer.data[place])}`
      )
  }
  return ''
}

/** The first element whose bits differ; all NaN are one. -1: none. */
export function firstDifference(expected: TensorData, made: TensorData): number {
  if (expected.length !== made.length) return 0
  for (let i = 0; i < expected.length; i++) if (!Object.is(expected[i], made[i])) return i
  return -1
}
