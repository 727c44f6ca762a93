/**
 * A model on the tree kernels, in the place of ONNX Runtime: calibration, requests on the string path and batches run it as
 * they run any other. A batch of the common kind is one call of the addon; no view is made of its memory.
 *
 * Answers are computed at once, on the thread that asks. Runs are never parallel inside: rows of other callers are what
 * keeps other cores busy.
 */
import { addon } from '../../../bindings/native.js'
import type { BucketLayout, WorkerHandle } from '../../../bindings/native.js'
import { TreeOutputSource } from '../../base/generated/boundary.js'
import { allocateData, viewData, type NumericData } from '../../tensor/dtype.js'
import type { NumericDtype, TensorData } from '../../tensor/tensor.js'
import { answerRows } from '../trees/answer-rows.js'
import { openTrees, type CompiledTrees } from '../trees/compiled-trees.js'
import { directOutputs, elementsOf, type TreePlan } from '../trees/tree-plan.js'
import type { JobTensor, ModelSource } from '../worker-messages.js'
import type { RunnerFields } from './runner-fields.js'

export class TreeRunner {
  readonly way = 'trees'
  readonly fields: RunnerFields
  readonly #trees: CompiledTrees
  /** By output; null: one of them needs more than the kernels write. */
  readonly #sources: Int32Array | null

  constructor(trees: CompiledTrees) {
    this.#trees = trees
    const { input, outputs } = trees.plan
    this.fields = {
      inputNames: [input.name],
      inputDtypes: [input.dtype],
      outputNames: outputs.map(({ name }) => name),
      outputDtypes: outputs.map(({ dtype }) => dtype),
    }
    const direct = directOutputs(trees.plan)
    const isDirect = outputs.every((_, index) => index === direct.scores || index === direct.labels)
    this.#sources = isDirect ? Int32Array.from(outputs, ({ source }) => TreeOutputSource[source]) : null
  }

  /** @param key of the compiled trees, which all isolates share. */
  static async open(source: ModelSource, key: string): Promise<TreeRunner> {
    return new TreeRunner(await openTrees(source, key))
  }

  /** Runs rows of the batch in hand, in its memory. @throws Error when an output has no place there, or there is no memory. */
  runRows(worker: WorkerHandle, layout: BucketLayout, firstRow: number, rowCount: number): void {
    const { handle, plan } = this.#trees
    if (this.#sources !== null && addon.runTreesBatch(worker, handle, this.#sources, firstRow, rowCount)) return
    const buffer = addon.batchBuffer(worker)
    const viewOf = (place: BucketLayout['inputs'][number] | undefined, dtype: NumericDtype, elements: number) => {
      if (place === undefined || place.offsetBytes < 0)
        throw new Error('Expected each output to have its place in the batch')
      return viewData(dtype, buffer, place.offsetBytes + firstRow * place.rowBytes, rowCount * elements)
    }
    const input = viewOf(layout.inputs[0], plan.input.dtype, plan.features)
    const targets = plan.outputs.map((output, index) =>
      viewOf(layout.outputs[index], output.dtype as NumericDtype, elementsOf(output)),
    )
    answerRows(this.#trees, input, rowCount, targets)
  }

  /** Outputs in the model's order; the caller owns them. @throws Error as ONNX Runtime would refuse the input. */
  async run(inputs: readonly JobTensor[]): Promise<JobTensor[]> {
    const { plan } = this.#trees
    const { data, rows } = expectRows(inputs, plan)
    const outputs = plan.outputs.map((output): JobTensor => {
      const { name, dtype, dims } = output
      const elements = rows * elementsOf(output)
      const made: TensorData = dtype === 'string' ? new Array<string>(elements) : allocateData(dtype, elements)
      return { name, dtype, shape: [rows, ...dims], data: made }
    })
    answerRows(
      this.#trees,
      data,
      rows,
      outputs.map((output) => output.data),
    )
    return outputs
  }

  /** The trees go with the last handle that is open. */
  release(): Promise<void> {
    addon.closeTrees(this.#trees.handle)
    return Promise.resolve()
  }
}

/** @throws Error as ONNX Runtime would refuse it. */
function expectRows(inputs: readonly JobTensor[], plan: TreePlan): { data: NumericData; rows: number } {
  const { name, dtype } = plan.input
  const tensor = inputs.find((input) => input.name === name)
  if (tensor === undefined) throw new Error(`Expected input ${name} but there is none`)
  if (tensor.dtype !== dtype) throw new Error(`Expected input ${name} to be ${dtype} but received ${tensor.dtype}`)
  const [rows = 0, features] = tensor.shape
  if (tensor.shape.length !== 2 || features !== plan.features)
    throw new Error(
      `Expected input ${name} to have the shape [rows, ${plan.features}] but received [${tensor.shape.join(', ')}]`,
    )
  return { data: tensor.data as NumericData, rows }
}
