/**
 * Runs the batch in hand: ONNX Runtime on the arena's own memory, in place, without a copy.
 *
 * Inputs are views of the batch's buffer; outputs whose place is known are preallocated fetches in the same buffer.
 * Outputs whose shape is known only after the run are allocated by ONNX Runtime and handed to the addon, which copies
 * them once.
 *
 * A batch with more rows than one run should have (the model's runInputBytesMax, measured) is run in parts on the same
 * memory: taking a batch costs more than a run of a cheap model. A batch that has the runtime to itself runs in the
 * session that uses all cores, where the model has one.
 *
 * One bad request never poisons a batch: when a shared run fails, each entry is run by itself on its own rows, and only
 * the guilty ones get the error. Layouts are cached by bucket and buffers by batch id: a look-up costs a native call, and
 * V8 takes the memory of every buffer it is shown for its own and collects garbage accordingly. A cached buffer keeps
 * its batch's memory alive, so all are forgotten when the addon has freed batches (a queue sees many shapes, or is
 * closed), and the oldest beyond a bound, because a worker that is idle does not notice.
 *
 * Thread: the worker's. Memory: the addon's, lent from take() until completeBatch().
 */
import type { Tensor as OrtTensor } from 'onnxruntime-node'
import { WorkerInfoSlot } from '../../../bindings/generated/boundary.js'
import type { BucketLayout, NativeAddon, WorkerHandle } from '../../../bindings/native.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import type { ModelSession } from '../sessions/model-session.js'
import { dataOf, runtimeReason, viewTensor } from '../sessions/ort-tensor.js'
import { TreeSession } from '../sessions/tree-session.js'
import { RowChecks } from './row-checks.js'
import { sampleRow } from './row-sample.js'

/** Cached layouts of one worker: one shape of one model each, a few hundred bytes. */
const LAYOUTS_MAX = 4096
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

export class BatchRunner {
  readonly #addon: NativeAddon
  readonly #worker: WorkerHandle
  readonly #sessions: ReadonlyMap<number, ModelSession>
  readonly #checks: RowChecks
  readonly #onSharedFailure: (modelKey: number, reason: string) => void
  readonly #onBackgroundFailure: (modelKey: number, reason: string) => void
  /** [modelKey, batchId, rows, entryCount, bucketId, isAlone, freedBatches] of the batch in hand; a view of native memory. */
  readonly #info: Int32Array
  readonly #layouts = new Map<number, BucketLayout>()
  /** Oldest first. */
  readonly #buffers = new Map<number, BatchViews>()
  #buffersBytes = 0
  /** The addon's count of freed batches when buffers were dropped last. */
  #freedBatches = 0
  /** When the session was called for the batch in hand, 0: not yet; and when it returned last. */
  #runStartUs = 0
  #runEndUs = 0
  /** The row of the batch in hand that is to be checked, or -1. */
  #sampledRow = -1

  constructor(
    addon: NativeAddon,
    worker: WorkerHandle,
    sessions: ReadonlyMap<number, ModelSession>,
    checks = new RowChecks(0, () => undefined),
    onSharedFailure: (modelKey: number, reason: string) => void = () => undefined,
    onBackgroundFailure: (modelKey: number, reason: string) => void = () => undefined,
  ) {
    this.#addon = addon
    this.#worker = worker
    this.#sessions = sessions
    this.#checks = checks
    this.#onSharedFailure = onSharedFailure
    this.#onBackgroundFailure = onBackgroundFailure
    this.#info = addon.workerInfo(worker)
  }

  /** Runs and completes the batch in hand. Never throws for what a model or a request does. */
  async runBatch(): Promise<void> {
    const addon = this.#addon
    const modelKey = this.#info[WorkerInfoSlot.modelKey] as number
    const rows = this.#info[WorkerInfoSlot.rows] as number
    const entryCount = this.#info[WorkerInfoSlot.entryCount] as number
    const model = this.#sessions.get(modelKey)
    this.#runStartUs = 0
    this.#sampledRow = this.#checks.next(rows)
    if (model === undefined) {
      for (let entry = 0; entry < entryCount; entry++) this.#failEntry(entry, 'the model is not loaded in this worker')
    } else {
      try {
        await this.#runInParts(model, 0, rows)
      } catch (error) {
        if (entryCount === 1) this.#failEntry(0, runtimeReason(error))
        else if (await this.#runEntriesSeparately(model)) this.#onSharedFailure(modelKey, runtimeReason(error))
      }
    }
    // Without a session nothing was run: no time was spent in it.
    if (this.#runStartUs === 0) this.#runStartUs = this.#runEndUs = addon.nowUs()
    addon.completeBatch(this.#worker, this.#runStartUs, this.#runEndUs)
  }

  #failEntry(entry: number, reason: string): void {
    const isUnheard = this.#addon.failEntry(this.#worker, entry, reason)
    if (isUnheard) this.#onBackgroundFailure(this.#info[WorkerInfoSlot.modelKey] as number, reason)
  }

  /** @returns whether all of them ran: nothing but sharing it made the run fail. */
  async #runEntriesSeparately(model: ModelSession): Promise<boolean> {
    let hasFailed = false
    const entries = this.#addon.batchEntries(this.#worker)
    for (let entry = 0; entry * 2 < entries.length; entry++) {
      const rowCount = entries[entry * 2 + 1] as number
      // Cancelled or expired meanwhile: nobody waits for it.
      if (rowCount === 0) continue
      try {
        await this.#runInParts(model, entries[entry * 2] as number, rowCount)
      } catch (error) {
        this.#failEntry(entry, runtimeReason(error))
        hasFailed = true
      }
    }
    return !hasFailed
  }

  async #runInParts(model: ModelSession, firstRow: number, rowCount: number): Promise<void> {
    const layout = this.#layout()
    const runRowsMax = model.isNonBatching
      ? rowCount
      : Math.max(1, Math.floor(model.runInputBytesMax / inputRowBytes(layout)))
    for (let row = 0; row < rowCount; row += runRowsMax) {
      await this.#runRows(model, layout, firstRow + row, Math.min(runRowsMax, rowCount - row))
    }
  }

  async #runRows(model: ModelSession, layout: BucketLayout, batchRow: number, rowCount: number): Promise<void> {
    const session = this.#info[WorkerInfoSlot.isAlone] === 1 ? model.latencySession : model.session
    if (session instanceof TreeSession && this.#runTrees(session, batchRow, rowCount)) return
    const views = this.#viewsOf(model, layout, batchRow, rowCount)
    const startUs = this.#addon.nowUs()
    // A batch that is run in parts, or again by request after a failure, counts from the first call to the last return.
    if (this.#runStartUs === 0) this.#runStartUs = startUs
    let results
    try {
      results = await session.run(views.feeds, views.fetches)
    } finally {
      this.#runEndUs = this.#addon.nowUs()
    }
    const sampled = this.#sampledRow - batchRow
    if (sampled >= 0 && sampled < rowCount && rowCount > 1 && model.hasRowChecks)
      this.#checks.take(
        sampleRow(this.#info[WorkerInfoSlot.modelKey] as number, model, session, layout, views, results, {
          batchRow,
          rowCount,
          row: sampled,
        }),
      )
    for (let i = 0; i < layout.outputs.length; i++) {
      if ((layout.outputs[i] as BucketLayout['outputs'][number]).offsetBytes >= 0) continue
      const result = results[model.outputNames[i] as string] as OrtTensor
      this.#handOver(model, views, i, result, batchRow, model.isNonBatching ? -1 : rowCount)
    }
  }

  /** Past all views and tensors of the batch. @returns false: they are needed. */
  #runTrees(session: TreeSession, batchRow: number, rowCount: number): boolean {
    const startUs = this.#addon.nowUs()
    if (!session.runBatch(this.#worker, batchRow, rowCount)) return false
    if (this.#runStartUs === 0) this.#runStartUs = startUs
    this.#runEndUs = this.#addon.nowUs()
    return true
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

  #layout(): BucketLayout {
    const bucketId = this.#info[WorkerInfoSlot.bucketId] as number
    let layout = this.#layouts.get(bucketId)
    if (layout === undefined) {
      layout = this.#addon.bucketLayout(this.#worker)
      if (this.#layouts.size >= LAYOUTS_MAX) this.#layouts.clear()
      this.#layouts.set(bucketId, layout)
    }
    return layout
  }

  /** Those of the run before in the same memory are used again when they are of the same rows: an idle server's are. */
  #viewsOf(model: ModelSession, layout: BucketLayout, batchRow: number, rowCount: number): BatchViews {
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

function inputRowBytes(layout: BucketLayout): number {
  let sum = 0
  for (const { rowBytes } of layout.inputs) sum += rowBytes
  return sum
}
