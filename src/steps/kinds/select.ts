/** `select`: keeps one of the current outputs; what the others' models do from here on is done in the background. */
import { POSITIONS_MAX } from '../../base/limits/limits.js'
import type { SelectStep } from '../../pipeline/definition.js'
import type { StepKind } from '../step.js'
import { stepError } from '../step-reader.js'

export const selectKind: StepKind<SelectStep> = {
  type: 'select',
  keys: ['index'],
  parse: (reader) => ({ type: 'select', index: reader.integer('index', 0, POSITIONS_MAX - 1) }),
  flow: (step, where, outputCount) => {
    if (step.index < outputCount) return 1
    const rule = outputCount === 0 ? 'behind a step that runs a model' : `within the ${outputCount} current outputs`
    throw stepError(`${where}.index`, rule, step.index)
  },
  plan: (step, where, draft) => draft.select(where, step.index),
  describe: (step) => `select ${step.index}`,
}
