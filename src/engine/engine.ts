/**
 * The engine: models and pipelines on one side, requests on the other, one isolate, one runtime of workers.
 *
 * This file wires the parts; the work is theirs: control.ts changes what is served, deployments.ts swaps plans,
 * native-port.ts moves requests through the addon, string-executor.ts those with strings, inference-pool.ts runs the
 * threads.
 *
 * It owns nothing it was given: the caller closes the stores. The logs are its own: it flushes and seals them.
 */
import { addon } from '../../bindings/native.js'
import { type Clock, systemClock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { expectInteger, expectString } from '../base/expect.js'
import { type RandomSource, systemRandom } from '../base/random.js'
import type { PipelineDefinition } from '../pipeline/definition.js'
import { InferencePool } from '../worker/pool/inference-pool.js'
import { RowTable } from '../contract/tables/row-table.js'
import { noStageCall } from './columns/column-chain.js'
import type { PreparedInputs } from './deploy/request-transforms.js'
import { openStageKinds, type StageKinds } from './columns/openers.js'
import { admit, prepare, receive, type AdmittedRequest, type CheckedColumns } from './requests/admission.js'
import type {
  AddModelOptions,
  ContractStore,
  DatasetStore,
  TokenizerStore,
  EngineApi,
  EngineEvents,
  FailingLog,
  InferRequest,
  InferResult,
  ModelRecord,
  ModelStore,
  ModelVersion,
  PipelineDescription,
  PipelineModel,
  PipelineRecord,
  PipelineStatus,
  PipelineStore,
  PipelineVersion,
  Lineage,
  SetAliasOptions,
  PredictOptions,
  PredictResult,
  PredictRows,
  Promotion,
  PromotionOptions,
  PromotionProgress,
  ServedContract,
  TagsApi,
} from './api/api.js'
import type {
  LogExport,
  LogExportProgress,
  LogExportResult,
  LogPage,
  LogQuery,
  LogSqlOptions,
  LogSqlResult,
} from './api/logs.js'
import { ByteBudget } from './memory/byte-budget.js'
import { backgroundLossCounter } from './string-path/background-losses.js'
import type { Contracts } from './contracts.js'
import type { Datasets } from './datasets.js'
import type { Tokenizers } from './tokenizers.js'
import { Control } from './control.js'
import { histogramLayout } from './counters/run-histogram.js'
import { handleOf, type Deployment } from './deploy/deployment.js'
import { Deployments, type PipelineSlot } from './deploy/deployments.js'
import {
  expectOptions,
  loadedModelsDependencies,
  memoryBudgetOf,
  poolOptionsOf,
  requestsMaxOf,
  type EngineNotice,
  type EngineOptions,
} from './engine-options.js'
import { Calls } from './requests/calls.js'
import { NativePort } from './requests/native-port.js'
import { RequestIds } from './requests/request-ids.js'
import { untilIdle } from './requests/until-idle.js'
import { Explanations } from './explain/explanations.js'
import { EngineJsonPort } from './requests/json-port.js'
import { Listeners } from './listeners.js'
import { LogReading } from './request-log/log-reading.js'
import { LoadedModels } from './models/loaded-models.js'
import { MemoryContractStore } from './stores/memory-contract-store.js'
import { MemoryTokenizerStore } from './stores/memory-tokenizer-store.js'
import { MemoryModelStore, MemoryPipelineStore } from './stores/memory-stores.js'
import { modelMetrics, pipelineMetrics, processMetrics, workerMetrics, type EngineMetrics } from './metrics.js'
import { pipelineStatusOf } from './pipeline-status.js'
import { answerExample } from './predict/example.js'
import { predictRows, predictTable, type RunRequest, type ServingPipeline } from './predict/predict.js'
import { rowsFormOf } from './predict/rows-form.js'
import { NativeRowsReader } from './predict/rows-reader.js'
import { Promotions } from './promotion/promotions.js'
import { countedIn, StagedRequests } from './staged-path/staged-requests.js'
import { StringPathExecutor } from './string-path/string-executor.js'
import { openRowLogs, type RowLogs } from './request-log/row-logs.js'
import { EngineTensorPort, type TensorPort } from './requests/tensor-port.js'
import { planThreads, readThreadFacts, type ThreadPlan } from './calibration/thread-plan.js'
import { IoPorts } from './requests/io-ports.js'
import { EngineWebSocketPort, type WebSocketPort } from './requests/websocket-port.js'

export class Engine implements EngineApi {
  readonly threadPlan: ThreadPlan
  /** Whether requests and batches are counted and timed. */
  readonly isMeasuring: boolean
  /** For transports of this isolate. */
  readonly port: WebSocketPort
  /** The same, for JSON over HTTP. */
  readonly json: EngineJsonPort
  /** The same as `port` for sockets of I/O threads, which serve frames by themselves. */
  readonly ioPorts: IoPorts
  /** The same, for tensors as bytes. */
  readonly tensors: TensorPort
  readonly explanations: Explanations
  /** What callers make it hold: transports charge their bodies and answers to it. */
  readonly budget: ByteBudget
  readonly #models: ModelStore
  readonly #pipelines: PipelineStore
  /** null: nothing is logged. */ readonly #logs: RowLogs | null
  readonly #pool: InferencePool
  readonly #loaded: LoadedModels
  readonly #deployments: Deployments
  readonly #native: NativePort
  readonly #calls: Calls
  readonly #stringPath: StringPathExecutor
  readonly #staged: StagedRequests
  readonly #stageKinds: StageKinds
  readonly #wire: EngineWebSocketPort
  readonly #control: Control
  readonly #promotions: Promotions
  readonly #listeners = new Listeners()
  readonly #logReading: LogReading
  readonly #requestIds: RequestIds
  readonly #rowsReader = new NativeRowsReader()
  readonly #startedUs: number
  #state: 'open' | 'draining' | 'closed' = 'open'

  private constructor(options: EngineOptions, pool: InferencePool, threadPlan: ThreadPlan) {
    const { random = systemRandom, onNotice = () => undefined, clock = systemClock } = options
    const { drawUint32, drawSeed } = drawsOf(random)
    const expectOpen = (): void => this.#expectOpen()
    this.threadPlan = threadPlan
    this.isMeasuring = options.metrics ?? true
    this.#startedUs = addon.nowUs()
    this.#pool = pool
    this.budget = new ByteBudget(pool.runtime, memoryBudgetOf(options))
    const requestIds = (this.#requestIds = new RequestIds(drawUint32().toString(16).padStart(8, '0')))
    const { instance } = requestIds
    const models = (this.#models = options.models ?? new MemoryModelStore(clock))
    const pipelines = (this.#pipelines = options.pipelines ?? new MemoryPipelineStore(clock))
    const documents = documentStores(options, clock)
    const logs = (this.#logs = openRowLogs(options, { runtime: pool.runtime, instance, drawSeed, onNotice }))
    const loaded = (this.#loaded = new LoadedModels(loadedModelsDependencies(options, pool, threadPlan, models, clock)))
    this.#stageKinds = openStageKinds(options, documents)
    const deployments = (this.#deployments = new Deployments({
      models,
      pipelines,
      contracts: documents.contracts,
      loaded,
      drawSeed,
      logs,
      ...this.#stageKinds,
      onNotice,
      onChange: (pipeline) => this.#listeners.emit('pipeline', pipeline),
      onRetireFailed: (deployment, cause) => this.#noteUnretired(deployment, cause, onNotice),
    }))
    deployments.runExample = (slot, deployment) =>
      answerExample(deployment, this.#rowsReader, clock, this.#runOn(slot, deployment))
    const nowMs = (): number => clock.nowMs()
    const dependencies = { models, pipelines, ...documents, deployments, expectOpen, onNotice, nowMs }
    const control = (this.#control = new Control(dependencies))
    const runOn = (slot: PipelineSlot, deployment: Deployment): RunRequest => this.#runOn(slot, deployment)
    this.#promotions = new Promotions({ models, control, deployments, reader: this.#rowsReader, runOn })
    this.#stringPath = new StringPathExecutor(pool, this.budget, {
      isMeasuring: this.isMeasuring,
      nowMs,
      whileLoaded: (model, run) => loaded.whileLoaded(model, run),
      onLog: (log, rows) => logs?.append(log, rows) ?? Promise.resolve(),
      onBackgroundLoss: backgroundLossCounter(deployments, loaded),
    })
    this.#staged = new StagedRequests(this.budget, (...request) => this.#submit(...request))
    const port = (this.#native = new NativePort(pool.runtime, requestsMaxOf(options)))
    this.#calls = new Calls(port, requestsMaxOf(options))
    const slotOf = (name: string): PipelineSlot | undefined => deployments.slotOf(name)
    const expectPipeline = (name: string) => this.#expectServing(name)
    this.port = this.#wire = new EngineWebSocketPort({ port, instance, expectPipeline })
    const { runtime } = pool
    this.ioPorts = new IoPorts({ runtime, requestsMax: requestsMaxOf(options), instance, expectPipeline })
    this.json = new EngineJsonPort({ port, requestIds, slotOf, rowsFormOf, isOpen: () => this.#state === 'open' })
    this.tensors = new EngineTensorPort({ port, calls: this.#calls, requestIds, slotOf, expectOpen })
    this.#logReading = new LogReading(this, options.log, logs)
    this.explanations = this.#openExplanations(pipelines, clock, instance)
  }

  /**
   * Starts the workers and deploys again what the store says was deployed; a pipeline that cannot be is reported
   * through `onNotice` and does not keep the others from serving.
   * @throws PenstockError ERR_ARGUMENT for an option out of range; ERR_WORKER_LOST when the workers do not start.
   */
  static async open(options: EngineOptions = {}): Promise<Engine> {
    expectOptions(options)
    const threadPlan = planThreads(readThreadFacts(), options)
    const pool = await InferencePool.open(poolOptionsOf(options, threadPlan))
    try {
      const engine = new Engine(options, pool, threadPlan)
      await engine.#control.redeployStored()
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
    return this.#control.getModel(name)
  }

  addModel(name: string, bytes: Uint8Array, options: AddModelOptions = {}): Promise<ModelVersion> {
    return this.#emittingChange(name, this.#control.addModel(name, bytes, options))
  }

  resolveModel(reference: string): ModelVersion {
    return this.#control.resolveModel(reference)
  }

  setAlias(name: string, alias: string, version: number, options?: SetAliasOptions): Promise<ModelRecord> {
    return this.#emittingChange(name, this.#control.setAlias(name, alias, version, options))
  }

  setLineage(name: string, version: number, lineage: Lineage): Promise<ModelRecord> {
    return this.#emittingChange(name, this.#control.setLineage(name, version, lineage))
  }

  promote(name: string, version: number, options: PromotionOptions): Promise<Promotion> {
    return this.#emittingChange(name, this.#promotions.promote(name, version, options))
  }

  promotions(name: string): PromotionProgress[] {
    return this.#promotions.underWay(expectString('model', name))
  }

  cancelPromotion(name: string, alias: string): void {
    this.#promotions.cancel(expectString('model', name), alias)
  }

  removeAlias(name: string, alias: string): Promise<ModelRecord> {
    return this.#emittingChange(name, this.#control.removeAlias(name, alias))
  }

  removeModel(name: string): Promise<void> {
    return this.#emittingChange(name, this.#control.removeModel(name))
  }

  removeModelVersion(name: string, version: number): Promise<ModelRecord> {
    return this.#emittingChange(name, this.#control.removeModelVersion(name, version))
  }

  freeModelMemory(bytes: number): Promise<number> {
    this.#expectOpen()
    return this.#loaded.residency.free(expectInteger('bytes', bytes, 1, Number.MAX_SAFE_INTEGER))
  }

  serveModel(name: string, version: number): Promise<PipelineDescription> {
    return this.#control.serveModel(name, version)
  }

  retireModel(name: string, version: number): Promise<void> {
    return this.#control.retireModel(name, version)
  }

  // ── pipelines ─────────────────────────────────────────────────────────────────────────────────
  listPipelines(): PipelineRecord[] {
    return this.#pipelines.list()
  }

  getPipeline(name: string): PipelineRecord {
    return this.#control.getPipeline(name)
  }

  getPipelineVersion(name: string, version: number): PipelineVersion {
    return this.#control.getPipelineVersion(name, version)
  }

  pipelineModels(name: string, version?: number): PipelineModel[] {
    return this.#control.pipelineModels(name, version)
  }

  applyPipeline(definition: PipelineDefinition, options: { deploy?: boolean } = {}): Promise<PipelineVersion> {
    return this.#control.applyPipeline(definition, options)
  }

  deployPipeline(name: string, version?: number): Promise<PipelineDescription> {
    return this.#control.deployPipeline(name, version)
  }

  beginDeploy(name: string, version?: number): void {
    this.#control.beginDeploy(name, version)
  }

  async serveVersion(name: string, version: number): Promise<PipelineDescription> {
    return (
      this.#deployments.servedVersion(name, version)?.description ?? (await this.#control.serveVersion(name, version))
    )
  }

  undeployPipeline(name: string): Promise<void> {
    return this.#control.undeployPipeline(name)
  }

  removePipeline(name: string): Promise<void> {
    return this.#control.removePipeline(name)
  }

  get contracts(): Contracts {
    return this.#control.contracts
  }

  get datasets(): Datasets {
    return this.#control.datasets
  }

  get tokenizers(): Tokenizers {
    return this.#control.tokenizers
  }

  get tags(): TagsApi {
    return this.#control.tags
  }

  describePipeline(name: string): PipelineDescription {
    return this.#expectDeployed(name).deployment.description
  }

  pipelineStatus(name: string): PipelineStatus {
    return pipelineStatusOf({
      record: this.getPipeline(name),
      slot: this.#deployments.slotOf(name),
      progress: this.#control.progress,
      remotes: this.#stageKinds.remotes(name),
      isReady: this.#pool.readyCount === this.#pool.workerCount,
    })
  }

  // ── data ──────────────────────────────────────────────────────────────────────────────────────
  async infer(pipeline: string, request: InferRequest): Promise<InferResult> {
    const { slot, deployment } = this.#expectServing(pipeline)
    return this.#run(slot, deployment, request)
  }

  async predict(pipeline: string, rows: PredictRows, options: PredictOptions = {}): Promise<PredictResult> {
    const serving = (): ReturnType<ServingPipeline> => {
      const { slot, deployment } = this.#expectServing(pipeline)
      return { deployment, run: this.#runOn(slot, deployment) }
    }
    if (rows instanceof RowTable) return predictTable(serving, rows, options)
    const { deployment, run } = serving()
    return predictRows(deployment, this.#rowsReader, rows, options, run)
  }

  servedContracts(): ServedContract[] {
    return this.#deployments.servedContracts
  }

  #runOn(slot: PipelineSlot, deployment: Deployment): RunRequest {
    return (request, columns) => this.#run(slot, deployment, request, columns)
  }

  async #run(
    slot: PipelineSlot,
    deployment: Deployment,
    request: InferRequest,
    checked?: CheckedColumns,
  ): Promise<InferResult> {
    const id = this.#requestIds.next()
    const { compiled, transforms } = deployment
    if (transforms.hasStages) return this.#staged.run(slot, deployment, request, id, checked)
    const received = receive(deployment, request, id, checked)
    // Without a stage nothing waits: the request takes its place in the queue before this returns.
    const prepared = prepare(deployment, received, noStageCall) as PreparedInputs
    const result = await this.#submit(slot, deployment, admit(deployment, received, prepared))
    if (compiled.outputChain === null) return result
    return { ...result, outputs: await transforms.outputs(result.outputs, result.rows, prepared.carried, noStageCall) }
  }

  #submit(slot: PipelineSlot, deployment: Deployment, admitted: AdmittedRequest): Promise<InferResult> {
    if (!deployment.compiled.isStringPath) {
      const handle = handleOf(slot, deployment)
      const answer = this.#calls.submit(handle, deployment, admitted)
      return handle === slot.handle ? answer : countedIn(slot.stringPath, answer)
    }
    // The addon does the same for the others.
    if (deployment.log !== null) this.#logs?.expectTaking(deployment.log)
    return this.#stringPath.submit(slot.stringPath, deployment, admitted)
  }

  failingLogs(): FailingLog[] {
    return this.#logs?.failing() ?? []
  }

  async flushLogs(pipeline?: string): Promise<void> {
    await this.#logs?.flush(pipeline)
  }

  readLogs(pipeline: string, query: LogQuery = {}): Promise<LogPage> {
    return this.#logReading.read(pipeline, query)
  }

  exportLogs(
    pipeline: string,
    options: LogExport = {},
    onProgress?: (progress: LogExportProgress) => void,
  ): Promise<LogExportResult> {
    return this.#logReading.export(pipeline, options, onProgress)
  }

  queryLogs(sql: string, options: LogSqlOptions = {}): Promise<LogSqlResult> {
    return this.#logReading.query(sql, options)
  }

  get inFlight(): number {
    return this.#native.inFlight + this.ioPorts.inFlight + this.#stringPath.inFlight + this.#staged.inStages
  }

  get isReady(): boolean {
    return this.#state === 'open' && this.#pool.isAvailable
  }

  metrics(): EngineMetrics {
    return {
      histogramLayout,
      uptimeMs: (addon.nowUs() - this.#startedUs) / 1000,
      isReady: this.isReady,
      inFlight: this.inFlight,
      connections: this.#wire.connectionCount + this.ioPorts.connectionCount,
      threadPlan: this.threadPlan,
      workers: workerMetrics(this.#pool),
      residency: this.#loaded.residency.metrics(),
      budget: { limitBytes: this.budget.limitBytes, usedBytes: this.budget.usedBytes() },
      tables: { limitBytes: this.#stageKinds.lookups.bytesMax, tables: this.#stageKinds.lookups.metrics() },
      models: modelMetrics(this.#loaded.all),
      pipelines: this.#deployments.slots.map((slot) => pipelineMetrics(slot)),
      remotes: this.#stageKinds.remotes(),
      process: processMetrics(),
    }
  }

  /** @returns a function that stops listening. */
  on<K extends keyof EngineEvents>(event: K, listener: EngineEvents[K]): () => void {
    return this.#listeners.on(event, listener)
  }

  // ── end ───────────────────────────────────────────────────────────────────────────────────────
  async drain(limitMs: number): Promise<boolean> {
    if (this.#state === 'open') this.#state = 'draining'
    const queriesEnded = this.#logReading.drain(limitMs)
    // Challengers and rows for the log of answered requests count as in flight, too.
    const isBusy = (): boolean => this.#state !== 'closed' && (this.inFlight > 0 || this.#deployments.inFlight > 0)
    if (!(await untilIdle(isBusy, limitMs))) return false
    await queriesEnded
    await this.#logs?.flush()
    return true
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    await this.explanations.close()
    const calibrated = this.#loaded.stopCalibrating()
    await this.#control.close()
    await calibrated
    this.#deployments.stopAll()
    this.#staged.close()
    this.#native.close()
    this.ioPorts.close()
    this.#calls.close()
    this.json.close()
    this.budget.close()
    await this.#deployments.closeStages()
    await this.#stageKinds.close()
    await this.#pool.close()
    this.#loaded.closeAll()
    await this.#logs?.close()
  }

  #openExplanations(pipelines: PipelineStore, clock: Clock, instance: string): Explanations {
    return new Explanations({
      pipelines,
      engine: this,
      deployments: this.#deployments,
      control: this.#control,
      infer: (slot, deployment, request) => this.#run(slot, deployment, request),
      clock,
      instance,
      expectOpen: () => this.#expectOpen(),
    })
  }

  #noteUnretired({ pipeline, version }: Deployment, cause: unknown, onNotice: (notice: EngineNotice) => void): void {
    if (this.#state === 'closed') return
    onNotice({ level: 'error', message: `Version ${version} of pipeline ${pipeline} could not be retired`, cause })
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

  /** Emits `model` once the change to its record is stored. */
  async #emittingChange<T>(model: string, change: Promise<T>): Promise<T> {
    const result = await change
    this.#listeners.emit('model', model)
    return result
  }
}

function drawsOf(random: RandomSource): { drawUint32: () => number; drawSeed: () => bigint } {
  const drawUint32 = (): number => Math.floor(random() * 2 ** 32)
  return { drawUint32, drawSeed: () => (BigInt(drawUint32()) << 32n) | BigInt(drawUint32()) }
}

/** The stores that most programs do not pass: what is in them ends with the engine then. */
function documentStores(
  { contracts, datasets, tokenizers }: EngineOptions,
  clock: Clock,
): {
  readonly contracts: ContractStore
  readonly datasets: DatasetStore | null
  readonly tokenizers: TokenizerStore
} {
  return {
    contracts: contracts ?? new MemoryContractStore(clock),
    datasets: datasets ?? null,
    tokenizers: tokenizers ?? new MemoryTokenizerStore(clock),
  }
}
