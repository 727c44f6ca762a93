/**
 * A model on the tree kernels, in the place of an ONNX Runtime session: calibration, warm-up, requests on the string path and
 * batches whose outputs need a cast run it as they run any other. Batches of the common kind go past it, straight to the
 * addon (`runBatch`): no tensor is made for them.
 *
 * Answers are computed at once, on the thread that asks. Runs are never parallel inside: rows of other callers are what
 * keeps other cores busy.
 */
import type { Tensor as OrtTensor } from 'onnxruntime-node'
import { addon } from '../../../bindings/native.js'
import type { WorkerHandle } from '../../../bindings/native.js'
import { TreeOutputSource } from '../../base/generated/boundary.js'
import { allocateData } from '../../tensor/dtype.js'
import type { NumericData } from '../../tensor/dtype.js'
import type { Dtype, TensorData } from '../../tensor/tensor.js'
import type { RunnableSession } from './runnable-session.js'
import { dataOf, makeTensor } from './ort-tensor.js'
import type { ModelSource } from '../worker-messages.js'
import { answerRows } from '../trees/answer-rows.js'
import { openTrees, type CompiledTrees } from '../trees/compiled-trees.js'
import { directOutputs, elementsOf, type TreePlan } from '../trees/tree-plan.js'

export class TreeSession implements RunnableSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly inputMetadata: RunnableSession['inputMetadata']
  readonly outputMetadata: RunnableSession['outputMetadata']
  readonly #trees: CompiledTrees
  /** By output; null: one of them needs more than the kernels write. */
  readonly #sources: Int32Array | null

  constructor(trees: CompiledTrees) {
    this.#trees = trees
    const { input, features, outputs } = trees.plan
    this.inputNames = [input.name]
    this.outputNames = outputs.map(({ name }) => name)
    this.inputMetadata = [metadataOf(input.name, input.dtype, [features])]
    this.outputMetadata = outputs.map(({ name, dtype, dims }) => metadataOf(name, dtype, dims))
    const direct = directOutputs(trees.plan)
    const isDirect = outputs.every((_, index) => index === direct.scores || index === direct.labels)
    this.#sources = isDirect ? Int32Array.from(outputs, ({ source }) => TreeOutputSource[source]) : null
  }

  /** @param key of the compiled trees, which all isolates share. */
  static async open(source: ModelSource, key: string): Promise<TreeSession> {
    return new TreeSession(await openTrees(source, key))
  }

  /**
   * Runs rows of the batch in hand, in its memory.
   * @returns false: nothing was run, `run` has to, because outputs are of other dtypes or places than the kernels write to.
   */
  runBatch(worker: WorkerHandle, firstRow: number, rowCount: number): boolean {
    return this.#sources !== null && addon.runTreesBatch(worker, this.#trees.handle, this.#sources, firstRow, rowCount)
  }

  /** @param fetches tensors that results are written into; those of other outputs are new. */

  async run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: Readonly<Record<string, OrtTensor | null>> = {},
  ): Promise<Record<string, OrtTensor>> {
    const { plan } = this.#trees
    const { data, rows } = expectRows(feeds[plan.input.name], plan)
    const targets = plan.outputs.map((output): TensorData => {
      const fetched = fetches[output.name]
      if (fetched != null) return dataOf(fetched)
      const elements = rows * elementsOf(output)
      return output.dtype === 'string' ? new Array<string>(elements) : allocateData(output.dtype, elements)
    })
    answerRows(this.#trees, data, rows, targets)
    return Object.fromEntries(
      plan.outputs.map(({ name, dtype, dims }, index) => [
        name,
        fetches[name] ?? makeTensor(dtype, targets[index] as TensorData, [rows, ...dims]),
      ]),
    )
  }

  /** The trees go with the last handle that anybody holds. */
  release(): Promise<void> {
    return Promise.resolve()
  }
}

/** As ONNX Runtime describes a field; its names of dtypes are ours. */
function metadataOf(name: string, dtype: Dtype, dims: readonly number[]): RunnableSession['inputMetadata'][number] {
  return { name, isTensor: true, type: dtype as OrtTensor.Type, shape: ['rows', ...dims] }
}

/** @throws Error as ONNX Runtime would refuse it. */
function expectRows(tensor: OrtTensor | undefined, plan: TreePlan): { data: NumericData; rows: number } {
  const { name, dtype } = plan.input
  if (tensor === undefined) throw new Error(`Expected input ${name} but there is none`)
  if (tensor.type !== dtype) throw new Error(`Expected input ${name} to be ${dtype} but received ${tensor.type}`)
  const [rows = 0, features] = tensor.dims
  if (tensor.dims.length !== 2 || features !== plan.features)
    throw new Error(
      `Expected input ${name} to have the shape [rows, ${plan.features}] but received [${tensor.dims.join(', ')}]`,
    )
  return { data: dataOf(tensor) as NumericData, rows }
}
