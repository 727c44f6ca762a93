/** The list of metric families: what each is called, and how its values are read off one snapshot. */
import type { ModelSourceStatus } from '../engine/api/api.js'
import type { EngineMetrics, Histogram, ModelMetrics, PipelineMetrics, TableMetrics } from '../engine/metrics.js'
import { rows, seconds, type Unit } from './histogram.js'

/** What the transport counts itself. */
export interface TransportMetrics {
  readonly tcpConnections: number
  readonly webSocketConnections: number
  readonly grpcConnections: number
  /** Since the start: for want of file descriptors. */
  readonly refusedConnections: number
  /** Key: method, route, status, separated by a space. */
  readonly httpRequests: ReadonlyMap<string, number>
}

export interface Snapshot {
  readonly engine: EngineMetrics
  readonly transport: TransportMetrics
  /** Places that are watched for models. */
  readonly sources: readonly ModelSourceStatus[]
  readonly version: string
}

export type Labels = Readonly<Record<string, string | number>>
export interface Value {
  readonly labels: Labels
  readonly value: number
}

export interface HistogramValue {
  readonly labels: Labels
  readonly histogram: Histogram
}

interface ScalarFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  read(snapshot: Snapshot): readonly Value[]
}
interface HistogramFamily {
  readonly name: string
  readonly help: string
  readonly type: 'histogram'
  readonly unit: Unit
  read(snapshot: Snapshot): readonly HistogramValue[]
}
export type Family = ScalarFamily | HistogramFamily

/** Tables of one name, of which steps want different columns, are one. */
const ofTables =
  (values: (table: TableMetrics['tables'][number]) => readonly Value[]) =>
  ({ engine }: Snapshot): Value[] => {
    const sums = new Map<string, Value>()
    for (const table of engine.tables.tables)
      for (const { labels, value } of values(table)) {
        const key = JSON.stringify([table.table, labels])
        sums.set(key, { labels: { table: table.table, ...labels }, value: value + (sums.get(key)?.value ?? 0) })
      }
    return [...sums.values()]
  }

const ofPipelines =
  (values: (pipeline: PipelineMetrics) => readonly Value[]) =>
  ({ engine }: Snapshot): Value[] =>
    engine.pipelines.flatMap((pipeline) =>
      values(pipeline).map(({ labels, value }) => ({ labels: { pipeline: pipeline.pipeline, ...labels }, value })),
    )

const ofModels =
  (value: (model: ModelMetrics) => number) =>
  ({ engine }: Snapshot): Value[] =>
    engine.models.map((model) => ({ labels: modelLabels(model), value: value(model) }))

const ofSources =
  (value: (source: ModelSourceStatus) => number) =>
  ({ sources }: Snapshot): Value[] =>
    sources.map((source) => ({ labels: { kind: source.kind, place: source.place }, value: value(source) }))

const ofRemotes =
  (value: (remote: EngineMetrics['remotes'][number]) => number) =>
  ({ engine }: Snapshot): Value[] =>
    engine.remotes.map((remote) => ({
      labels: { pipeline: remote.pipeline, step: remote.step, kind: remote.kind },
      value: value(remote),
    }))

const one = (value: number): Value[] => [{ labels: {}, value }]
const modelLabels = ({ model, version }: ModelMetrics): Labels => ({ model, version })

export const families: readonly Family[] = [
  {
    name: 'penstock_build_info',
    help: 'Version of the server; the value is always 1.',
    type: 'gauge',
    read: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    name: 'penstock_ready',
    help: 'Whether the engine takes requests.',
    type: 'gauge',
    read: ({ engine }) => one(engine.isReady ? 1 : 0),
  },
  {
    name: 'penstock_uptime_seconds',
    help: 'Seconds since the engine was opened.',
    type: 'gauge',
    read: ({ engine }) => one(engine.uptimeMs / 1000),
  },
  {
    name: 'penstock_in_flight_requests',
    help: 'Requests that are not answered yet.',
    type: 'gauge',
    read: ofPipelines(({ inFlight }) => one(inFlight)),
  },
  {
    name: 'penstock_memory_budget_bytes',
    help: 'Bytes that callers may make the engine hold.',
    type: 'gauge',
    read: ({ engine }) => one(engine.budget.limitBytes),
  },
  {
    name: 'penstock_memory_budget_used_bytes',
    help: 'Bytes that callers make it hold: requests with their expected answers, bodies that arrive, answers that wait in sockets.',
    type: 'gauge',
    read: ({ engine }) => Object.entries(engine.budget.usedBytes).map(([use, value]) => ({ labels: { use }, value })),
  },
  {
    name: 'penstock_models_memory_limit_bytes',
    help: 'Bytes that loaded models may count for; absent without a limit.',
    type: 'gauge',
    read: ({ engine: { residency } }) => (residency.limitBytes === null ? [] : one(residency.limitBytes)),
  },
  {
    name: 'penstock_models_memory_bytes',
    help: 'Bytes that loaded models count for; warm: those of versions that no longer serve.',
    type: 'gauge',
    read: ({ engine: { residency } }) => [
      { labels: { state: 'serving' }, value: residency.loadedBytes - residency.warmBytes },
      { labels: { state: 'warm' }, value: residency.warmBytes },
    ],
  },
  {
    name: 'penstock_models',
    help: 'Model versions: loaded and serving, warm (loaded, and serving no longer), and serving but not loaded now.',
    type: 'gauge',
    read: ({ engine: { residency } }) => [
      { labels: { state: 'loaded' }, value: residency.loadedModels - residency.warmModels },
      { labels: { state: 'warm' }, value: residency.warmModels },
      { labels: { state: 'unloaded' }, value: residency.unloadedModels },
    ],
  },
  {
    name: 'penstock_model_loads_total',
    help: 'Model versions that were loaded.',
    type: 'counter',
    read: ({ engine: { residency } }) => one(residency.loads),
  },
  {
    name: 'penstock_model_evictions_total',
    help: 'Model versions that were unloaded: room: for another; warm: they no longer served, and were beyond their limits.',
    type: 'counter',
    read: ({ engine: { residency } }) =>
      Object.entries(residency.evictions).map(([reason, value]) => ({ labels: { reason }, value })),
  },
  {
    name: 'penstock_requests_total',
    help: 'Requests that were answered with results.',
    type: 'counter',
    read: ofPipelines(({ requestCount }) => one(requestCount)),
  },
  {
    name: 'penstock_rows_total',
    help: 'Rows of the requests that were answered with results.',
    type: 'counter',
    read: ofPipelines(({ rowCount }) => one(rowCount)),
  },
  {
    name: 'penstock_failures_total',
    help: 'Requests that failed, by error code.',
    type: 'counter',
    read: ofPipelines(({ failures }) => Object.entries(failures).map(([code, value]) => ({ labels: { code }, value }))),
  },
  {
    name: 'penstock_check_failures_total',
    help: 'Rows on which a check failed.',
    type: 'counter',
    read: ofPipelines(({ checkFailures }) =>
      Object.entries(checkFailures).map(([check, value]) => ({ labels: { check }, value })),
    ),
  },
  {
    name: 'penstock_background_rows_lost_total',
    help: 'Rows of challengers and other background work that a full queue shed, or that failed, by error code.',
    type: 'counter',
    read: ofPipelines(({ background }) =>
      background.flatMap(({ model, shedRows, failures }) => [
        { labels: { model, reason: 'shed' }, value: shedRows },
        ...Object.entries(failures).map(([reason, value]) => ({ labels: { model, reason }, value })),
      ]),
    ),
  },
  {
    name: 'penstock_cache_requests_total',
    help: 'Requests that a prediction cache was asked for, by whether it had the answer.',
    type: 'counter',
    read: ofPipelines(({ cache }) => [
      { labels: { result: 'hit' }, value: cache.hitCount },
      { labels: { result: 'miss' }, value: cache.missCount },
    ]),
  },
  {
    name: 'penstock_cache_evictions_total',
    help: 'Answers that left a prediction cache for want of room; those that are too old are not counted.',
    type: 'counter',
    read: ofPipelines(({ cache }) => one(cache.evictionCount)),
  },
  {
    name: 'penstock_cache_bytes',
    help: 'Bytes of the inputs and answers in the prediction cache; counted in the memory budget as well.',
    type: 'gauge',
    read: ofPipelines(({ cache }) => one(cache.bytes)),
  },
  {
    name: 'penstock_cache_entries',
    help: 'Answers in the prediction cache.',
    type: 'gauge',
    read: ofPipelines(({ cache }) => one(cache.entryCount)),
  },
  {
    name: 'penstock_log_rows_total',
    help: 'Rows that were written to the log.',
    type: 'counter',
    read: ofPipelines(({ log }) => one(log.rowCount)),
  },
  {
    name: 'penstock_log_dropped_rows_total',
    help: 'Rows for the log that were not written, or lost with a disk that failed.',
    type: 'counter',
    read: ofPipelines(({ log }) => one(log.droppedRowCount)),
  },
  {
    name: 'penstock_log_changed_keys_total',
    help: 'Logged values of keys that were cut off, or have ? for bytes that are not UTF-8.',
    type: 'counter',
    read: ofPipelines(({ log }) => one(log.changedKeyCount)),
  },
  {
    name: 'penstock_log_bytes_total',
    help: 'Bytes of the rows that were written to the log.',
    type: 'counter',
    read: ofPipelines(({ log }) => one(log.byteCount)),
  },
  {
    name: 'penstock_log_failing',
    help: 'Whether the log cannot be written now.',
    type: 'gauge',
    read: ofPipelines(({ log }) => one(log.isFailing ? 1 : 0)),
  },
  ofPipeline(
    'penstock_log_commit_duration_seconds',
    'From the end of an inference until its rows were on the disk, of the oldest row of each sync.',
    ({ log }) => log.commitNs,
  ),
  ofPipeline(
    'penstock_request_duration_seconds',
    'From admission until the answer, or failure, was handed over.',
    ({ totalNs }) => totalNs,
  ),
  ofPipeline(
    'penstock_send_duration_seconds',
    'From the end of the last step until the answer was handed over.',
    ({ sendNs }) => sendNs,
  ),
  histogramFamily(
    'penstock_step_duration_seconds',
    'What a step that takes and leaves columns took of a request, by its place in the definition and its type.',
    seconds,
    ({ pipelines }) =>
      pipelines.flatMap(({ pipeline, stages }) =>
        stages.map(({ where, type, callNs }) => ({ labels: { pipeline, step: where, type }, histogram: callNs })),
      ),
  ),
  {
    name: 'penstock_step_failures_total',
    help: 'Requests that such a step failed, by error code.',
    type: 'counter',
    read: ofPipelines(({ stages }) =>
      stages.flatMap(({ where, type, failures }) =>
        Object.entries(failures).map(([code, value]) => ({ labels: { step: where, type, code }, value })),
      ),
    ),
  },
  {
    name: 'penstock_lookup_tables_limit_bytes',
    help: 'Bytes that the tables of lookup steps may take, all together.',
    type: 'gauge',
    read: ({ engine }) => one(engine.tables.limitBytes),
  },
  {
    name: 'penstock_lookup_table_bytes',
    help: 'Bytes of a table in memory, with its index.',
    type: 'gauge',
    read: ofTables(({ bytes }) => one(bytes)),
  },
  {
    name: 'penstock_lookup_table_rows',
    help: 'Rows of a table in memory.',
    type: 'gauge',
    read: ofTables(({ rows }) => one(rows)),
  },
  {
    name: 'penstock_lookup_reloads_total',
    help: 'Contents of a changed file that took the place of an older one, and those that could not.',
    type: 'counter',
    read: ofTables(({ reloads, failedReloads }) => [
      { labels: { outcome: 'taken' }, value: reloads },
      { labels: { outcome: 'failed' }, value: failedReloads },
    ]),
  },
  {
    name: 'penstock_lookup_rows_total',
    help: 'Rows of requests that were looked up, and those of them of which the table has none.',
    type: 'counter',
    read: ofTables(({ lookedUpRows, missingRows }) => [
      { labels: { found: 'yes' }, value: lookedUpRows - missingRows },
      { labels: { found: 'no' }, value: missingRows },
    ]),
  },
  {
    name: 'penstock_remote_breaker_open',
    help: 'Whether the server that answers a remote step is left alone, or on trial, after failures in a row.',
    type: 'gauge',
    read: ofRemotes(({ breaker }) => (breaker === 'closed' ? 0 : 1)),
  },
  {
    name: 'penstock_remote_breaker_opened_total',
    help: 'How often such a server began to be left alone.',
    type: 'counter',
    read: ofRemotes(({ openedCount }) => openedCount),
  },
  {
    name: 'penstock_remote_in_flight',
    help: 'Calls of a remote step without an answer yet.',
    type: 'gauge',
    read: ofRemotes(({ inFlight }) => inFlight),
  },
  {
    name: 'penstock_remote_waiting',
    help: 'Calls of a remote step that wait for a connection.',
    type: 'gauge',
    read: ofRemotes(({ waiting }) => waiting),
  },
  {
    name: 'penstock_remote_calls_total',
    help: 'Calls of a remote step, each attempt for itself.',
    type: 'counter',
    read: ofRemotes(({ calls }) => calls),
  },
  {
    name: 'penstock_remote_retries_total',
    help: 'Calls of a remote step that repeated another.',
    type: 'counter',
    read: ofRemotes(({ retries }) => retries),
  },
  {
    name: 'penstock_remote_failures_total',
    help: 'Calls of a remote step that failed.',
    type: 'counter',
    read: ofRemotes(({ failures }) => failures),
  },
  {
    name: 'penstock_batches_total',
    help: 'Batches that were run.',
    type: 'counter',
    read: ofModels(({ batchRows }) => batchRows.count),
  },
  {
    name: 'penstock_model_rows_total',
    help: 'Rows that a model ran.',
    type: 'counter',
    read: ofModels(({ batchRows }) => batchRows.sum),
  },
  {
    name: 'penstock_failed_runs_total',
    help: 'Runs that ONNX Runtime refused.',
    type: 'counter',
    read: ofModels(({ failedRunCount }) => failedRunCount),
  },
  {
    name: 'penstock_model_row_checks_total',
    help: 'Rows that were answered in a shared batch and run again by themselves to compare.',
    type: 'counter',
    read: ofModels(({ batching }) => batching.rowChecks),
  },
  {
    name: 'penstock_model_row_check_differences_total',
    help: 'Rows that got another answer by themselves than in the shared batch.',
    type: 'counter',
    read: ofModels(({ batching }) => batching.rowDifferences),
  },
  {
    name: 'penstock_model_shared_run_failures_total',
    help: 'Shared runs that failed although each of their requests ran by itself.',
    type: 'counter',
    read: ofModels(({ batching }) => batching.sharedFailures),
  },
  {
    name: 'penstock_model_unbatched',
    help: 'Whether rows of a model that could share batches run one by one, for a difference was found.',
    type: 'gauge',
    read: ofModels(({ isUnbatched }) => (isUnbatched ? 1 : 0)),
  },
  {
    name: 'penstock_pending_rows',
    help: 'Rows that wait or run.',
    type: 'gauge',
    read: ({ engine }) =>
      engine.models.flatMap((model) => [
        { labels: { ...modelLabels(model), priority: 'interactive' }, value: model.pendingRows },
        { labels: { ...modelLabels(model), priority: 'background' }, value: model.pendingRowsBackground },
      ]),
  },
  {
    name: 'penstock_batches_allocated',
    help: 'Batches that hold memory.',
    type: 'gauge',
    read: ofModels(({ batchesAllocated }) => batchesAllocated),
  },
  {
    name: 'penstock_arena_bytes',
    help: 'Memory of the batches.',
    type: 'gauge',
    read: ofModels(({ arenaBytes }) => arenaBytes),
  },
  ofModel('penstock_batch_rows', 'Rows of the batches that were run.', rows, ({ batchRows }) => batchRows),
  ofModel(
    'penstock_queue_duration_seconds',
    'From admission, or the end of the step before, until a worker took the batch; one per request and batch.',
    seconds,
    ({ queueNs }) => queueNs,
  ),
  ofModel(
    'penstock_assemble_duration_seconds',
    'From taking a batch to its run.',
    seconds,
    ({ assembleNs }) => assembleNs,
  ),
  ofModel('penstock_run_duration_seconds', "ONNX Runtime's run of a batch.", seconds, ({ runNs }) => runNs),
  ofModel(
    'penstock_scatter_duration_seconds',
    'From the end of the run until the rows were handed on: checks, next step, answers.',
    seconds,
    ({ scatterNs }) => scatterNs,
  ),
  {
    name: 'penstock_workers',
    help: 'Inference workers; stuck: inside a run past its limit; extra: added while the rest were inside long runs.',
    type: 'gauge',
    read: ({ engine: { workers } }) => [
      { labels: { state: 'ready' }, value: workers.ready },
      { labels: { state: 'starting' }, value: workers.count - workers.ready },
      { labels: { state: 'stuck' }, value: workers.stuck },
      { labels: { state: 'extra' }, value: workers.extra },
    ],
  },
  {
    name: 'penstock_runs_info',
    help: "1, with the way in which models run: native (ONNX Runtime's C API) or onnxruntime-node.",
    type: 'gauge',
    read: ({ engine: { workers } }) => [{ labels: { way: workers.runs }, value: 1 }],
  },
  {
    name: 'penstock_stopped_runs_total',
    help: 'Runs that were ended: nobody waited for them any more, or they took longer than a run may.',
    type: 'counter',
    read: ({ engine: { workers } }) => [{ labels: {}, value: workers.stoppedRuns }],
  },
  {
    name: 'penstock_overdue_runs_total',
    help: 'Runs that were past their limit.',
    type: 'counter',
    read: ofModels(({ overdueRuns }) => overdueRuns.count),
  },
  {
    name: 'penstock_worker_restarts_total',
    help: 'Inference workers that ended and were started again.',
    type: 'counter',
    read: ({ engine }) => one(engine.workers.restarts),
  },
  {
    name: 'penstock_source_looks_total',
    help: 'Looks at a place that is watched for models.',
    type: 'counter',
    read: ofSources(({ looks }) => looks),
  },
  {
    name: 'penstock_source_failed_looks_total',
    help: 'Those in which the place could not be looked at.',
    type: 'counter',
    read: ofSources(({ failedLooks }) => failedLooks),
  },
  {
    name: 'penstock_source_versions_added_total',
    help: 'Model versions that were taken from a watched place.',
    type: 'counter',
    read: ofSources(({ added }) => added),
  },
  {
    name: 'penstock_source_aliases_moved_total',
    help: 'Aliases that were moved because a watched place says so.',
    type: 'counter',
    read: ofSources(({ moved }) => moved),
  },
  {
    name: 'penstock_source_problems',
    help: 'What lies at a watched place and cannot be taken.',
    type: 'gauge',
    read: ofSources(({ problemCount }) => problemCount),
  },
  {
    name: 'penstock_connections',
    help: 'Open connections; tcp counts those of the HTTP port, the WebSockets too.',
    type: 'gauge',
    read: ({ transport }) => [
      { labels: { kind: 'tcp' }, value: transport.tcpConnections },
      { labels: { kind: 'websocket' }, value: transport.webSocketConnections },
      { labels: { kind: 'grpc' }, value: transport.grpcConnections },
    ],
  },
  {
    name: 'penstock_connections_refused_total',
    help: 'Connections that were closed at once, because the process has no file descriptors to spare.',
    type: 'counter',
    read: ({ transport }) => one(transport.refusedConnections),
  },
  {
    name: 'penstock_http_requests_total',
    help: 'HTTP requests that were answered, by route (empty: none matched).',
    type: 'counter',
    read: ({ transport }) =>
      [...transport.httpRequests].map(([key, value]) => {
        const [method = '', route = '', status = ''] = key.split(' ')
        return { labels: { method, route, status }, value }
      }),
  },
]

function histogramFamily(
  name: string,
  help: string,
  unit: Unit,
  readHistograms: (engine: EngineMetrics) => readonly HistogramValue[],
): HistogramFamily {
  return { name, help, type: 'histogram', unit, read: ({ engine }) => readHistograms(engine) }
}

function ofModel(name: string, help: string, unit: Unit, histogramOf: (model: ModelMetrics) => Histogram) {
  return histogramFamily(name, help, unit, ({ models }) =>
    models.map((model) => ({ labels: modelLabels(model), histogram: histogramOf(model) })),
  )
}

function ofPipeline(name: string, help: string, histogramOf: (pipeline: PipelineMetrics) => Histogram) {
  return histogramFamily(name, help, seconds, ({ pipelines }) =>
    pipelines.map((pipeline) => ({ labels: { pipeline: pipeline.pipeline }, histogram: histogramOf(pipeline) })),
  )
}
