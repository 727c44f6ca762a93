/**
 * The engine: models and pipelines on one side, requests on the other, one isolate, one plane of workers.
 *
 * This file wires the parts and keeps the control path in order; the work is theirs: deployments.ts swaps plans,
 * executor.ts moves requests through the addon, plain-executor.ts those with strings, inference-pool.ts runs the threads.
 * Control operations run one at a time (mutex.ts), in the order of the calls; requests never wait for them.
 *
 * Owner of nothing it was given: stores and log are flushed here, closed by whoever opened them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { addon } from '../../bindings/native.js'
import { systemClock, type Clock } from '../base/clock.js'
import { isPenstockError, PenstockError, toPenstockError } from '../base/errors.js'
import { expectArray, expectInteger, expectName, expectString } from '../base/expect.js'
import {
  BATCH_DELAY_US_MAX,
  BATCH_ROWS_CEILING,
  BATCH_ROWS_MAX,
  PENDING_ROWS_BACKGROUND_MAX,
  PENDING_ROWS_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  TAG_CHARACTERS_MAX,
  TAGS_MAX,
} from '../base/limits.js'
import type { PipelineDefinition } from '../pipeline/definition.js'
import { parseDefinition } from '../steps/index.js'
import { InferencePool, type PoolNotice } from '../worker/inference-pool.js'
import { ModelInspector } from '../worker/inspection.js'
import { defaultSessionSettings, type ExecutionProvider } from '../worker/session-options.js'
import { admit } from './admission.js'
import type {
  AuditLog,
  EngineApi,
  EngineEvents,
  InferRequest,
  InferResult,
  ModelRecord,
  ModelStore,
  ModelVersion,
  PipelineDescription,
  PipelineRecord,
  PipelineStatus,
  PipelineStore,
  PipelineVersion,
} from './api.js'
import { readAuditRecord } from './audit-records.js'
import type { Deployment } from './deployment.js'
import { Deployments, type PipelineSlot } from './deployments.js'
import { Executor } from './executor.js'
import { LoadedModels } from './loaded-models.js'
import { MemoryModelStore, MemoryPipelineStore } from './memory-stores.js'
import {
  auditMetrics,
  modelMetrics,
  pipelineMetrics,
  processMetrics,
  type EngineMetrics,
  type PlainCounters,
} from './metrics.js'
import { resolveReference } from './model-references.js'
import { Mutex } from '../base/mutex.js'
import { PlainExecutor } from './plain-executor.js'
import { planThreads, readThreadFacts, type ThreadPlan } from './thread-plan.js'
import { EngineWirePort, type WirePort } from './wire-port.js'

/** Something an operator should read: a worker that was lost, a stored pipeline that cannot be deployed. */
export type EngineNotice = PoolNotice

export interface EngineOptions {
  /** Absent: models live in memory and end with the engine. */
  readonly models?: ModelStore | undefined
  readonly pipelines?: PipelineStore | undefined
  /** Absent: what audit steps name is not kept. */
  readonly log?: AuditLog | undefined
  /** Threads that run models, 1..256; absent: from the thread plan. */
  readonly inferWorkers?: number | undefined
  /** Threads inside one run, 1..256; absent: 1. */
  readonly intraOpThreads?: number | undefined
  /** In order of preference; absent: `cpu`. */
  readonly executionProviders?: readonly ExecutionProvider[] | undefined
  /** Rows of one batch at most, 1..65536; absent: 1024. */
  readonly batchRowsMax?: number | undefined
  /** Microseconds that a batch waits for company although a worker is free, 0..1000000; absent: 0, no timer. */
  readonly maxDelayUs?: number | undefined
  /** Rows waiting or running per model before requests are refused; absent: 65536 interactive, 16384 background. */
  readonly pendingRowsMax?: number | undefined
  readonly pendingRowsBackgroundMax?: number | undefined
  /** Unanswered requests of the whole engine; absent: 65536. */
  readonly requestsInFlightMax?: number | undefined
  readonly clock?: Clock | undefined
  /** Uniform in [0, 1): draws the seeds of splits without one, and this engine's part of request ids. */
  readonly random?: (() => number) | undefined
  readonly onNotice?: ((notice: EngineNotice) => void) | undefined
}

const PENDING_ROWS_CEILING = 2 ** 24
/** How often `drain` looks whether all is answered. */
const DRAIN_POLL_MS = 2

export class Engine implements EngineApi {
  readonly threadPlan: ThreadPlan
  /** For transports of this isolate. */
  readonly port: WirePort
  readonly #models: ModelStore
  readonly #pipelines: PipelineStore
  readonly #log: AuditLog | undefined
  readonly #clock: Clock
  readonly #onNotice: (notice: EngineNotice) => void
  readonly #pool: InferencePool
  readonly #inspector = new ModelInspector()
  readonly #loaded: LoadedModels
  readonly #deployments: Deployments
  readonly #executor: Executor
  readonly #plain: PlainExecutor
  readonly #wire: EngineWirePort
  readonly #mutex = new Mutex()
  readonly #listeners = new Map<keyof EngineEvents, Set<(name: string) => void>>()
  readonly #instance: string
  readonly #startedUs: number
  #requestCount = 0
  #state: 'open' | 'draining' | 'closed' = 'open'

  private constructor(options: EngineOptions, pool: InferencePool, threadPlan: ThreadPlan) {
    const random = options.random ?? Math.random
    const drawUint32 = (): number => Math.floor(random() * 2 ** 32)
    this.threadPlan = threadPlan
    this.#pool = pool
    this.#clock = options.clock ?? systemClock
    this.#models = options.models ?? new MemoryModelStore(this.#clock)
    this.#pipelines = options.pipelines ?? new MemoryPipelineStore(this.#clock)
    this.#log = options.log
    this.#onNotice = options.onNotice ?? (() => undefined)
    this.#instance = drawUint32().toString(16).padStart(8, '0')
    this.#startedUs = addon.nowUs()
    this.#loaded = new LoadedModels(pool, this.#models, queueLimits(options), {
      intraOpThreads: threadPlan.intraOpThreads,
      spinning: threadPlan.spinning,
      executionProviders: options.executionProviders ?? defaultSessionSettings.executionProviders,
    })
    this.#deployments = new Deployments({
      models: this.#models,
      pipelines: this.#pipelines,
      loaded: this.#loaded,
      drawSeed: () => (BigInt(drawUint32()) << 32n) | BigInt(drawUint32()),
      onChange: (pipeline) => this.#emit('pipeline', pipeline),
      onRetireFailed: ({ pipeline, version }, cause) => {
        if (this.#state !== 'closed')
          this.#onNotice({
            level: 'error',
            message: `Version ${version} of pipeline ${pipeline} could not be retired`,
            cause,
          })
      },
    })
    const requestsMax = expectInteger(
      'requestsInFlightMax',
      options.requestsInFlightMax ?? REQUESTS_IN_FLIGHT_MAX,
      1,
      2 ** 20,
    )
    this.#executor = new Executor(pool.plane, requestsMax, {
      onSettled: (request, deployment, requestId) => this.#audit(request, deployment, requestId),
      deploymentOf: (planKey) => this.#deployments.byKey(planKey),
      onSend: (connection, bytes, isHeld) => this.#wire.send(connection, bytes, isHeld),
      onSendFailed: (connection, channel, wireId, failure) => this.#wire.fail(connection, channel, wireId, failure),
      onDrained: () => this.#wire.drained(),
    })
    this.#plain = new PlainExecutor(pool, {
      onAudit: (record) => this.#log?.append({ timeMs: this.#clock.nowMs(), ...record }),
      onBackgroundLoss: (deployment, label, rows) => {
        const losses = this.#deployments.slotOf(deployment.pipeline)?.plain.backgroundLosses
        losses?.set(label, (losses.get(label) ?? 0) + rows)
      },
    })
    this.#wire = new EngineWirePort({
      port: this.#executor.port,
      expectPipeline: (name) => this.#expectServing(name),
      scheduleFlush: () => this.#executor.scheduleFlush(),
    })
    this.port = this.#wire
  }

  /**
   * Starts the workers and deploys again what the store says was deployed; a pipeline that cannot be is reported
   * through `onNotice` and does not keep the others from serving.
   * @throws PenstockError ERR_ARGUMENT for an option out of range; ERR_WORKER_LOST when the workers do not start.
   */
  static async open(options: EngineOptions = {}): Promise<Engine> {
    const threadPlan = planThreads(readThreadFacts(), options)
    queueLimits(options)
    const pool = await InferencePool.open({
      workerCount: threadPlan.inferWorkers,
      onNotice: (notice) => options.onNotice?.(notice),
    })
    try {
      const engine = new Engine(options, pool, threadPlan)
      await engine.#redeployStored()
      return engine
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  // ── models ────────────────────────────────────────────────────────────────────────────────────
  listModels(): ModelRecord[] {
    return this.#models.list()
  }

  getModel(name: string): ModelRecord {
    const record = this.#models.get(name)
    if (record === undefined) throw new PenstockError('ERR_MODEL_NOT_FOUND', `There is no model ${name}`)
    return record
  }

  async addModel(
    name: string,
    bytes: Uint8Array,
    options: { alias?: string; tags?: readonly string[] } = {},
  ): Promise<ModelVersion> {
    this.#expectOpen()
    expectName('model name', name)
    if (options.alias !== undefined) expectName('alias', options.alias)
    const tags = expectArray('tags', options.tags ?? [], TAGS_MAX).map((tag) =>
      expectString('each tag', tag, TAG_CHARACTERS_MAX),
    )
    if (!(bytes instanceof Uint8Array))
      throw new PenstockError('ERR_ARGUMENT', 'Expected bytes to be a Uint8Array that holds an .onnx file')
    // Outside the queue of control operations: a slow model must not hold up a deploy.
    const signature = await this.#inspector.inspect(bytes)
    return this.#control(async () => {
      const version = await this.#models.add(name, bytes, signature, tags)
      if (options.alias !== undefined) await this.#moveAlias(name, options.alias, version.version)
      return version
    })
  }

  setAlias(name: string, alias: string, version: number): Promise<ModelRecord> {
    return this.#control(() => this.#moveAlias(name, alias, version))
  }

  removeAlias(name: string, alias: string): Promise<ModelRecord> {
    return this.#control(() => {
      this.#deployments.expectNotFollowed(name, alias)
      return this.#models.removeAlias(name, alias)
    })
  }

  removeModel(name: string): Promise<void> {
    return this.#control(() => {
      this.#deployments.expectUnused(name, null)
      return this.#models.remove(name)
    })
  }

  removeModelVersion(name: string, version: number): Promise<ModelRecord> {
    return this.#control(() => {
      this.#deployments.expectUnused(name, version)
      return this.#models.removeVersion(name, version)
    })
  }

  // ── pipelines ─────────────────────────────────────────────────────────────────────────────────
  listPipelines(): PipelineRecord[] {
    return this.#pipelines.list()
  }

  getPipeline(name: string): PipelineRecord {
    const record = this.#pipelines.get(name)
    if (record === undefined) throw new PenstockError('ERR_PIPELINE_NOT_FOUND', `There is no pipeline ${name}`)
    return record
  }

  async applyPipeline(definition: PipelineDefinition, options: { deploy?: boolean } = {}): Promise<PipelineVersion> {
    const parsed = parseDefinition(definition.name, definition)
    return this.#control(async () => {
      // A definition that cannot be deployed must not become the newest version.
      if (options.deploy === true) await this.#deployments.tryBuild(parsed)
      const version = await this.#pipelines.put(parsed)
      if (options.deploy === true) await this.#deployments.deploy(version.definition, version.version)
      return version
    })
  }

  deployPipeline(name: string, version?: number): Promise<PipelineDescription> {
    return this.#control(async () => {
      const record = this.getPipeline(name)
      const chosen =
        version === undefined
          ? record.versions.at(-1)
          : record.versions.find((candidate) => candidate.version === version)
      if (chosen === undefined)
        throw new PenstockError('ERR_PIPELINE_NOT_FOUND', `Pipeline ${name} has no version ${version ?? ''}`)
      return (await this.#deployments.deploy(chosen.definition, chosen.version)).description
    })
  }

  undeployPipeline(name: string): Promise<void> {
    return this.#control(async () => {
      this.getPipeline(name)
      await this.#deployments.undeploy(name)
    })
  }

  removePipeline(name: string): Promise<void> {
    return this.#control(async () => {
      const record = this.getPipeline(name)
      if (record.deployedVersion !== null)
        throw new PenstockError('ERR_CONFLICT', `Pipeline ${name} is deployed. Undeploy it first`)
      await this.#pipelines.remove(name)
    })
  }

  describePipeline(name: string): PipelineDescription {
    return this.#expectDeployed(name).deployment.description
  }

  pipelineStatus(name: string): PipelineStatus {
    const record = this.getPipeline(name)
    const slot = this.#deployments.slotOf(name)
    const current = slot?.current ?? null
    const metrics = slot === undefined ? undefined : pipelineMetrics(name, slot.handle, current, slot.plain)
    const pending = new Map(
      modelMetrics(current?.models ?? []).map((model) => [
        `${model.model}@${model.version}`,
        model.pendingRows + model.pendingRowsBackground,
      ]),
    )
    return {
      name,
      deployed: current !== null,
      version: current?.version ?? null,
      versions: record.versions.map((version) => version.version),
      inFlight: metrics?.inFlight ?? 0,
      requestCount: metrics?.requestCount ?? 0,
      rowCount: metrics?.rowCount ?? 0,
      failures: metrics?.failures ?? {},
      models: (current?.models ?? []).map(({ version }) => ({
        name: version.name,
        version: version.version,
        pendingRows: pending.get(`${version.name}@${version.version}`) ?? 0,
        isReady: this.#pool.readyCount === this.#pool.workerCount,
      })),
    }
  }

  // ── data ──────────────────────────────────────────────────────────────────────────────────────
  async infer(pipeline: string, request: InferRequest): Promise<InferResult> {
    const { slot, deployment } = this.#expectServing(pipeline)
    const admitted = admit(deployment, request)
    const requestId = this.#nextRequestId()
    if (!deployment.description.isPlain)
      return this.#executor.submit(slot.handle, deployment, admitted, requestId, request.signal)
    return count(slot.plain, admitted.rows, this.#plain.submit(deployment, admitted, requestId, request.signal))
  }

  get inFlight(): number {
    return this.#executor.inFlight + this.#plain.inFlight
  }

  get isReady(): boolean {
    return this.#state === 'open' && this.#pool.readyCount > 0
  }

  metrics(): EngineMetrics {
    return {
      histogramBounds: addon.histogramBounds(),
      uptimeMs: (addon.nowUs() - this.#startedUs) / 1000,
      isReady: this.isReady,
      inFlight: this.inFlight,
      connections: this.#wire.connectionCount,
      threadPlan: this.threadPlan,
      workers: { count: this.#pool.workerCount, ready: this.#pool.readyCount, restarts: this.#pool.restartCount },
      models: modelMetrics(this.#loaded.all),
      pipelines: this.#deployments.slots.map((slot) =>
        pipelineMetrics(slot.name, slot.handle, slot.current, slot.plain),
      ),
      audit: auditMetrics(this.#log),
      process: processMetrics(),
    }
  }

  /** @returns a function that stops listening. */
  on<K extends keyof EngineEvents>(event: K, listener: EngineEvents[K]): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  // ── end ───────────────────────────────────────────────────────────────────────────────────────
  async drain(limitMs: number): Promise<boolean> {
    if (this.#state === 'open') this.#state = 'draining'
    const endUs = addon.nowUs() + limitMs * 1000
    // Challengers and audit records of answered requests count as in flight, too.
    while (this.#state !== 'closed' && (this.inFlight > 0 || this.#deployments.inFlight > 0)) {
      if (addon.nowUs() >= endUs) return false
      await sleep(DRAIN_POLL_MS)
    }
    await this.#log?.flush()
    return true
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    await this.#mutex.idle()
    this.#deployments.stopAll()
    this.#executor.close()
    await this.#inspector.close()
    await this.#pool.close()
    this.#loaded.closeAll()
    await this.#log?.flush()
  }

  #moveAlias(name: string, alias: string, version: number): Promise<ModelRecord> {
    expectName('alias', alias)
    const target = resolveReference(
      this.#models,
      `${name}@${expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)}`,
    )
    return this.#deployments.moveAlias(name, alias, target, () => this.#models.setAlias(name, alias, version))
  }

  async #redeployStored(): Promise<void> {
    for (const record of this.#pipelines.list()) {
      const version = record.versions.find((candidate) => candidate.version === record.deployedVersion)
      if (version === undefined) continue
      await this.#deployments.deploy(version.definition, version.version).catch((cause: unknown) => {
        const reason = isPenstockError(cause) ? cause.message : String(cause)
        this.#onNotice({
          level: 'error',
          message: `Pipeline ${record.name} could not be deployed again: ${reason}`,
          cause,
        })
      })
    }
  }

  #audit(request: number, deployment: Deployment, requestId: string): void {
    if (this.#log === undefined) return
    const id = requestId === '' ? this.#nextRequestId() : requestId
    this.#log.append(readAuditRecord(this.#executor.port, request, deployment, id, this.#clock.nowMs()))
  }

  #nextRequestId(): string {
    return `${this.#instance}-${(++this.#requestCount).toString(36)}`
  }

  #control<T>(operation: () => Promise<T>): Promise<T> {
    return this.#mutex.run(async () => {
      this.#expectOpen()
      return operation()
    })
  }

  #expectOpen(): void {
    if (this.#state === 'closed') throw new PenstockError('ERR_CLOSED', 'The engine is closed')
    if (this.#state === 'draining')
      throw new PenstockError('ERR_DRAINING', 'The engine is shutting down and takes no new work')
  }

  #expectServing(name: string): { slot: PipelineSlot; handle: PipelineSlot['handle']; deployment: Deployment } {
    this.#expectOpen()
    return this.#expectDeployed(name)
  }

  #expectDeployed(name: string): { slot: PipelineSlot; handle: PipelineSlot['handle']; deployment: Deployment } {
    const slot = this.#deployments.slotOf(name)
    if (slot?.current != null) return { slot, handle: slot.handle, deployment: slot.current }
    this.getPipeline(name)
    throw new PenstockError('ERR_PIPELINE_NOT_DEPLOYED', `Pipeline ${name} is not deployed. Deploy it first`)
  }

  #emit(event: keyof EngineEvents, name: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(name)
  }
}

function queueLimits(options: EngineOptions): ConstructorParameters<typeof LoadedModels>[2] {
  return {
    batchRowsMax: expectInteger('batchRowsMax', options.batchRowsMax ?? BATCH_ROWS_MAX, 1, BATCH_ROWS_CEILING),
    maxDelayUs: expectInteger('maxDelayUs', options.maxDelayUs ?? 0, 0, BATCH_DELAY_US_MAX),
    pendingRowsMax: expectInteger(
      'pendingRowsMax',
      options.pendingRowsMax ?? PENDING_ROWS_MAX,
      1,
      PENDING_ROWS_CEILING,
    ),
    pendingRowsBackgroundMax: expectInteger(
      'pendingRowsBackgroundMax',
      options.pendingRowsBackgroundMax ?? PENDING_ROWS_BACKGROUND_MAX,
      1,
      PENDING_ROWS_CEILING,
    ),
  }
}

/** Counts a request of the plain path as the addon counts its own. */
async function count(counters: PlainCounters, rows: number, answer: Promise<InferResult>): Promise<InferResult> {
  counters.requestCount++
  counters.rowCount += rows
  try {
    const result = await answer
    for (const { check, rows: failed } of result.checkFailures) {
      counters.checkFailures.set(check, (counters.checkFailures.get(check) ?? 0) + failed.length)
    }
    return result
  } catch (error) {
    const { code } = toPenstockError(error)
    counters.failures.set(code, (counters.failures.get(code) ?? 0) + 1)
    throw error
  }
}
