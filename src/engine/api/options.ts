/** What an engine is opened with, and what it reports to its opener. Types only; engine-options.ts checks them. */
import type { Clock } from '../../base/clock.js'
import type { ExecutionProvider } from '../../base/providers.js'
import type { RandomSource } from '../../base/random.js'
import type { TableStore } from '../../lookup/table-store.js'
import type { ContractStore } from './contracts.js'
import type { DatasetStore } from './datasets.js'
import type { TokenizerStore } from './tokenizers.js'
import type { EngineLog } from './logs.js'
import type { ModelStore, PipelineStore } from './stores.js'

/** Something an operator should read: a worker that was lost, a stored pipeline that cannot be deployed. */
export interface EngineNotice {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly cause?: unknown
}

/** When a model is measured: never, while it serves by default, or before it serves. */
export type CalibrationMode = 'off' | 'background' | 'deploy'

/** When a difference was found live: the model's rows run one by one from then on, or it is only reported. */
export type DifferencePolicy = 'unbatch' | 'report'

export interface QueueLimits {
  readonly batchRowsMax: number
  readonly maxDelayUs: number
  readonly pendingRowsMax: number
  readonly pendingRowsBackgroundMax: number
}

/** Which models stay loaded. */
export interface ResidencyLimits {
  /** null: all that are served. */
  readonly modelMemoryBytes: number | null
  readonly warmBytes: number
  readonly warmSeconds: number
}

export interface EngineOptions {
  /** Absent: models live in memory and end with the engine. */
  readonly models?: ModelStore | undefined
  readonly pipelines?: PipelineStore | undefined
  readonly contracts?: ContractStore | undefined
  /** Where tables are kept by name and version: `datasetsOf(home)`. Absent: nowhere. */
  readonly datasets?: DatasetStore | undefined
  readonly tokenizers?: TokenizerStore | undefined
  /** Where requests are logged: a LogStore, or a directory that this engine writes and does not read. Absent: nothing is. */
  readonly log?: EngineLog | Pick<EngineLog, 'path'> | undefined
  /** `metadata.partition` of the log; absent: the machine's name. */
  readonly partition?: string | undefined
  /** Threads that run models, 1..256; absent: from the thread plan. */
  readonly inferWorkers?: number | undefined
  /**
   * Threads more, 0..256, that run challengers and other background work with what other threads leave of the cores. They
   * start with the first pipeline that has such steps. 0: the inference workers run it in between. Absent: from the thread
   * plan.
   */
  readonly backgroundWorkers?: number | undefined
  /** Threads inside one run, 1..256; absent: 1. */
  readonly intraOpThreads?: number | undefined
  /**
   * Microseconds that an idle worker spins for work, using its core, before it sleeps, 0..10000; absent: from the
   * thread plan. 0 saves power and CPU time; a small model's latency is then mostly the waking of threads.
   */
  readonly workerWatchUs?: number | undefined
  /**
   * When models are measured to choose threads and rows of their runs: `background` while they already serve by default
   * (absent: this), `deploy` before they serve, `off` never.
   */
  readonly calibration?: CalibrationMode | undefined
  /** Milliseconds that one run of a model may take when calibration chooses, 1..60000; absent: 100. */
  readonly latencyObjectiveMs?: number | undefined
  /**
   * Milliseconds, 1..3600000, after which a run counts as stuck: it is reported, and another thread takes the place of its
   * worker. Absent: ten times what its model is known to take, and 2 s at least.
   */
  readonly runLimitMs?: number | undefined
  /**
   * Milliseconds, 1..3600000, after which a run is ended, whoever waits for it: its requests fail with ERR_RUN_FAILED. Absent: only runs
   * are ended whose callers have all gone, by their deadlines or a cancel.
   */
  readonly runStopMs?: number | undefined
  /**
   * How models run: `native` (absent: this), by the C API of the library that onnxruntime-node ships, in sessions that all workers
   * share, and that can be ended; or `onnxruntime-node`, by its JavaScript API, in sessions of each worker. Where the library cannot be
   * called, it is the latter, and `onNotice` says why.
   */
  readonly runs?: 'native' | 'onnxruntime-node' | undefined
  /**
   * Threads, 0..16, that may stand in for inference workers at a time: in place of stuck ones, and beside them while all
   * are inside long runs. Each holds a session of every model. Absent: 4.
   */
  readonly substituteWorkers?: number | undefined
  /** The default for models that name none, in order of preference; absent: `cpu`. */
  readonly executionProviders?: readonly ExecutionProvider[] | undefined
  /**
   * Servers that remote steps may call, loopback among them: `host` (the scheme's own port), `host:port`, `host:*` (every
   * port), `*.name` (all hosts below it). Absent: none.
   */
  readonly remoteHosts?: readonly string[] | undefined
  /** Rows of one batch at most, 1..65536; absent: 1024. */
  readonly batchRowsMax?: number | undefined
  /** Microseconds that a batch waits for more rows although a worker is free, 0..1000000; absent: 0, no timer. */
  readonly maxDelayUs?: number | undefined
  /** Rows waiting or running per model before requests are refused; absent: 262144 interactive, 16384 background. */
  readonly pendingRowsMax?: number | undefined
  readonly pendingRowsBackgroundMax?: number | undefined
  /**
   * Bytes that callers may make the engine and its transports hold, all together, 2^24..2^40; absent: 1 GiB, or a quarter
   * of the memory that the process may use if that is less. What does not fit is refused with ERR_QUEUE_FULL.
   */
  readonly memoryBudgetBytes?: number | undefined
  /**
   * Bytes that loaded models may count for, 2^20..2^44: what is served beyond it is loaded when a request wants it, and the model that is
   * asked least makes way. A model counts for its file, once for each session of a worker or once for all that share it, and 256 KiB a
   * session. Absent: whatever is served stays loaded.
   */
  readonly modelMemoryBytes?: number | undefined
  /**
   * Bytes, 0..2^44, of versions that no longer serve but stay loaded, one of each model, so that an alias moves back at once; absent:
   * 256 MiB. They go first where models need room.
   */
  readonly warmBytes?: number | undefined
  /** Seconds that such a version stays, 0..604800; absent: 900. 0: none does. */
  readonly warmSeconds?: number | undefined
  /** Where lookup steps find their tables: `tablesIn(folder)`. Absent: a pipeline with one cannot be deployed. */
  readonly tables?: TableStore | null | undefined
  /** Bytes that the tables of lookup steps may take in memory, all together; absent: 1 GiB. */
  readonly tableBytesMax?: number | undefined
  /** Unanswered requests of the whole engine, 1..1048576; absent: 65536. */
  readonly requestsInFlightMax?: number | undefined
  /** Whether requests and batches are counted and timed; absent: true. Without it the counts of `metrics()` stay 0. */
  readonly metrics?: boolean | undefined
  /** One in so many rows that share a batch is run again by itself and compared, off the request clock; absent: 10000, 0: none. */
  readonly rowCheckEvery?: number | undefined
  /** When such a row differs: `unbatch` (absent: this) runs the model's rows one by one from then on, `report` only reports it. */
  readonly batchingDifferences?: DifferencePolicy | undefined
  /** Whether pipelines with `script` steps may be deployed: programs of whoever writes pipelines, run as this process's user. Absent: false. */
  readonly allowScripts?: boolean | undefined
  readonly clock?: Clock | undefined
  /** Draws the seeds of splits without one, and this engine's part of request ids. */
  readonly random?: RandomSource | undefined
  readonly onNotice?: ((notice: EngineNotice) => void) | undefined
}
