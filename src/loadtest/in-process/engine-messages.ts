/**
 * What the in-process target and its child process say to each other, over Node's IPC channel with structured clone, so
 * that tensors keep their dtype. The child answers every call, and sends the events of a run as they happen.
 */
import type { Meta } from '../../engine/api/api.js'
import type { FinishedEvent, IntervalEvent, LoadPhase } from '../native/load-plan.js'
import type { Inputs, PreparedBody } from '../scenario/prepared-kind.js'
import type { Tolerance } from '../scenario/scenario.js'
import type { Signature } from '../scenario/signature.js'

/** Where the child's engine gets its pipelines from. */
export type EngineSource =
  /** models/<model>/model.onnx, contracts/<name>.json and pipelines/<name>.json, as `serve --examples` takes them. */
  | { readonly kind: 'examples'; readonly directory: string }
  /** A directory of state that no server uses. */
  | { readonly kind: 'home'; readonly path: string }
  /** One .onnx file; every pipeline that is asked for is one step that runs it. */
  | { readonly kind: 'model'; readonly path: string }

/** One kind of request, as the child sends it. */
export interface EngineKind {
  readonly name: string
  readonly weight: number
  readonly pipeline: string
  readonly rows: number
  readonly meta: Meta | null
  readonly bodies: readonly PreparedBody[]
  readonly tolerance: Tolerance
  /** HTTP status of the expected refusal; null: an answer. */
  readonly refusalStatus: number | null
}

export interface EngineLoad {
  readonly kinds: readonly EngineKind[]
  readonly phases: readonly LoadPhase[]
  /** Closed loops keep connections × in flight on the way. */
  readonly connections: number
  readonly seed: number
  readonly intervalSeconds: number
}

export interface EngineCalls {
  open: { argument: EngineSource; result: null }
  signature: { argument: string; result: Signature }
  ask: { argument: { pipeline: string; inputs: Inputs; meta: Meta | null }; result: Inputs }
  metrics: { argument: null; result: string }
  run: { argument: EngineLoad; result: FinishedEvent }
}

export type EngineCall = {
  [Name in keyof EngineCalls]: {
    readonly id: number
    readonly call: Name
    readonly argument: EngineCalls[Name]['argument']
  }
}[keyof EngineCalls]

export type EngineReply =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  /** `code` is '' for an error that has none: a bug. */
  | { readonly kind: 'error'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly kind: 'interval'; readonly event: IntervalEvent }
