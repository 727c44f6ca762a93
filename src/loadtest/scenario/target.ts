/**
 * What is measured, as the harness sees it outside of the load: its signature, single answers, its metrics. One interface
 * for a Penstock server (targets/penstock-target.ts), any server of the Open Inference Protocol (oip-target.ts) and an engine in a
 * child process (in-process-target.ts).
 */
import type { Meta } from '../../engine/api/api.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { FinishedEvent, IntervalEvent, LoadPhase } from '../native/load-plan.js'
import type { PreparedKind } from './prepared-kind.js'
import type { Signature } from './signature.js'

export interface RunSettings {
  readonly connections: number
  /** WebSocket: requests of one frame at most; absent: 1. */
  readonly requestsPerFrame?: number
  readonly seed: number
  readonly intervalSeconds: number
  readonly phases: readonly LoadPhase[]
}

/** What the report says of the other side. */
export interface TargetDescription {
  /** Such as `Penstock 0.1.0`. */
  readonly server: string
  /** '' for in-process. */
  readonly url: string
  /** 0 where it is unknown or on another machine. */
  readonly pid: number
}

export interface Target {
  readonly description: TargetDescription
  /** @throws when there is no such pipeline or model. */
  signature(pipeline: string): Promise<Signature>
  /** One request, on its own. @throws PenstockError with the server's code and sentence. */
  ask(
    pipeline: string,
    inputs: Readonly<Record<string, Tensor>>,
    meta: Meta | null,
  ): Promise<Readonly<Record<string, Tensor>>>
  /** Text of /metrics, '' where there is none. */
  metrics(): Promise<string>
  run(
    kinds: readonly PreparedKind[],
    settings: RunSettings,
    onInterval: (event: IntervalEvent) => void,
    signal: AbortSignal | undefined,
  ): Promise<FinishedEvent>
  close(): Promise<void>
}
