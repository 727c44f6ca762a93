/**
 * A pipeline as pure data: exactly what is stored, sent and compared. Untrusted JSON becomes one in steps/parse.ts,
 * steps/builder.ts makes it pleasant to write, and plan-draft.ts makes it run. docs/reference/steps.md has the wire forms.
 */
import type { Dtype } from '../tensor/tensor.js'
import type { TransformOp } from '../transforms/program/definition.js'
import type { ModelReference } from './model-reference.js'
import type { RemoteStep } from './remote-step.js'
import type { TransformInput } from './transform-input.js'

export type { RemoteOptions, RemoteOutput, RemoteSecret, RemoteStep } from './remote-step.js'
export type { TransformInput } from './transform-input.js'

interface RunsModels {
  /** Names, by position, under which the models' inputs are bound. */
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
  /** true: a request without the key is refused instead of taking the default. */
  readonly required?: boolean | undefined
}
export interface RandomSplitStep extends RunsModels {
  readonly type: 'random-split'
  readonly options: readonly { readonly weight: number; readonly model: ModelReference }[]
  readonly hashKey?: string | undefined
  /** Seeds the hash of `hashKey`'s texts: another one deals them anew. Unsigned 64-bit, decimal; absent: 0. */
  readonly hashSeed?: string | undefined
  /** true: a request without `hashKey` is refused instead of drawn at random. */
  readonly required?: boolean | undefined
  /** Unsigned 64-bit integer in decimal; absent: a fresh one at each deploy. */
  readonly seed?: string | undefined
}
/** Makes columns of tokens out of a column of texts: input_ids, attention_mask and token_type_ids, int64 [tokens] a row. */
export interface TokeniseStep {
  readonly type: 'tokenise'
  /** The column of texts. It does not stay. */
  readonly column: string
  /** `mini@1`; stored with its version. */
  readonly tokenizer: string
  /** Tokens of a row, those that frame it included; absent: as the tokenizer says, else 512. */
  readonly maxLength?: number | undefined
  /** Absent: `longest`, to the longest row of the request. */
  readonly padding?: 'longest' | 'max-length' | undefined
  /** With `longest`: up to the next multiple of it; absent: 16. */
  readonly padToMultipleOf?: number | undefined
  /** Which end of a text that is too long is cut off; `none`: it is refused. Absent: as the tokenizer says, else `right`. */
  readonly truncation?: 'right' | 'left' | 'none' | undefined
  /** What callers send; absent: as the contract says, or the texts alone. */
  readonly inputs?: readonly TransformInput[] | undefined
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

/** Operations on named columns, before the first step that runs a model or behind the last. */
export interface TransformStep {
  readonly type: 'transform'
  readonly ops: readonly TransformOp[]
  /** What callers send, where no contract says it; in the first transform before the models alone. */
  readonly inputs?: readonly TransformInput[] | undefined
}

/** A column that the step adds. */
export interface LookupColumn {
  readonly name: string
  /** With `?`: rows of the table may have no value. Floats say that by NaN and never have it. */
  readonly dtype: Dtype | `${Dtype}?`
  /** Dims of a row; absent: one value. */
  readonly shape?: readonly number[] | undefined
  /** Its name in the table; absent: the same. */
  readonly from?: string | undefined
}

/** A column of the request, and of the table. */
export interface LookupKey {
  readonly name: string
  readonly from: string
}

export interface LookupStep {
  readonly type: 'lookup'
  /** A file of the folder of tables: `customers.parquet`. */
  readonly table: string
  readonly key: readonly (string | LookupKey)[]
  readonly columns: readonly LookupColumn[]
  /** A row of the request of which the table has none: it refuses the request (absent: this), or is flagged. */
  readonly onMissing?: 'refuse' | 'flag' | undefined
  /** The bool column that says whether the table has a row; with `flag`, and with nothing else. */
  readonly flag?: string | undefined
  /** The newest row of a key whose `column` is not after the request's `at`. */
  readonly asOf?: { readonly column: string; readonly at: string } | undefined
  readonly inputs?: readonly TransformInput[] | undefined
}

/** A column that a script answers. */
export interface ScriptOutput {
  readonly name: string
  /** `int64?` may be missing. */
  readonly dtype: Dtype | `${Dtype}?`
  /** Dims of a row; absent: one value. */
  readonly shape?: readonly number[] | undefined
}
/** A user's module that takes columns and answers columns, before the first step that runs a model or behind the last. */
export interface ScriptStep {
  readonly type: 'script'
  /** The name of the file that it was read from; its extension says what it is written in. */
  readonly file: string
  /** Hexadecimal, of the source's UTF-8 bytes. */
  readonly sha256: string
  readonly source: string
  /** Names of the columns that it is called with. */
  readonly columns: readonly string[]
  readonly outputs: readonly ScriptOutput[]
  /** Names of the columns in front of it that stay behind it; absent: all. */
  readonly keep?: readonly string[] | undefined
  /** Milliseconds of one run; absent: 1000. */
  readonly timeoutMs?: number | undefined
  /** JavaScript heap of a thread, in MiB; absent: 128. */
  readonly memoryMib?: number | undefined
  /** Absent: 1. */
  readonly threads?: number | undefined
  readonly inputs?: readonly TransformInput[] | undefined
}
/** As it may be written: the hash is computed. */
export type ScriptStepInput = Omit<ScriptStep, 'type' | 'sha256'> & { readonly sha256?: string | undefined }

/** What is stored and listed. */
export type Step =
  | ModelStep
  | MultiModelStep
  | AuditStep
  | SelectStep
  | KeySplitStep
  | RandomSplitStep
  | CheckStep
  | TransformStep
  | LookupStep
  | TokeniseStep
  | ScriptStep
  | RemoteStep
/** What may be written. */
export type StepInput = Step | ShadowStep | (ScriptStepInput & { readonly type: 'script' })

/**
 * off: no row is written · sampled: of a share of the requests, as async · async: rows are on the disk within about a
 * second · committed: an answer is sent when its rows are on the disk.
 */
export const DURABILITIES = ['off', 'sampled', 'async', 'committed'] as const
export type Durability = (typeof DURABILITIES)[number]

export interface LogRetention {
  /** Rows older than this go. */
  readonly ageHours?: number | undefined
  /** The oldest rows go when the pipeline's log is larger than this. */
  readonly bytes?: number | undefined
}

/** What is logged of a pipeline, and what happens while the log cannot be written. */
export interface LogPolicy {
  readonly durability: Durability
  /** Share of the requests, above 0, at most 1. With `sampled`, and with nothing else. */
  readonly sampleRate?: number | undefined
  /** While the log cannot be written: `refuse` new requests, or `answer` them (absent: this). */
  readonly onFailure?: 'answer' | 'refuse' | undefined
  readonly retention?: LogRetention | undefined
  /**
   * Routing keys and extra columns that are logged, by name, beside the caller's id of the request; absent: those on which
   * the splits route.
   */
  readonly keys?: readonly string[] | undefined
}

/** The key under which the caller's own id of a request travels in its meta. */
export const REQUEST_ID_KEY = 'x-request-id'

/** Answers that are given again to whoever asks the same. */
export interface CachePolicy {
  /** How long an answer may be given again. */
  readonly ttlSeconds: number
  /** What inputs and answers may take together; beyond it the least recently asked go. */
  readonly maxBytes: number
}

export interface PipelineDefinition {
  /** ^[A-Za-z0-9-]+$ */
  readonly name: string
  readonly steps: readonly Step[]
  /** The contract of its rows and answers, `wine@2`; stored with its version. Absent: none. */
  readonly contract?: string | undefined
  /** Absent: async, by default retention. */
  readonly log?: LogPolicy | undefined
  /** Absent: every request is run. */
  readonly cache?: CachePolicy | undefined
}

/** The policy of a definition that says nothing of it. */
export const defaultLogPolicy: LogPolicy = { durability: 'async' }

/** The models that a step runs, in order: of a split, its options, the default first. */
export function modelsOfStep(step: Step): readonly ModelReference[] {
  switch (step.type) {
    case 'model':
      return [step.model]
    case 'multi-model':
      return step.models
    case 'key-split':
      return [step.default, ...Object.values(step.options)]
    case 'random-split':
      return step.options.map(({ model }) => model)
    case 'audit':
    case 'select':
    case 'check':
    case 'transform':
    case 'lookup':
    case 'tokenise':
    case 'script':
    case 'remote':
      return []
  }
}

/** Steps that take and leave columns and are no transforms: one of them can make the answer where no step runs a model. */
export function isColumnStage({ type }: Step): boolean {
  return stageTypes.has(type)
}

const stageTypes: ReadonlySet<string> = new Set<Step['type']>(['lookup', 'tokenise', 'script', 'remote'])

/** The distinct models of a pipeline, in the order of their first use. */
export function modelReferences(definition: PipelineDefinition): ModelReference[] {
  return [...new Set(definition.steps.flatMap(modelsOfStep))]
}

/** The one JSON text of a definition: keys sorted, absent members dropped. Equal texts are equal definitions. */
export function canonicalJson(definition: PipelineDefinition): string {
  return JSON.stringify(definition, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    // fromEntries defines, so that a routing key called __proto__ stays a key.
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** Whether both say the same, whatever the order of their keys: redeploying an equal one makes no new version. */
export function definitionsEqual(a: PipelineDefinition, b: PipelineDefinition): boolean {
  return canonicalJson(a) === canonicalJson(b)
}
