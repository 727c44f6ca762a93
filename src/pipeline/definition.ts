/**
 * A pipeline as pure data: exactly what is stored, sent and compared. No behaviour; `builder.ts` makes it pleasant to
 * write and `plan.ts` makes it run. Wire forms are DESIGN's table of steps.
 */
/** `name`, `name@alias` or `name@3`; without a suffix the newest version. */
export type ModelReference = string

interface RunsModels {
  /** Names, by position, under which the models' inputs are fed. */
  readonly tensorFields?: readonly string[] | undefined
}
export interface ModelStep extends RunsModels {
  readonly type: 'model'
  readonly model: ModelReference
}
export interface MultiModelStep extends RunsModels {
  readonly type: 'multi-model'
  readonly models: readonly ModelReference[]
}
export interface AuditStep {
  readonly type: 'audit'
  readonly slice: string
}
export interface SelectStep {
  readonly type: 'select'
  readonly index: number
}
export interface KeySplitStep extends RunsModels {
  readonly type: 'key-split'
  readonly default: ModelReference
  readonly key: string
  readonly options: Readonly<Record<string, ModelReference>>
}
export interface RandomSplitStep extends RunsModels {
  readonly type: 'random-split'
  readonly options: readonly { readonly weight: number; readonly model: ModelReference }[]
  readonly hashKey?: string | undefined
  /** Unsigned 64-bit integer in decimal; absent: a fresh one at each deploy. */
  readonly seed?: string | undefined
}
/** Sugar: expanded to multi-model, audit "1:", select 0 before it is stored. */
export interface ShadowStep extends RunsModels {
  readonly type: 'shadow'
  readonly champion: ModelReference
  readonly challengers: readonly ModelReference[]
}
/** Exactly one of require (false = failure) and flag (true = failure). */
export interface CheckStep {
  readonly type: 'check'
  readonly name: string
  readonly require?: string | undefined
  readonly flag?: string | undefined
}

/** What is stored and listed. */
export type Step = ModelStep | MultiModelStep | AuditStep | SelectStep | KeySplitStep | RandomSplitStep | CheckStep
/** What may be written. */
export type StepInput = Step | ShadowStep

export interface PipelineDefinition {
  /** ^[A-Za-z0-9-]+$ */
  readonly name: string
  readonly steps: readonly Step[]
}
