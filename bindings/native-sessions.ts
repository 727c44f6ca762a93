/**
 * What the addon exports for sessions of ONNX Runtime that it makes and runs itself, 1:1. Types only; `native.ts`
 * re-exports them. See native/ort/.
 */
import type { WorkerHandle } from './native-handles.js'

export type SessionHandle = object & { readonly __session: unique symbol }

export interface SessionSpec {
  /** The file; null: `bytes` are its contents, which are lent until the promise settles. */
  path: string | null
  bytes: Uint8Array | null
  /** Threads inside one run, 1..256. */
  intraOpThreads: number
  spinning: boolean
  /** The file was optimised when it was saved. */
  isPrepared: boolean
  /** Number of the GPU, 0..255; -1: the CPU. */
  cudaDevice: number
  /** Dims of the inputs, a run on zeros each, before anybody else runs it. */
  warmUpRuns: readonly (readonly (readonly number[])[])[]
}

export interface SessionField {
  readonly name: string
  /** ONNX TensorProto.DataType; 0: it is no tensor. */
  readonly dtype: number
}

export interface GivenTensor {
  /** Index of the session's input. */
  input: number
  dtype: number
  dims: readonly number[]
  /** Strings where dtype is that of strings; else elements, lent until the call returns. */
  data: ArrayBufferView | readonly string[]
}

export interface ResultTensor {
  readonly dtype: number
  readonly dims: number[]
  readonly data: ArrayBuffer | string[]
}

export interface NativeSessions {
  /**
   * Opens the process's ONNX Runtime, on a thread of its own; once, later calls say what the first found.
   * @param path of the library that onnxruntime-node's binding is linked with.
   * @param version of the package, which the library must name as its own.
   * @returns '' or a clause that says why it cannot be used.
   */
  openOnnxRuntime(path: string, version: string): Promise<string>
  /** Loads a model, on a thread of its own. @returns a handle, or ONNX Runtime's reason. */
  createSession(spec: SessionSpec): Promise<SessionHandle | string>
  /** By which other isolates adopt the session, as long as somebody has a handle of it. */
  sessionId(session: SessionHandle): number
  /** @throws TypeError with code ERR_HANDLE when it is closed. */
  adoptSession(id: number): SessionHandle
  /** The session goes with its last handle. Idempotent. */
  closeSession(session: SessionHandle): void
  sessionFields(session: SessionHandle): { readonly inputs: SessionField[]; readonly outputs: SessionField[] }

  /**
   * Runs the batch in hand, in parts of at most `inputBytesMax` bytes of inputs (Infinity: whole).
   * @param completes hands it on when it has run, as completeBatch.
   * @returns '' or why it was not run; it is then still in hand.
   */
  runBatch(worker: WorkerHandle, session: SessionHandle, inputBytesMax: number, completes: boolean): string
  /** Runs `rowCount` rows of it from `firstRow` on. @returns as runBatch. */
  runRows(
    worker: WorkerHandle,
    session: SessionHandle,
    firstRow: number,
    rowCount: number,
    inputBytesMax: number,
  ): string
  /** What the worker does next with the batch in hand is watched as a run of its own (lookAtWorkers). */
  watchAnew(worker: WorkerHandle): void
  /** A row of an output that was copied into the batch; null: there is none yet. */
  copiedOutput(
    worker: WorkerHandle,
    output: number,
    row: number,
  ): { readonly data: ArrayBuffer; readonly dims: number[] } | null
  /**
   * Runs tensors of JavaScript on the calling thread. @param worker inside which the run can be ended; null: it cannot.
   * @returns all outputs in the session's order, or why it was not run.
   */
  runTensors(
    worker: WorkerHandle | null,
    session: SessionHandle,
    inputs: readonly GivenTensor[],
  ): ResultTensor[] | string
  /**
   * Ends what the worker is inside of since `startNs`: it fails as soon as ONNX Runtime looks, between two nodes of the
   * graph. @returns false: it has ended, or cannot be ended from outside.
   */
  stopRun(runtime: number, worker: number, startNs: number): boolean
}
