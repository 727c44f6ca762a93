/**
 * Runs the batch in hand on the memory where its rows lie, and sees to what a run may refuse.
 *
 *     natively   one call: runs, copies outputs of unknown shape, completes (native/ort/batch_run.hpp)
 *     by node    onnxruntime-node on views of the same memory (node-batch-runs.ts)
 *
 * A batch with more rows than one run should have (the model's runInputBytesMax, measured) is run in parts on the same
 * memory: taking a batch costs more than a run of a cheap model. A batch that has the runtime to itself runs in the
 * session that uses all cores, where the model has one.
 *
 * One bad request never poisons a batch: when a shared run fails, each entry is run by itself on its own rows, and only
 * the guilty ones get the error. When it was ended because it took too long, entries whose callers still wait are run
 * by themselves as well, each watched as a run of its own, until one of them is ended, too: the rest fail with it.
 * Layouts are cached by bucket: a look-up costs a native call.
 *
 * Thread: the worker's. Memory: the addon's, lent from take() until the batch is completed.
 */
import { WorkerInfoSlot } from '../../../bindings/generated/boundary.js'
import type { BucketLayout, Native, WorkerHandle } from '../../../bindings/native.js'
import { viewData } from '../../tensor/dtype.js'
import type { ModelRunner, NativeRunner } from '../sessions/model-runner.js'
import type { ModelSession } from '../sessions/model-session.js'
import type { NodeRunner } from '../sessions/node-runner.js'
import { runtimeReason } from '../sessions/runtime-reason.js'
import type { NodeBatchRuns } from './node-batch-runs.js'
import { RowChecks } from './row-checks.js'
import { sampleRow } from './row-sample.js'

/** Cached layouts of one worker: one shape of one model each, a few hundred bytes. */
const LAYOUTS_MAX = 4096

export class BatchRunner {
  readonly #addon: Native
  readonly #worker: WorkerHandle
  readonly #sessions: ReadonlyMap<number, ModelSession>
  readonly #checks: RowChecks
  readonly #onSharedFailure: (modelKey: number, reason: string) => void
  readonly #onBackgroundFailure: (modelKey: number, reason: string) => void
  /** By WorkerInfoSlot, of the batch in hand; a view of native memory. */
  readonly #info: Int32Array
  readonly #layouts = new Map<number, BucketLayout>()
  #nodeRuns: NodeBatchRuns | null = null
  /** When the session was called for the batch in hand, 0: not yet; and when it returned last. */
  #runStartUs = 0
  #runEndUs = 0
  /** The row of the batch in hand that is to be checked, or -1. */
  #sampledRow = -1

  constructor(
    addon: Native,
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
    const modelKey = this.#info[WorkerInfoSlot.modelKey] as number
    const rows = this.#info[WorkerInfoSlot.rows] as number
    const model = this.#sessions.get(modelKey)
    this.#runStartUs = 0
    this.#sampledRow = this.#checks.next(rows)
    if (model === undefined) {
      const entryCount = this.#info[WorkerInfoSlot.entryCount] as number
      for (let entry = 0; entry < entryCount; entry++) this.#failEntry(entry, 'the model is not loaded in this worker')
    } else {
      const runner = this.#info[WorkerInfoSlot.isAlone] === 1 ? model.latencyRunner : model.runner
      try {
        if (runner.way === 'native') {
          if (this.#runNatively(model, runner, rows)) return
        } else await this.#runInParts(model, runner, 0, rows)
      } catch (error) {
        await this.#noteFailure(modelKey, model, runner, runtimeReason(error))
      }
    }
    // Without a session nothing was run: no time was spent in it.
    if (this.#runStartUs === 0) this.#runStartUs = this.#runEndUs = this.#addon.nowUs()
    this.#addon.completeBatch(this.#worker, this.#runStartUs, this.#runEndUs)
  }

  /** @returns whether the batch was completed, too. @throws Error with the reason. */
  #runNatively(model: ModelSession, runner: NativeRunner, rows: number): boolean {
    const isSampled = this.#sampledRow >= 0 && rows > 1 && model.hasRowChecks
    this.#runStartUs = this.#addon.nowUs()
    const refusal = this.#addon.runBatch(this.#worker, runner.session, model.runInputBytesMax, !isSampled)
    if (refusal === '' && !isSampled) return true
    this.#runEndUs = this.#addon.nowUs()
    if (refusal !== '') throw new Error(refusal)
    this.#sampleNatively(model, runner, rows)
    return false
  }

  async #noteFailure(modelKey: number, model: ModelSession, runner: ModelRunner, reason: string): Promise<void> {
    const wasStopped = this.#info[WorkerInfoSlot.isStopped] === 1
    if (this.#info[WorkerInfoSlot.entryCount] === 1) return this.#failEntry(0, reason)
    const haveAllRun = await this.#runEntriesSeparately(model, runner, wasStopped)
    if (haveAllRun && !wasStopped) this.#onSharedFailure(modelKey, reason)
  }

  #failEntry(entry: number, reason: string): void {
    const isUnheard = this.#addon.failEntry(this.#worker, entry, reason)
    if (isUnheard) this.#onBackgroundFailure(this.#info[WorkerInfoSlot.modelKey] as number, reason)
  }

  /**
   * @param isWatched each by itself: the run of all was ended.
   * @returns whether all of them ran: nothing but sharing it made the run fail.
   */
  async #runEntriesSeparately(model: ModelSession, runner: ModelRunner, isWatched: boolean): Promise<boolean> {
    let hasFailed = false
    /** Why those that follow are not run any more. */
    let ended = ''
    const entries = this.#addon.batchEntries(this.#worker)
    for (let entry = 0; entry * 2 < entries.length; entry++) {
      const rowCount = entries[entry * 2 + 1] as number
      // Cancelled or expired meanwhile: nobody waits for it.
      if (rowCount === 0) continue
      try {
        if (ended !== '') throw new Error(ended)
        if (isWatched) this.#addon.watchAnew(this.#worker)
        await this.#runInParts(model, runner, entries[entry * 2] as number, rowCount)
      } catch (error) {
        const reason = runtimeReason(error)
        if (this.#info[WorkerInfoSlot.isStopped] === 1) ended = reason
        this.#failEntry(entry, reason)
        hasFailed = true
      }
    }
    return !hasFailed
  }

  async #runInParts(model: ModelSession, runner: ModelRunner, firstRow: number, rowCount: number): Promise<void> {
    if (runner.way === 'native') return this.#runRowsNatively(model, runner, firstRow, rowCount)
    const layout = this.#layout()
    const runRowsMax = runRowsMaxOf(model, layout, rowCount)
    for (let row = 0; row < rowCount; row += runRowsMax) {
      await this.#runRows(model, runner, layout, firstRow + row, Math.min(runRowsMax, rowCount - row))
    }
  }

  #runRowsNatively(model: ModelSession, { session }: NativeRunner, firstRow: number, rowCount: number): void {
    const refusal = this.#addon.runRows(this.#worker, session, firstRow, rowCount, model.runInputBytesMax)
    this.#runEndUs = this.#addon.nowUs()
    if (refusal !== '') throw new Error(refusal)
  }

  async #runRows(
    model: ModelSession,
    runner: NodeRunner,
    layout: BucketLayout,
    batchRow: number,
    rowCount: number,
  ): Promise<void> {
    const runs = (this.#nodeRuns ??= await this.#openNodeRuns())
    // A batch that is run in parts, or again by request after a failure, counts from the first call to the last return.
    if (this.#runStartUs === 0) this.#runStartUs = this.#addon.nowUs()
    const row = this.#sampledRow - batchRow
    const isSampled = row >= 0 && row < rowCount && rowCount > 1 && model.hasRowChecks
    const modelKey = this.#info[WorkerInfoSlot.modelKey] as number
    try {
      await runs.run({ model, layout, batchRow, rowCount }, runner, ({ buffer, copiedRow }) => {
        this.#runEndUs = this.#addon.nowUs()
        if (!isSampled) return
        const run = { modelKey, model, runner, layout, buffer, batchRow, rowCount, row }
        this.#checks.take(sampleRow(run, (output, dtype) => copiedRow(row, output, dtype)))
      })
    } catch (error) {
      this.#runEndUs = this.#addon.nowUs()
      throw error
    }
  }

  async #openNodeRuns(): Promise<NodeBatchRuns> {
    const { NodeBatchRuns } = await import('./node-batch-runs.js')
    return new NodeBatchRuns(this.#addon, this.#worker, this.#info)
  }

  /** The batch has run and is still in hand. */
  #sampleNatively(model: ModelSession, runner: NativeRunner, rows: number): void {
    const layout = this.#layout()
    const runRowsMax = runRowsMaxOf(model, layout, rows)
    const row = this.#sampledRow % runRowsMax
    const batchRow = this.#sampledRow - row
    const rowCount = Math.min(runRowsMax, rows - batchRow)
    // Alone in its part: it shared no run.
    if (rowCount === 1) return
    const modelKey = this.#info[WorkerInfoSlot.modelKey] as number
    const buffer = this.#addon.batchBuffer(this.#worker)
    const run = { modelKey, model, runner, layout, buffer, batchRow, rowCount, row }
    const sample = sampleRow(run, (output, dtype) => {
      const copied = this.#addon.copiedOutput(this.#worker, output, this.#sampledRow)
      if (copied === null) throw new Error(`Expected output ${model.outputNames[output]} to have been copied`)
      const elements = copied.dims.reduce((size, dim) => size * dim, 1)
      return { dtype, dims: copied.dims, data: viewData(dtype, copied.data, 0, elements) }
    })
    this.#checks.take(sample)
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
}

/** Rows of one run at most, one at least. */
function runRowsMaxOf(model: ModelSession, layout: BucketLayout, rowCount: number): number {
  if (model.isNonBatching) return rowCount
  let rowBytes = 0
  for (const input of layout.inputs) rowBytes += input.rowBytes
  return Math.max(1, Math.floor(model.runInputBytesMax / rowBytes))
}
