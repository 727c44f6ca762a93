/**
 * The contract of a step kind: all that the product knows of one stands in one file of kinds/, behind this interface.
 * To add a kind: its wire type in pipeline/definition.ts, one file in kinds/, one line in kinds.ts, and its method in
 * builder.ts. A test counts them (test/docs/internals.test.ts).
 *
 * A definition is checked twice. `parse` sees one step by itself and as untrusted JSON; `flow` sees how many outputs stand
 * before it; both need no model. `plan` sees the models, at deploy and whenever an alias moves.
 */
import type { Step } from '../pipeline/definition.js'
import type { PlanDraft } from '../pipeline/plan-draft.js'
import type { StepReader } from './step-reader.js'

export interface StepKind<S extends Step = Step> {
  readonly type: S['type']
  /** Members of the wire form besides `type`; any other is refused. */
  readonly keys: readonly string[]
  /** Reads the wire form: its members in the canonical order, absent ones left out. */
  parse(reader: StepReader): S
  /**
   * The number of outputs behind the step.
   * @param outputCount outputs before it; 0 before the first model.
   * @throws PenstockError ERR_PIPELINE_INVALID when the step has no meaning there.
   */
  flow(step: S, where: string, outputCount: number): number
  /** Adds what the step does to the plan. @throws PenstockError ERR_PIPELINE_INVALID, or what resolving a model throws. */
  plan(step: S, where: string, draft: PlanDraft): void
  /** One line for people. */
  describe(step: S): string
}

/** A kind that is written but never stored: it stands for several steps. */
export interface SugarKind {
  readonly type: string
  readonly keys: readonly string[]
  expand(reader: StepReader): Step[]
}
