/**
 * Calibrates models one after the other, beside what serves, and puts the results in force.
 *
 *     schedule ──► (the control path is quiet) ──► measure on threads of its own ──► store with the version ──► apply
 *
 * A model serves by default while it waits: nobody waits for a calibration unless the operator asked for it (`deploy`).
 * While other requests are answered, each slice is followed by a pause, so that measuring takes one core at most. What
 * was measured while others used the cores is a guess: the default stays and it is tried again later; the last attempt's
 * guess is taken, because relations between trials survive where times do not, but it is not stored.
 * What goes wrong here costs speed, never service: it is reported and the default stays.
 */
import { freemem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../base/clock.js'
import { isPenstockError } from '../../base/errors.js'
import { BATCH_BYTES_MAX, CALIBRATION_MS_MAX } from '../../base/limits/limits.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import { CalibrationBench } from '../../worker/calibration/calibration-bench.js'
import type { MeasuredModel } from '../../worker/calibration/calibration-messages.js'
import type { ModelSource } from '../../worker/worker-messages.js'
import type { EngineNotice } from '../api/options.js'
import { hintedFields } from '../../worker/sessions/graph-hints.js'
import { sampleDims, type HintedField } from '../../worker/sessions/sample-inputs.js'
import type { Calibration, CalibrationConditions, ModelVersion } from '../api/api.js'
import { calibrate, type CalibrationFacts, type Measure } from './calibrate.js'
import { conditionsOf } from './conditions.js'
import { formatRunPlan, sessionSettingsOf, type SessionPlacement } from './run-plan.js'

/** A model that waits to be measured. */
export interface CalibrationTask {
  readonly version: ModelVersion
  readonly source: ModelSource
  /** False: nobody serves it any more. */
  readonly isWanted: () => boolean
  readonly apply: (calibration: Calibration) => Promise<void>
  /** It keeps running by default. */
  readonly giveUp: () => void
  /** The result is awaited: even a guess is taken at once. */
  readonly isUrgent: boolean
}

interface Waiting {
  readonly task: CalibrationTask
  readonly attempt: number
  readonly isDone: () => void
}

export interface CalibratorDependencies {
  readonly clock: Clock
  readonly conditions: CalibrationConditions
  /** Makes the result durable. */
  readonly store: (version: ModelVersion, calibration: Calibration) => Promise<void>
  /** Another number after every batch that the engine runs: shows whether requests need the cores. */
  readonly activity: () => number
  readonly onNotice: (notice: EngineNotice) => void
}

/** The control path is quiet when nothing was deployed for so long: a start-up with many models comes first. */
const QUIET_MS = 300
/** Milliseconds until a disturbed calibration is tried again, by attempt. */
const retriesMs = [30_000, 300_000]
/** Sizes of free dims that are no rows, in the order in which they are tried: a sentence, then what images accept. */
const innerSizes = [64, 8, 1, 32, 224]
/** Models on a device are not measured: threads of the CPU decide nothing there. */
const onCpu: SessionPlacement = { executionProviders: ['cpu'], deviceId: 0 }
/** What a session takes beside its weights. */
const SESSION_BYTES = 8 * 1024 * 1024

export class Calibrator {
  readonly #dependencies: CalibratorDependencies
  readonly #bench = new CalibrationBench()
  readonly #waiting: Waiting[] = []
  readonly #retries = new Set<NodeJS.Timeout>()
  #running: Promise<void> | null = null
  #quiet: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(dependencies: CalibratorDependencies) {
    this.#dependencies = dependencies
  }

  /** @returns when the task has had its first attempt, or is cancelled; never rejects. */
  schedule(task: CalibrationTask): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ task, attempt: 0, isDone: resolve })
      this.#startAfter(task.isUrgent ? 0 : QUIET_MS)
    })
  }

  /** Ends after the slice under way; what waits is cancelled. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#quiet)
    for (const retry of this.#retries) clearTimeout(retry)
    for (const { isDone } of this.#waiting.splice(0)) isDone()
    await this.#bench.close()
    await this.#running
    // One that began while the first were ending.
    await this.#bench.close()
  }

  /** Later calls win: a burst of deploys comes to its end first. */
  #startAfter(delayMs: number): void {
    clearTimeout(this.#quiet)
    if (delayMs === 0) this.#start()
    else this.#quiet = setTimeout(() => this.#start(), delayMs).unref()
  }

  #retry(task: CalibrationTask, attempt: number): void {
    const timer = setTimeout(
      () => {
        this.#retries.delete(timer)
        this.#waiting.push({ task, attempt, isDone: () => undefined })
        this.#start()
      },
      retriesMs[attempt - 1],
    )
    this.#retries.add(timer.unref())
  }

  #start(): void {
    this.#running ??= this.#runAll().finally(() => {
      this.#running = null
      if (this.#waiting.length > 0) this.#start()
    })
  }

  async #runAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#runOne(next.task, next.attempt)
      next.isDone()
    }
  }

  async #runOne(task: CalibrationTask, attempt: number): Promise<void> {
    if (this.#isClosed || !task.isWanted()) return
    const label = `${task.version.name}@${task.version.version}`
    const startUs = this.#dependencies.clock.monotonicUs()
    try {
      const { calibration, isDisturbed } = await this.#measure(task)
      if (this.#isClosed || !task.isWanted()) return
      const isLast = attempt >= retriesMs.length
      if (isDisturbed && !isLast) {
        this.#retry(task, attempt + 1)
        const message = `The machine was too busy to measure model ${label}; it is measured again in ${(retriesMs[attempt] as number) / 1000} s`
        this.#dependencies.onNotice({ level: 'info', message })
        if (!task.isUrgent) return
      }
      await task.apply(calibration)
      if (!isDisturbed) await this.#dependencies.store(task.version, calibration)
      const tookMs = Math.round((this.#dependencies.clock.monotonicUs() - startUs) / 1000)
      this.#dependencies.onNotice({
        level: 'info',
        message: `Model ${label} is calibrated: ${formatRunPlan(calibration.plan)}; ${Math.round(calibration.rowsPerS)} rows/s, measured in ${tookMs} ms${isDisturbed ? ' on a busy machine' : ''}`,
      })
    } catch (cause) {
      if (this.#isClosed || !task.isWanted()) return
      task.giveUp()
      // A model that refuses the calibration's rows is a fact about the model: its reason is enough, without a stack.
      const notice = isPenstockError(cause) ? { message: cause.message } : { message: String(cause), cause }
      this.#dependencies.onNotice({
        level: 'warn',
        ...notice,
        message: `Model ${label} runs uncalibrated: ${notice.message}`,
      })
    }
  }

  async #measure(task: CalibrationTask): Promise<{ calibration: Calibration; isDisturbed: boolean }> {
    const { clock } = this.#dependencies
    const { version, source, isWanted } = task
    const conditions = conditionsOf(this.#dependencies.conditions, source)
    const inputs = await hintedFields(source, version.signature.inputs)
    const model: MeasuredModel = { ...source, inputs }
    await this.#bench.begin(model)
    try {
      const innerSize = await this.#findInnerSize(inputs)
      // A batch is limited in bytes: rows without elements count as one each.
      const rowBytes = Math.max(1, bytesOf(inputs, innerSize))
      const measure: Measure = async (trial, sliceUs) => {
        if (this.#isClosed || !isWanted()) throw new Error('the calibration is not wanted any more')
        const activityBefore = this.#dependencies.activity()
        const startUs = clock.monotonicUs()
        const settings = sessionSettingsOf(trial, onCpu)
        const sample = await this.#bench.measure(trial.instances, { settings, rows: trial.rows, innerSize }, sliceUs)
        const isShared = this.#dependencies.activity() !== activityBefore
        const otherCores = trial.instances * trial.intraOpThreads - 1
        if (isShared) await sleep(((clock.monotonicUs() - startUs) / 1000) * otherCores, undefined, { ref: false })
        return sample
      }
      const facts = factsOf(task, inputs, conditions, innerSize)
      const { isDisturbed, ...outcome } = await calibrate(facts, measure, clock)
      const measuredAt = new Date(clock.nowMs()).toISOString()
      return { calibration: { ...outcome, rowBytes, measuredAt, conditions }, isDisturbed }
    } finally {
      await this.#bench.finish()
    }
  }

  /** The first size of the free dims that the model takes. @throws ERR_RUN_FAILED when it takes none. */
  async #findInnerSize(inputs: readonly HintedField[]): Promise<number> {
    const isFree = inputs.some(({ shape }) => shape.some((dim, axis) => axis > 0 && dim === null))
    const sizes = isFree ? innerSizes : [1]
    const { intraOpThreads } = this.#dependencies.conditions
    const threads = { intraOpThreads: intraOpThreads ?? 1, spinning: false }
    const settings = sessionSettingsOf(threads, onCpu)
    for (const innerSize of sizes.slice(0, -1)) {
      try {
        await this.#bench.measure(1, { settings, rows: 1, innerSize }, 0)
        return innerSize
      } catch (error) {
        if (!isPenstockError(error) || error.code !== 'ERR_RUN_FAILED') throw error
      }
    }
    return sizes.at(-1) as number
  }
}

function factsOf(
  { version, source }: CalibrationTask,
  inputs: readonly HintedField[],
  conditions: CalibrationConditions,
  innerSize: number,
): CalibrationFacts {
  const { outputs, batching } = version.signature
  const rowBytes = Math.max(1, bytesOf(inputs, innerSize) + bytesOf(outputs, innerSize))
  const rowsOfBytes = Math.max(1, Math.floor(BATCH_BYTES_MAX / rowBytes))
  // Prepared weights are mapped by all; others are held twice while they are packed.
  const sessionBytes = SESSION_BYTES + version.sizeBytes * (source.preparedPath === null ? 2 : 0.25)
  return {
    cores: conditions.cores,
    workers: conditions.inferWorkers,
    rowsMax: batching === 'rows' ? Math.min(conditions.batchRowsMax, rowsOfBytes) : 1,
    objectiveUs: conditions.latencyObjectiveMs * 1000,
    intraOpThreads: conditions.intraOpThreads,
    // Half of what is free: requests need memory, too.
    sessionsMax: Math.max(1, Math.floor(availableBytes() / 2 / sessionBytes)),
    budgetUs: CALIBRATION_MS_MAX * 1000,
  }
}

/** What the machine and the container have left. */
function availableBytes(): number {
  const limitBytes = process.constrainedMemory()
  const leftBytes = limitBytes > 0 ? limitBytes - process.memoryUsage.rss() : Infinity
  return Math.max(0, Math.min(freemem(), leftBytes))
}

/** Bytes of one row of these fields. */
function bytesOf(fields: readonly HintedField[], innerSize: number): number {
  return fields.reduce((sum, field) => {
    const elements = sampleDims(field, 1, innerSize).reduce((product, dim) => product * dim, 1)
    return sum + elements * dtypeInfo(field.dtype).sizeBytes
  }, 0)
}
