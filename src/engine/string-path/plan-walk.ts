/**
 * One request of the string path on its way through the plan: same semantics as the addon's executor, in readable
 * TypeScript.
 *
 *     stage: route the splits ─► gather rows per branch ─► run the foreground together ─► checks ─► next stage
 *            └─ background nodes start at once, the answer never waits for them; the log does
 */
import { addon } from '../../../bindings/native.js'
import { Priority, SourceSide } from '../../base/generated/boundary.js'
import { isPenstockError, PenstockError, toPenstockError } from '../../base/errors.js'
import { checkFails } from '../../pipeline/check-evaluate.js'
import type { PlanPosition, PlanSource } from '../../pipeline/plan.js'
import type { InferTiming, StepTiming } from '../../protocol/timing.js'
import { loggedKeys } from '../../log/log-columns.js'
import { decodeMetaBlock } from '../../protocol/meta.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import { tensorWithoutRows } from '../../tensor/without-rows.js'
import type { InferencePool } from '../../worker/pool/inference-pool.js'
import type { JobTensor } from '../../worker/worker-messages.js'
import type { AdmittedRequest } from '../requests/admission.js'
import type { StringPathRows } from '../../log/string-path-rows.js'
import type { CheckFailure, InferResult } from '../api/api.js'
import { modelLabel, type Deployment } from '../deploy/deployment.js'
import { failureOf } from '../requests/failures.js'
import type { LoadedModel } from '../models/loaded-models.js'
import { castTensor, concatenateRows, rowView, scatterRows, takeRows } from './row-operations.js'
import type { DeploymentLog } from '../request-log/row-logs.js'

export interface StringPathHooks {
  /** Runs are counted and timed. */
  readonly isMeasuring: boolean
  nowMs(): number
  /** Runs a job of the model once the workers have it. */
  whileLoaded<T>(model: LoadedModel, run: () => Promise<T>): Promise<T>
  /** Resolves when the rows are taken, or, of a committed log, on the disk. */
  onLog(log: DeploymentLog, rows: StringPathRows): Promise<void>
  /** Rows of a background node that failed or found no room. */
  onBackgroundLoss(deployment: Deployment, position: PlanPosition, rows: number, error: PenstockError): void
}

/** What one node has produced: per branch its inputs and outputs, for the rows that it was given. */
interface PositionRun {
  /** Option of each row; null without a split. */
  readonly routes: Uint16Array | null
  /** By branch; null when no row chose it. */
  readonly options: readonly (OptionRun | null)[]
}
interface OptionRun {
  readonly rows: readonly number[] | null
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

export class StringPathWalk {
  readonly #pool: InferencePool
  readonly #hooks: StringPathHooks
  readonly #deployment: Deployment
  readonly #admitted: AdmittedRequest
  readonly #stop: AbortSignal
  /** By stage, then node; a background node is null until it has run. */
  readonly #runs: (PositionRun | null)[][] = []
  readonly #background: Promise<void>[] = []
  readonly #splitRoutes: (Uint16Array | null)[] = []
  readonly #steps: StepTiming[] = []
  readonly #admittedMs: number
  #readyUs: number | null = null
  #logged: Promise<void> = Promise.resolve()

  constructor(
    pool: InferencePool,
    hooks: StringPathHooks,
    deployment: Deployment,
    admitted: AdmittedRequest,
    stop: AbortSignal,
  ) {
    this.#pool = pool
    this.#hooks = hooks
    this.#deployment = deployment
    this.#admitted = admitted
    this.#stop = stop
    this.#admittedMs = hooks.nowMs()
  }

  /** When the last step had ended; null: it has not. */
  get readyUs(): number | null {
    return this.#readyUs
  }

  async run(): Promise<InferResult> {
    const { compiled } = this.#deployment
    // Nothing to run, and no row for the log.
    if (this.#admitted.rows === 0) return this.#resultWithoutRows()
    const startUs = addon.nowUs()
    const elapsedNs = [0]
    const failedRows = compiled.checks.map((): number[] => [])
    for (const [stageIndex, stage] of compiled.stages.entries()) {
      this.#stop.throwIfAborted()
      const stageStartUs = addon.nowUs()
      const runs: (PositionRun | null)[] = stage.positions.map(() => null)
      this.#runs.push(runs)
      const foreground: Promise<void>[] = []
      stage.positions.forEach((position, positionIndex) => {
        const done = this.#runPosition(stageIndex, positionIndex).then((run) => {
          runs[positionIndex] = run
        })
        if (!position.isBackground) return foreground.push(done)
        return this.#background.push(
          done.catch((error: unknown) =>
            this.#hooks.onBackgroundLoss(this.#deployment, position, this.#admitted.rows, toPenstockError(error)),
          ),
        )
      })
      await Promise.all(foreground)
      if (stageIndex === 0) elapsedNs[0] = Math.round((stageStartUs - startUs) * 1000)
      elapsedNs.push(Math.round((addon.nowUs() - stageStartUs) * 1000))
      this.#check(stageIndex, failedRows)
    }
    // The columns are the answer: there was nothing to wait for.
    if (compiled.stages.length === 0) this.#check(0, failedRows)
    this.#readyUs = addon.nowUs()
    const timing = { totalUs: this.#readyUs - startUs, sendUs: 0, steps: this.#steps }
    const outputs = compiled.outputFields.map(
      ({ name }, index) => [name, this.#read(compiled.answer[index] as PlanSource) as Tensor] as const,
    )
    const result = this.#result(Object.fromEntries(outputs), elapsedNs, failedRows, timing)
    const { log } = this.#deployment
    if (log !== null) this.#logged = this.#log(log, result)
    if (log?.policy.durability === 'committed') await this.#logged
    if (!this.#admitted.options.hasAuditedOutputs) return result
    await Promise.allSettled(this.#background)
    return { ...result, others: this.#others() }
  }

  #resultWithoutRows(): InferResult {
    const { compiled } = this.#deployment
    const tensorsOf = (fields: readonly TensorField[]): Record<string, Tensor> =>
      Object.fromEntries(fields.map((field) => [field.name, tensorWithoutRows(field)]))
    const elapsedNs = [0, ...compiled.stages.map(() => 0)]
    const result = this.#result(
      tensorsOf(compiled.outputFields),
      elapsedNs,
      compiled.checks.map(() => []),
      { totalUs: 0, sendUs: 0, steps: [] },
    )
    if (!this.#admitted.options.hasAuditedOutputs) return result
    const others = compiled.audited.map(
      ({ label, tensors }) => [label, tensorsOf(tensors.map(({ field }) => field))] as const,
    )
    return { ...result, others: Object.fromEntries(others) }
  }

  #others(): NonNullable<InferResult['others']> {
    return Object.fromEntries(
      this.#deployment.compiled.audited.map(({ label, tensors }) => {
        const read = tensors.map(({ field, source }) => [field.name, this.#read(source)] as const)
        return [
          label,
          read.some(([, tensor]) => tensor === null) ? null : (Object.fromEntries(read) as Record<string, Tensor>),
        ]
      }),
    )
  }

  /** Resolves when no background run is under way and the rows are with the log. */
  async logged(): Promise<void> {
    await Promise.allSettled([...this.#background, this.#logged])
  }

  async #runPosition(stage: number, positionIndex: number): Promise<PositionRun> {
    const { compiled, models } = this.#deployment
    const position = compiled.stages[stage]?.positions[positionIndex]
    if (position === undefined) throw new Error(`Expected stage ${stage} to have a position ${positionIndex}`)
    const routes = position.split < 0 ? null : this.#route(position.split)
    const options = await Promise.all(
      position.options.map(async (option, index): Promise<OptionRun | null> => {
        const rows = routes === null ? null : rowsOf(routes, index)
        if (rows?.length === 0) return null
        const model = models[option.model] as LoadedModel
        const inputs = option.inputBindings.map((binding, input) => {
          const tensor =
            binding.source === null
              ? (this.#admitted.tensors[binding.requestInput] as Tensor)
              : this.#read(binding.source)
          const field = model.version.signature.inputs[input]
          if (field === undefined || tensor === null)
            throw new Error(`Expected a tensor for input ${input} of ${model.version.name}`)
          return castTensor(rows === null ? tensor : takeRows(tensor, rows), field.dtype)
        })
        const startUs = addon.nowUs()
        const { outputs, runUs } = await this.#runModel(model, inputs, position.isBackground)
        if (this.#admitted.options.hasTiming && !position.isBackground) {
          const waitUs = Math.max(0, addon.nowUs() - startUs - runUs)
          const label = modelLabel(compiled, option.model)
          this.#steps.push({ step: stage, model: label, queueUs: waitUs, assembleUs: 0, runUs, scatterUs: 0 })
        }
        return { rows, inputs, outputs }
      }),
    )
    return { routes, options }
  }

  async #runModel(
    model: LoadedModel,
    inputs: readonly Tensor[],
    isBackground: boolean,
  ): Promise<{ outputs: Tensor[]; runUs: number }> {
    const { signature, name } = model.version
    const named = inputs.map((tensor, index) => ({ name: signature.inputs[index]?.name ?? '', ...tensor }))
    const rows = inputs[0]?.shape[0] ?? 0
    const { pendingRows } = model.stringPathRuns
    const priority = isBackground ? Priority.background : Priority.interactive
    pendingRows[priority] += rows
    try {
      if (signature.batching !== 'row') {
        const { outputs, runUs } = await this.#runOnce(model, named, signature.batching === 'whole' ? 1 : rows)
        if (signature.batching === 'rows') this.#expectRows(name, inputs, outputs)
        return { outputs: outputs.map(unnamed), runUs }
      }
      const byRow: Tensor[][] = []
      let runsUs = 0
      for (let row = 0; row < rows; row++) {
        const alone = named.map((tensor) => ({ name: tensor.name, ...takeRows(tensor, [row]) }))
        const { outputs, runUs } = await this.#runOnce(model, alone, 1)
        runsUs += runUs
        byRow.push(outputs.map(unnamed))
      }
      const outputs = signature.outputs.map((_field, index) =>
        concatenateRows(byRow.map((row) => row[index] as Tensor)),
      )
      return { outputs, runUs: runsUs }
    } finally {
      pendingRows[priority] -= rows
    }
  }

  /** One run in a worker, counted as a batch of the model. */
  async #runOnce(
    model: LoadedModel,
    inputs: readonly JobTensor[],
    rows: number,
  ): Promise<{ outputs: readonly JobTensor[]; runUs: number }> {
    const { modelKey, stringPathRuns } = model
    const startUs = addon.nowUs()
    try {
      const reply = await this.#hooks.whileLoaded(model, () => this.#pool.run(modelKey, inputs))
      if (this.#hooks.isMeasuring) {
        stringPathRuns.batchRows.record(rows)
        stringPathRuns.runNs.recordUs(reply.runUs)
        // With the way of the tensors to the worker and back, which no reading of a clock separates from waiting.
        stringPathRuns.queueNs.recordUs(addon.nowUs() - startUs - reply.runUs)
      }
      return reply
    } catch (error) {
      if (isPenstockError(error) && error.code === 'ERR_RUN_FAILED') stringPathRuns.failedRunCount++
      throw error
    }
  }

  #expectRows(
    model: string,
    inputs: readonly Tensor[],
    outputs: readonly { name: string; shape: readonly number[] }[],
  ): void {
    const rows = inputs[0]?.shape[0]
    const mismatched = outputs.find((output) => output.shape[0] !== rows)
    if (mismatched === undefined) return
    throw new PenstockError(
      'ERR_RUN_FAILED',
      `Expected output ${mismatched.name} of ${model} to have ${rows} rows but it has shape [${mismatched.shape.join(', ')}]`,
    )
  }

  /** One choice per row, drawn once per split and request. */
  #route(split: number): Uint16Array {
    const present = this.#splitRoutes[split]
    if (present !== undefined && present !== null) return present
    const drawn = addon.route(this.#deployment.plan, split, this.#admitted.rows, this.#admitted.options.meta)
    if (!(drawn instanceof Uint16Array)) throw failureOf(drawn, this.#deployment.failureContext)
    this.#splitRoutes[split] = drawn
    return drawn
  }

  /** The tensor of a source over all rows of the request; null when its background node was lost. */
  #read(source: PlanSource): Tensor | null {
    if (this.#deployment.compiled.stages.length === 0) return this.#admitted.tensors[source.slots[0] ?? 0] ?? null
    const run = this.#runs[source.stage]?.[source.position]
    if (run === undefined || run === null) return null
    const parts = run.options.map((option, index) => {
      const slot = source.slots[index] as number
      return option === null
        ? null
        : {
            rows: option.rows,
            tensor: (source.side === SourceSide.inputs ? option.inputs[slot] : option.outputs[slot]) as Tensor,
          }
    })
    return scatterRows(parts, this.#admitted.rows)
  }

  #check(stage: number, failedRows: readonly number[][]): void {
    this.#deployment.compiled.checks.forEach((check, index) => {
      if (check.afterStage !== stage) return
      const tensors = check.sources.map((source) => this.#read(source) as Tensor)
      for (let row = 0; row < this.#admitted.rows; row++) {
        if (
          checkFails(check, (source) =>
            rowView(tensors[source] as Tensor, row, this.#deployment.compiled.isNonBatching),
          )
        )
          failedRows[index]?.push(row)
      }
    })
  }

  #result(
    outputs: Readonly<Record<string, Tensor>>,
    elapsedNs: readonly number[],
    failedRows: readonly (readonly number[])[],
    timing: InferTiming,
  ): InferResult {
    const { compiled, pipeline, version } = this.#deployment
    const checkFailures: CheckFailure[] = compiled.checks.flatMap((check, index) => {
      const rows = failedRows[index] ?? []
      return rows.length === 0 ? [] : [{ check: check.name, rows }]
    })
    const routes = compiled.routeSplit < 0 ? null : this.#route(compiled.routeSplit)
    const route = routes === null ? null : Array.from(routes, (option) => compiled.routes[option] ?? '')
    return {
      rows: this.#admitted.rows,
      outputs,
      checkFailures,
      metadata: {
        pipeline,
        pipelineVersion: version,
        ...this.#admitted.options.labels,
        elapsedNs,
        route,
        ...(this.#admitted.options.hasTiming ? { timing } : {}),
      },
    }
  }

  async #log(log: DeploymentLog, { rows, checkFailures, metadata }: InferResult): Promise<void> {
    await Promise.allSettled(this.#background)
    const { compiled } = this.#deployment
    await this.#hooks.onLog(log, {
      timeMs: this.#admittedMs,
      requestNumber: this.#admitted.options.number,
      rows,
      elapsedNs: metadata.elapsedNs,
      checkFailures,
      checks: compiled.checks.map(({ name }) => name),
      routes: compiled.routeSplit < 0 ? null : this.#route(compiled.routeSplit),
      keys: keyTexts(this.#admitted.options.meta, loggedKeys(compiled)),
      tensorOf: ({ source }) => {
        const input = compiled.inputSources.indexOf(source)
        return input < 0 ? this.#read(source) : (this.#admitted.tensors[input] as Tensor)
      },
    })
  }
}

const unnamed = ({ dtype, shape, data }: JobTensor): Tensor => ({ dtype, shape, data })

/** By name, as the addon reads them; null where the meta has none. */
function keyTexts(block: Uint8Array | null, names: readonly string[]): (string | string[] | null)[] {
  const meta = block === null ? {} : decodeMetaBlock(block)
  return names.map((name) => {
    const value = meta[name]
    if (value === undefined) return null
    return Array.isArray(value) ? value.map(String) : String(value)
  })
}

function rowsOf(routes: Uint16Array, option: number): number[] {
  const rows: number[] = []
  routes.forEach((chosen, row) => {
    if (chosen === option) rows.push(row)
  })
  return rows
}
