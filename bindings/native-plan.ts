/** How the addon gets a plan: its stages, their input bindings, its splits and checks. */
import type { LogHandle, NativeField, QueueHandle, SourceSpec } from './native-handles.js'

/** One per input of the branch's model, in the model's order. Stage 0 reads the request's tensor `slot`; later stages a source. */
export interface InputBindingSpec {
  requestInput: number
  source: SourceSpec | null
}

export interface OptionSpec {
  /** What the model is called in timings. */
  label: string
  queue: QueueHandle
  inputBindings: InputBindingSpec[]
}

export interface PositionSpec {
  /** 1 branch, or one per branch of the split in its order. */
  options: OptionSpec[]
  /** Index in `PlanSpec.splits`, or -1. */
  split: number
  /** Nothing of the answer needs it: background priority, shed first, the answer never waits. */
  isBackground: boolean
}

export interface CheckSpec {
  /** Evaluated when this stage's foreground nodes are done. */
  afterStage: number
  /** Instructions of 3 int32 each (opcode, a, b); opcodes in src/pipeline/check-opcodes.json. Leaves 1 = failed, 0 = passed. */
  code: Int32Array
  constants: Float64Array
  sources: SourceSpec[]
}

export type SplitSpec =
  /** u < cumulative[i] (normalised to end at 1) picks branch i; u is drawn, or comes from meta[hashKey]: router.hpp. */
  | {
      kind: 'random'
      cumulative: number[]
      seed: bigint
      hashKey: string | null
      hashSeed: bigint
      /** A request without meta[hashKey] is refused instead of drawn. */
      isRequired: boolean
    }
  /** meta[key] equal to keys[i] picks branch i+1, else branch 0 (the default). */
  | { kind: 'key'; key: string; keys: string[]; isRequired: boolean }

export interface PlanSpec {
  /** Chosen by the engine; `c` of the event answered. */
  planKey: number
  /** The request's tensors in wire order. */
  inputs: NativeField[]
  /** True: tensors carry no row axis of their own; the request is one unit (rows = 1). */
  isNonBatching: boolean
  requestRowsMax: number
  splits: SplitSpec[]
  stages: { positions: PositionSpec[] }[]
  checks: CheckSpec[]
  /** Tensors of the answer, in wire order; all of the last stage, side 1. */
  answer: SourceSpec[]
  /** Tensors of nodes beside the answer's, for requests that ask for them. */
  others: SourceSpec[]
  /** The node of the last stage (a split or not) whose chosen branch is `metadata.route`; -1 when no step splits. */
  routeSplit: number
  /** Where requests are logged when they are completed; null: nowhere. Its columns' sources are this plan's. */
  log: LogHandle | null
  /** Answers that are given again; null, or absent: every request is run. `bytesMax` counts in the runtime's budget too. */
  cache?: { runtime: number; ttlMs: number; bytesMax: number } | null
}
