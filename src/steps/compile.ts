/** A definition and the models it names → a compiled plan; and a definition in words. */
import type { PipelineDefinition, Step } from '../pipeline/definition.js'
import { type ContractColumns, PlanDraft } from '../pipeline/plan-draft.js'
import type { CompiledPlan, ResolveModel } from '../pipeline/plan.js'
import { kindOf } from './kinds.js'

/**
 * Compiles a definition. Pure: the same models give the same plan.
 * @param definition as parseDefinition returns it.
 * @param resolve finds the version that a reference means now; throws ERR_MODEL_NOT_FOUND.
 * @param contract the columns of the contract that the definition names; null: it names none.
 * @throws PenstockError ERR_PIPELINE_INVALID when steps and models do not fit, naming both sides; what `resolve` throws.
 */
export function compilePlan(
  definition: PipelineDefinition,
  resolve: ResolveModel,
  contract: ContractColumns | null = null,
): CompiledPlan {
  const draft = new PlanDraft(definition, resolve, contract)
  definition.steps.forEach((step, i) => kindOf(step).plan(step, `steps[${i}]`, draft))
  return draft.finish()
}

/** One line for people, e.g. `random-split 2 a@1, 1 b@1 by session`. */
export function describeStep(step: Step): string {
  return kindOf(step).describe(step)
}
