/**
 * Runs rows of the batch in hand by onnxruntime-node, on the arena's own memory, in place, without a copy.
 *
 * Inputs are views of the batch's buffer; outputs whose place is known are preallocated fetches in the same buffer.
 * Outputs whose shape is known only after the run are allocated by ONNX Runtime and handed to the addon, which copies
 * them once. Buffers are cached by batch id: a look-up costs a native call, and V8 takes the memory of every buffer it is
 * shown for its own and collects garbage accordingly. A cached buffer keeps its batch's memory alive, so all are forgotten
 * when the addon has freed batches (a queue sees many shapes, or is closed), and the oldest beyond a bound, because a
 * worker that is idle does not notice.
 *
 * Thread: the worker's. Memory: the addon's, lent from take() until completeBatch().
 */
import type { Tensor as OrtTensor } from 'onnxruntime-node'
import { WorkerInfoSlot } from '../../../bindings/generated/boundary.js'
import type { BucketLayout, NativeAddon, WorkerHandle } from '../../../bindings/native.js'
import type { NumericData } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import type { Answer } from '../inspection/row-trial/compare.js'
import type { ModelSession } from '../sessions/model-session.js'
import type { NodeRunner } from '../sessions/node-runner.js'
import { dataOf, viewTensor } from '../sessions/ort-tensor.js'

/** Results of this size and more are freed at once when the addon has them. */
const DETACHED_BYTES_MIN = 64 * 1024
/** Memory that the buffer cache of one worker may keep alive: sixteen batches of the largest size. */
const BUFFERS_BYTES_MAX = 256 * 1024 * 1024

/** The memory of a batch, and the tensors of the run that was made in it last. */
interface BatchViews {
  readonly buffer: ArrayBuffer
  model: ModelSession | null
  batchRow: number
  rowCount: number
  feeds: Record<string, OrtTensor>
  fetches: Record<string, OrtTensor | null>
}

/** What was run: rows of the batch in hand. */
export interface NodeRun {
  readonly model: ModelSession
  readonly layout: BucketLayout
  readonly batchRow: number
  readonly rowCount: number
}

/** What a run has made: for a check of one of its rows. */
export interface NodeRunResults {
  readonly buffer: ArrayBuffer
  readonly copiedRow: (row: number, output: number, dtype: NumericDtype) => Answer
}

export class NodeBatchRuns {
  readonly #addon: NativeAddon
  readonly #worker: WorkerHandle
  readonly #info: Int32Array
  /** Oldest first. */
  readonly #buffers = new Map<number, BatchViews>()
  #buffersBytes = 0
  /** The addon's count of freed batches when buffers were dropped last. */
  #freedBatches = 0

  constructor(addon: NativeAddon, worker: WorkerHandle, info: Int32Array) {
    this.#addon = addon
    this.#worker = worker
    this.#info = info
  }

  /** @param onRun hears of the results while they are there. @throws Error with the reason. */
  async run(run: NodeRun, runner: NodeRunner, onRun: (results: NodeRunResults) => void): Promise<void> {
    const { model, layout, batchRow, rowCount } = run
    const views = this.#viewsOf(run)
    const results = (await runner.session.run(views.feeds, views.fetches)) as Readonly<Record<string, OrtTensor>>
    onRun({
      buffer: views.buffer,
      copiedRow: (row, output, dtype) => {
        const result = results[model.outputNames[output] as string] as OrtTensor
        const data = dataOf(result) as NumericData
        const elements = data.length / rowCount
        return { dtype, dims: [1, ...result.dims.slice(1)], data: data.slice(row * elements, (row + 1) * elements) }
      },
    })
    for (let i = 0; i < layout.outputs.length; i++) {
      if ((layout.outputs[i] as BucketLayout['outputs'][number]).offsetBytes >= 0) continue
      const result = results[model.outputNames[i] as string] as OrtTensor
      this.#handOver(model, views, i, result, batchRow, model.isNonBatching ? -1 : rowCount)
    }
  }

  /** @param rowCount -1: the output has no row axis. */
  #handOver(
    model: ModelSession,
    views: BatchViews,
    output: number,
    result: OrtTensor,
    batchRow: number,
    rowCount: number,
  ): void {
    const name = model.outputNames[output] as string
    const dims = result.dims as number[]
    if (rowCount >= 0 && dims[0] !== rowCount) {
      throw new Error(`Expected output ${name} to have ${rowCount} rows but the model gave shape [${dims.join(', ')}]`)
    }
    const data = dataOf(result) as unknown as ArrayBufferView
    const isSet = this.#addon.setOutput(this.#worker, output, data, dims, batchRow)
    // Copied: a collector that does not know its size would let many such wait. Small ones are not worth the call.
    if (data.byteLength >= DETACHED_BYTES_MIN && data.buffer !== views.buffer) this.#addon.detachBuffer(data.buffer)
    if (!isSet) throw new Error(`Output ${name} has shape [${dims.join(', ')}], unlike the other requests of its batch`)
  }

  /** Those of the run before in the same memory are used again when they are of the same rows: an idle server's are. */
  #viewsOf({ model, layout, batchRow, rowCount }: NodeRun): BatchViews {
    const views = this.#views()
    if (views.model === model && views.batchRow === batchRow && views.rowCount === rowCount) return views
    const dimsOf = (dims: readonly number[]) => (model.isNonBatching ? dims : [rowCount, ...dims])
    views.feeds = {}
    for (let i = 0; i < layout.inputs.length; i++) {
      const { offsetBytes, rowBytes, dims } = layout.inputs[i] as BucketLayout['inputs'][number]
      const dtype = model.inputDtypes[i] as NumericDtype
      const offset = offsetBytes + batchRow * rowBytes
      views.feeds[model.inputNames[i] as string] = viewTensor(dtype, views.buffer, offset, dimsOf(dims))
    }
    views.fetches = {}
    for (let i = 0; i < layout.outputs.length; i++) {
      const { offsetBytes, rowBytes, dims } = layout.outputs[i] as BucketLayout['outputs'][number]
      const dtype = model.outputDtypes[i] as NumericDtype
      const offset = offsetBytes + batchRow * rowBytes
      views.fetches[model.outputNames[i] as string] =
        offsetBytes < 0 ? null : viewTensor(dtype, views.buffer, offset, dimsOf(dims))
    }
    views.model = model
    views.batchRow = batchRow
    views.rowCount = rowCount
    return views
  }

  #views(): BatchViews {
    const batchId = this.#info[WorkerInfoSlot.batchId] as number
    const freedBatches = this.#info[WorkerInfoSlot.freedBatches] as number
    if (freedBatches !== this.#freedBatches) this.#forgetBuffers(freedBatches)
    let views = this.#buffers.get(batchId)
    if (views === undefined) {
      const buffer = this.#addon.batchBuffer(this.#worker)
      this.#buffersBytes += buffer.byteLength
      this.#forgetOldBuffers()
      views = { buffer, model: null, batchRow: 0, rowCount: 0, feeds: {}, fetches: {} }
      this.#buffers.set(batchId, views)
    }
    return views
  }

  #forgetBuffers(freedBatches: number): void {
    this.#freedBatches = freedBatches
    this.#buffers.clear()
    this.#buffersBytes = 0
  }

  #forgetOldBuffers(): void {
    for (const [batchId, { buffer }] of this.#buffers) {
      if (this.#buffersBytes <= BUFFERS_BYTES_MAX) return
      this.#buffers.delete(batchId)
      this.#buffersBytes -= buffer.byteLength
    }
  }
}
