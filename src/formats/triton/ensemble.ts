/**
 * An ensemble as a pipeline. Triton's steps are a graph over named tensors; a pipeline is a chain, where each step takes the
 * outputs of the one before. So an ensemble becomes a pipeline when its graph is a chain:
 *
 *   request → A → B → answer      every input of a step is the request's, for the first, or an output of the step before
 *
 * and is refused otherwise, with the tensor or the step that is in the way. The order of Triton's steps says nothing; their
 * tensors do. Where a tensor is called otherwise than the model's input, `tensorFields` binds it by its name.
 */
import { argumentError } from '../../base/expect.js'
import type { PenstockError } from '../../base/errors.js'
import type { EnsembleStep, TritonConfig } from './model-config.js'

/** The steps that a chain needs, as definitions of pipelines have them. */
export type ChainStep =
  | { readonly type: 'model'; readonly model: string; readonly tensorFields?: readonly string[] }
  | {
      readonly type: 'transform'
      readonly ops: readonly { readonly op: 'rename'; readonly names: Readonly<Record<string, string>> }[]
    }

/** A model that an ensemble's step names, as the registry has it. */
export interface ImportedModel {
  /** How a step of a pipeline names it. */
  readonly reference: string
  /** Names of its inputs, in the order of the file. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** The steps of a chain in their order. @throws PenstockError ERR_PIPELINE_INVALID with what is no chain. */
export function chainOf({ name, steps, inputs, outputs }: TritonConfig): EnsembleStep[] {
  const fail = (rule: string, value: string, wayOut = ''): PenstockError =>
    argumentError(`the ensemble ${name}`, rule, value, wayOut, 'ERR_PIPELINE_INVALID')
  if (steps.length === 0) throw fail('made of at least one step', 'none')
  const left = new Set(steps)
  const chain: EnsembleStep[] = []
  let present = new Set(inputs)
  while (left.size > 0) {
    const ready = [...left].filter((step) => [...step.inputs.values()].every((tensor) => present.has(tensor)))
    const [next, beside] = ready
    if (next === undefined)
      throw fail('a chain, where each step takes the outputs of the one before', missingOf(left, present))
    if (beside !== undefined)
      throw fail('a chain', `${next.model} beside ${beside.model}`, 'Write a pipeline with a multi-model step by hand')
    if (next.inputs.size === 0) throw fail('made of steps with an input_map', next.model)
    left.delete(next)
    chain.push(next)
    present = new Set(next.outputs.values())
  }
  const lost = outputs.find((output) => !present.has(output))
  if (lost !== undefined)
    throw fail('a chain whose last step gives all outputs', `${lost}, which an earlier step gives or none`)
  return chain
}

/**
 * The steps of the pipeline.
 * @param models of the chain's steps, one each.
 * @throws PenstockError ERR_PIPELINE_INVALID for names that the models do not have, or that an answer would lose.
 */
export function pipelineSteps(
  config: TritonConfig,
  chain: readonly EnsembleStep[],
  models: readonly ImportedModel[],
): ChainStep[] {
  const steps: ChainStep[] = []
  /** From a tensor of the ensemble to the name that it has in the pipeline. */
  let names = new Map(config.inputs.map((input) => [input, input]))
  chain.forEach((step, index) => {
    const model = models[index] as ImportedModel
    expectNames(config, step, model)
    // The request's inputs and outputs of the step before alone are there, as chainOf has seen.
    const bound = model.inputs.map((input) => names.get(step.inputs.get(input) ?? '') as string)
    const isOwn = bound.every((name, position) => name === model.inputs[position])
    steps.push({ type: 'model', model: model.reference, ...(isOwn ? {} : { tensorFields: bound }) })
    names = new Map([...step.outputs].map(([output, tensor]) => [tensor, output]))
  })
  const renamed = config.outputs.flatMap((tensor) =>
    names.get(tensor) === tensor ? [] : [[names.get(tensor) as string, tensor]],
  )
  if (renamed.length > 0)
    steps.push({
      type: 'transform',
      ops: [{ op: 'rename', names: Object.fromEntries(renamed) as Record<string, string> }],
    })
  return steps
}

function expectNames(config: TritonConfig, { model, inputs, outputs }: EnsembleStep, imported: ImportedModel): void {
  const what = `the step ${model} of the ensemble ${config.name}`
  const unbound = imported.inputs.find((input) => !inputs.has(input))
  if (unbound !== undefined)
    throw argumentError(what, `a step that binds every input of the model`, unbound, '', 'ERR_PIPELINE_INVALID')
  for (const [kind, named, own] of [
    ['inputs', inputs, imported.inputs],
    ['outputs', outputs, imported.outputs],
  ] as const) {
    const other = [...named.keys()].find((name) => !own.includes(name))
    if (other !== undefined)
      throw argumentError(
        what,
        `a step that names ${kind} of the model (${own.join(', ')})`,
        other,
        '',
        'ERR_PIPELINE_INVALID',
      )
  }
}

function missingOf(left: ReadonlySet<EnsembleStep>, present: ReadonlySet<string>): string {
  const [step] = left
  const tensor = [...(step?.inputs.values() ?? [])].find((name) => !present.has(name))
  return `${step?.model ?? ''}, which takes ${tensor ?? ''}`
}
