/** `model`: runs one model; its outputs take the place of those before. */
import type { ModelStep } from '../../pipeline/definition.js'
import type { StepKind } from '../step.js'

export const modelKind: StepKind<ModelStep> = {
  type: 'model',
  keys: ['model', 'tensorFields'],
  parse: (reader) => ({ type: 'model', model: reader.reference('model'), ...reader.tensorFields() }),
  flow: () => 1,
  plan: (step, where, draft) => draft.runModels(where, [step.model], step.tensorFields),
  describe: (step) => `model ${step.model}`,
}
