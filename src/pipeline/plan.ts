/**
 * A compiled pipeline version: plain data, checked once, from which the engine makes the addon's plan (PlanSpec of
 * bindings/, mirrored here member by member) or walks the string path itself.
 *
 *   stage 0: [node 0: one model | a split's branches] [node 1 …]  →  stage 1 …  →  answer
 *
 * A stage is a step that runs models; a node is one model of it, or one split (in code: Position). Models are indexes
 * into `models`: the engine puts its queues in their place. Arrays are mutable only so that they fit the addon's types;
 * nobody changes them.
 */
import type { SourceSideCode } from '../base/generated/boundary.js'
import type { TensorField } from '../tensor/tensor.js'
import type { TransformProgram } from '../transforms/program/compile.js'
import type { CheckNode } from './check-program.js'
import type { PlanChain } from './columns/stage.js'
import type { PipelineDefinition } from './definition.js'
import type { ModelReference } from './model-reference.js'

/** A model version as compilation needs it; ModelVersion of the engine's API is one. */
export interface ResolvedModel {
  readonly name: string
  readonly version: number
  readonly sha256: string
  readonly signature: {
    readonly inputs: readonly TensorField[]
    readonly outputs: readonly TensorField[]
    readonly batching: 'rows' | 'row' | 'whole'
    readonly remark?: string
  }
}

/** Finds the version that a reference means now. @throws PenstockError ERR_MODEL_NOT_FOUND. */
export type ResolveModel = (reference: ModelReference) => ResolvedModel

/** dtype is the ONNX code; dims exclude the row axis unless the plan is non-batching; -1 is free. */
export interface PlanField {
  dtype: number
  dims: number[]
}

/**
 * Where a value is found: tensor `slots[option]` of what the node (stage, position) ran; of a plan without stages, tensor
 * `slots[0]` of what its columns became.
 */
export interface PlanSource {
  stage: number
  position: number
  side: SourceSideCode
  slots: number[]
}

/** One per input of the branch's model, in its order. Stage 0 reads the request, later stages the stage before. */
export interface PlanInputBinding {
  /** Index in `inputs`; -1 when there is a source. */
  requestInput: number
  source: PlanSource | null
}

export interface PlanOption {
  /** Index in `models`. */
  model: number
  /** How answers, routes and logs call it: the model's name when no other model of the step has it, else the reference. */
  label: string
  inputBindings: PlanInputBinding[]
}

export interface PlanPosition {
  options: PlanOption[]
  /** Index in `splits`, or -1. */
  split: number
  /** Neither answer, nor later stage, nor check reads it: low priority, and the answer never waits. */
  isBackground: boolean
}

export type PlanSplit =
  /** seed null: the engine draws one. */
  | {
      kind: 'random'
      cumulative: number[]
      seed: bigint | null
      hashKey: string | null
      hashSeed: bigint
      isRequired: boolean
    }
  | { kind: 'key'; key: string; keys: string[]; isRequired: boolean }

export interface PlanCheck {
  name: string
  expression: string
  /** The truth of the expression that is a failure: true for `flag`, false for `require`. */
  failsWhen: boolean
  afterStage: number
  /** Both empty when the check compares texts: then the plan is plain. */
  code: Int32Array
  constants: Float64Array
  sources: PlanSource[]
  /** For checkFails of check-evaluate.ts. */
  node: CheckNode
}

/** A node whose outputs are logged though they are not (all of) the answer. */
export interface PlanAudit {
  stage: number
  position: number
  label: string
  tensors: { field: TensorField; source: PlanSource }[]
}

/** The column that becomes a tensor, and the dims of a row that it takes; null: those that the column has. */
export interface PlanInputColumn {
  readonly name: string
  readonly rowDims: readonly (number | null)[]
}

/** Makes the plan's inputs out of what callers send. */
export interface PlanInputTransform {
  readonly program: TransformProgram
  /** By index in `inputFields`. */
  readonly columns: readonly PlanInputColumn[]
}

export interface CompiledPlan {
  definition: PipelineDefinition
  /** Distinct by name and version. */
  models: ResolvedModel[]

  inputs: PlanField[]
  isNonBatching: boolean
  splits: PlanSplit[]
  stages: { positions: PlanPosition[] }[]
  checks: PlanCheck[]
  answer: PlanSource[]
  /** Index in `splits` of the last split, or -1. */
  routeSplit: number

  /** String tensors somewhere, or no model: the addon never sees this plan. */
  isStringPath: boolean
  /** In the order of `inputs`; row axis null first, or the whole shape. */
  inputFields: TensorField[]
  /** In the order of `answer`. */
  outputFields: TensorField[]
  /** What callers send and get: the plan's own fields, but for what transforms make of them. */
  callerInputs: TensorField[]
  callerOutputs: TensorField[]
  /** null: callers send the plan's inputs. */
  inputChain: PlanChain | null
  /** What of the chain's columns becomes what: by index in `inputFields`, or, where no model runs, in `outputFields`. */
  inputColumns: readonly PlanInputColumn[]
  /** null: callers get the plan's outputs. */
  outputChain: PlanChain | null
  /** What it takes besides the plan's outputs: columns in front of the models, by name. */
  carriedColumns: readonly string[]
  /** The chains again where they are one program each, which the addon can run by itself; null: they are not. */
  inputTransform: PlanInputTransform | null
  outputTransform: TransformProgram | null
  /** In the order of `inputs`: where the log reads them back. */
  inputSources: PlanSource[]
  audited: PlanAudit[]
  /** Keys of requests that the log has a column of because of the pipeline's contract; set once that is bound. */
  logKeys: readonly string[]
  /** Labels of the last split's branches; [] without one. */
  routes: string[]
}

/** Whether clients of `a` may go on under `b`: the same tensors, checks and routes in the same order. */
export function plansHaveEqualSignature(a: CompiledPlan, b: CompiledPlan): boolean {
  return signatureText(a) === signatureText(b)
}

function signatureText(plan: CompiledPlan): string {
  const fields = (list: readonly TensorField[]) => list.map(({ name, dtype, shape }) => [name, dtype, shape])
  const checks = plan.checks.map(({ name }) => name)
  const { isNonBatching, isStringPath, routes } = plan
  return JSON.stringify([
    fields(plan.callerInputs),
    fields(plan.callerOutputs),
    checks,
    routes,
    isNonBatching,
    isStringPath,
  ])
}

/** Assigns the labels of one step's models. @param references as written; the same number of each. */
export function labelModels(references: readonly ModelReference[], models: readonly ResolvedModel[]): string[] {
  const names = models.map(({ name }) => name)
  const labels = names.map((name, i) => (isRepeated(names, name) ? (references[i] as string) : name))
  const seen = new Map<string, number>()
  return labels.map((label) => {
    const count = (seen.get(label) ?? 0) + 1
    seen.set(label, count)
    return count === 1 ? label : `${label}#${count}`
  })
}

function isRepeated(names: readonly string[], name: string): boolean {
  return names.indexOf(name) !== names.lastIndexOf(name)
}
