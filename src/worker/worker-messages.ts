/**
 * What the engine and its inference workers say to each other: the task a worker is started with, the jobs that reach
 * it through the addon's queue, and its replies.
 *
 * A worker waits inside a native call and hears no MessagePort, so jobs travel as bytes through the same queue as the
 * batches; `v8.serialize` is the structured clone without a port. Jobs are rare (loads, plain runs): their copies are
 * the accepted cost.
 */
import { deserialize, serialize } from 'node:v8'
import type { ExecutionProvider } from '../base/providers.js'
import type { Dtype, TensorData } from '../tensor/tensor.js'
import type { SessionSettings } from './sessions/session-options.js'

/** Where a session is made from. Exactly one of path and bytes is set. */
export interface ModelSource {
  /** For error messages: `name@version`. */
  readonly label: string
  readonly path: string | null
  readonly bytes: Uint8Array | null
  /** The prepared form of the same model, whose weights all sessions map from one file; null: none. */
  readonly preparedPath: string | null
}

/** Sessions that the pool holds for all workers, by the addon's numbers. */
export interface SharedSessionIds {
  /** What runs the model. */
  readonly provider: ExecutionProvider
  /** Workers take turns among them: one, or as many as run side by side with several threads each. */
  readonly sessionIds: readonly number[]
  readonly latencySessionId: number | null
}

/** One model version as a worker loads it. */
export interface LoadableModel extends ModelSource {
  /** Chosen by the engine, unique in the process; batches name their model by it. */
  readonly modelKey: number
  /** Tensors carry no row axis: dims of a bucket are full shapes. */
  readonly isNonBatching: boolean
  readonly settings: SessionSettings
  /** Batches that run at a time, 1 and more. */
  readonly instances: number
  /** null: each worker opens sessions of its own, by onnxruntime-node. */
  readonly shared: SharedSessionIds | null
  /** Settings of a second session, for batches that have the engine to themselves; null: they run as the others do. */
  readonly latencySettings: SessionSettings | null
  /** Bytes of inputs of one run at most, one row at least: a larger batch is run in parts. null: batches run whole. */
  readonly runInputBytesMax: number | null
  /** Rows share its runs, so that some are run again by themselves and compared. */
  readonly hasRowChecks: boolean
  /** Its graph proves that rows are independent: of a lone row another kernel's roundings are no difference. */
  readonly isGraphProven: boolean
  /** Dims of its inputs, a run each, on which it is run once it is loaded: what it is about to be asked. */
  readonly warmUpRuns: readonly (readonly (readonly number[])[])[]
}

/** What a worker thread is started with: everything that is loaded then. */
export interface WorkerTask {
  /** Runtime of the engine that starts it: its workers run its batches only. */
  readonly runtime: number
  readonly workerIndex: number
  /** Another number for each thread that holds the worker's place. */
  readonly thread: number
  /** Runs long background batches only, with what other threads leave of the cores. */
  readonly isForBackground: boolean
  readonly models: readonly LoadableModel[]
  /** Rows between two that are checked; 0: none is. */
  readonly rowCheckEvery: number
}

/** Posted by a worker right before its first take: jobs and batches reach it from now on. */
export interface WorkerReady {
  readonly readyWorker: number
  readonly thread: number
  /** Models of the task that could not be loaded, with the reason. */
  readonly unloaded: readonly { readonly modelKey: number; readonly label: string; readonly reason: string }[]
}

/** Posted when a row was checked, a shared run failed whose requests ran by themselves, or a background run failed. */
export type WorkerObservation =
  | {
      readonly observed: 'row-check'
      readonly modelKey: number
      /** That differs; '': none. */ readonly output: string
    }
  | { readonly observed: 'shared-failure'; readonly modelKey: number; readonly reason: string }
  | {
      readonly observed: 'background-failure'
      readonly modelKey: number
      readonly reason: string
      /** Requests, since the report before. */ readonly count: number
    }

export interface JobTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: TensorData
}

export type WorkerJob =
  | { readonly kind: 'load'; readonly model: LoadableModel }
  | { readonly kind: 'replace'; readonly model: LoadableModel }
  | { readonly kind: 'unload'; readonly modelKey: number }
  | { readonly kind: 'run'; readonly modelKey: number; readonly inputs: readonly JobTensor[] }

export type WorkerReply =
  | {
      readonly isDone: true
      readonly outputs: readonly JobTensor[]
      readonly runUs: number
      /** After a load: what runs the model. */ readonly provider?: ExecutionProvider
    }
  | {
      readonly isDone: false
      readonly text: string
      /** A provider cannot be used: not the model's fault. */ readonly isProvider?: boolean
    }

/** One thread a run, whatever others found best: such runs parallelise among themselves, and none waits for its slowest. */
export function inBackground(model: LoadableModel): LoadableModel {
  const settings = { ...model.settings, intraOpThreads: 1, spinning: false }
  return { ...model, settings, latencySettings: null, warmUpRuns: [], shared: null }
}

export const encodeJob = (job: WorkerJob): Uint8Array => serialize(job)
export const decodeJob = (bytes: Uint8Array): WorkerJob => deserialize(bytes) as WorkerJob
export const encodeReply = (reply: WorkerReply): Uint8Array => serialize(reply)
export const decodeReply = (bytes: Uint8Array): WorkerReply => deserialize(bytes) as WorkerReply
