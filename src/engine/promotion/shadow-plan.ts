/**
 * A serving pipeline with a version in the shadow of the one that answers: what is deployed in its place for the time of a gate, and
 * which tensors of the two are compared. Pure.
 */
import { argumentError } from '../../base/expect.js'
import { PenstockError } from '../../base/errors.js'
import { didYouMean } from '../../base/suggest.js'
import type { PipelineDefinition, Step } from '../../pipeline/definition.js'
import { shadowSteps } from '../../steps/index.js'
import type { CompiledPlan, PlanAudit, PlanSource } from '../../pipeline/plan.js'
import type { DeployedContract } from '../contracts.js'
import { aliasOfReference } from '../models/model-references.js'
import { judgedFields } from './answers.js'

const wayOut = 'Judge it by rows of a file instead: --data, or rows over HTTP'

/** What is compared: elements [first, first + count) of the rows of both; count 0: all. */
export interface ComparedPair {
  readonly one: PlanSource
  readonly other: PlanSource
  readonly first: number
  readonly count: number
}

export interface Version {
  readonly name: string
  readonly version: number
}

/**
 * The definition with `candidate` beside each model step that follows the alias; itself, where a shadow step has it there already.
 * @param means what a reference of the definition means now.
 * @throws PenstockError ERR_UNSUPPORTED: the alias stands in another kind of step.
 */
export function withShadow(
  definition: PipelineDefinition,
  alias: string,
  candidate: Version,
  means: (reference: string) => Version | undefined,
): PipelineDefinition {
  const isAlias = (reference: string): boolean => aliasOfReference(reference, candidate.name) === alias
  const isCandidate = (reference: string): boolean => {
    const meant = means(reference)
    return meant?.name === candidate.name && meant.version === candidate.version
  }
  const hasShadow = definition.steps.some(
    (step) => step.type === 'multi-model' && isAlias(step.models[0] ?? '') && step.models.slice(1).some(isCandidate),
  )
  if (hasShadow) return definition
  let count = 0
  const steps = definition.steps.flatMap((step): readonly Step[] => {
    if (step.type !== 'model' || !isAlias(step.model)) return [step]
    count++
    const { tensorFields } = step
    const models = [step.model, `${candidate.name}@${candidate.version}`]
    return shadowSteps(models, tensorFields === undefined ? {} : { tensorFields })
  })
  if (count === 1) return { ...definition, steps }
  throw new PenstockError(
    'ERR_UNSUPPORTED',
    `Expected pipeline ${definition.name} to follow ${candidate.name}@${alias} in one step of type model, or in a shadow step with version ${candidate.version}, but it does in ${count === 0 ? 'none' : count}. ${wayOut}`,
  )
}

/**
 * The tensors that are compared: the contract's prediction, where the model makes it; else the output that is asked for, or all.
 * @throws PenstockError ERR_UNSUPPORTED: requests of the pipeline are not seen by the addon; ERR_ARGUMENT: there is no such prediction.
 */
export function comparedPairs(
  compiled: CompiledPlan,
  champion: Version,
  candidate: Version,
  contract: DeployedContract | null,
  prediction: string | undefined,
): ComparedPair[] {
  const { name } = compiled.definition
  if (compiled.isStringPath)
    throw new PenstockError(
      'ERR_UNSUPPORTED',
      `Expected pipeline ${name} to have tensors of numbers alone, for its live rows to be compared, but it has texts. ${wayOut}`,
    )
  const audit = compiled.audited.find(({ stage, position }) => runs(compiled, stage, position, candidate))
  const positions = audit === undefined ? [] : (compiled.stages[audit.stage]?.positions ?? [])
  const at = positions.findIndex((_, position) => runs(compiled, audit?.stage ?? 0, position, champion))
  if (audit === undefined || at < 0)
    throw new Error(`Expected ${name} to run ${candidate.name}@${candidate.version} beside version ${champion.version}`)
  const names = championOutputs(compiled, champion)
  const pairs = audit.tensors.flatMap(({ field, source }): (ComparedPair & { readonly output: string })[] => {
    const slot = names.indexOf(field.name)
    const one = { ...source, position: at, slots: [slot] }
    return slot < 0 ? [] : [{ output: field.name, one, other: source, first: 0, count: 0 }]
  })
  const isLast = audit.stage === compiled.stages.length - 1
  return chosen(pairs, isLast && compiled.outputTransform === null ? placeIn(compiled, contract, prediction) : null, {
    prediction,
    audit,
  })
}

interface Place {
  readonly output: string
  readonly column: number | null
}

/** Where the contract's prediction lies in the answer. */
function placeIn(
  compiled: CompiledPlan,
  contract: DeployedContract | null,
  prediction: string | undefined,
): Place | null {
  if (contract === null) return null
  const { prediction: field } = judgedFields(contract.contract, prediction)
  const bound = contract.binding.outputs.find(({ field: at }) => contract.contract.outputs[at] === field)
  const output = compiled.outputFields[bound?.output ?? -1]
  return bound === undefined || output === undefined ? null : { output: output.name, column: bound.column }
}

function chosen(
  pairs: readonly (ComparedPair & { readonly output: string })[],
  place: Place | null,
  { prediction, audit }: { readonly prediction: string | undefined; readonly audit: PlanAudit },
): ComparedPair[] {
  const wanted = place?.output ?? prediction
  const found = wanted === undefined ? pairs : pairs.filter(({ output }) => output === wanted)
  const names = pairs.map(({ output }) => output)
  if (found.length === 0)
    throw argumentError(
      'prediction',
      `an output that both versions have: ${names.join(', ') || 'there is none'}`,
      wanted ?? audit.label,
      didYouMean(wanted ?? '', names).replace(/^\. /, ''),
    )
  const column = place?.column ?? null
  return found.map(({ one, other }) => ({ one, other, first: column ?? 0, count: column === null ? 0 : 1 }))
}

function runs(compiled: CompiledPlan, stage: number, position: number, { name, version }: Version): boolean {
  const options = compiled.stages[stage]?.positions[position]?.options ?? []
  const model = options.length === 1 ? compiled.models[options[0]?.model ?? -1] : undefined
  return model?.name === name && model.version === version
}

function championOutputs(compiled: CompiledPlan, champion: Version): string[] {
  const model = compiled.models.find(({ name, version }) => name === champion.name && version === champion.version)
  return model?.signature.outputs.map(({ name }) => name) ?? []
}
