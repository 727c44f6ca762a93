/** `multi-model`: runs several models on the same input, side by side; their outputs stand in the order listed. */
import { POSITIONS_MAX } from '../../base/limits/limits.js'
import type { MultiModelStep } from '../../pipeline/definition.js'
import type { StepKind } from '../step.js'

export const multiModelKind: StepKind<MultiModelStep> = {
  type: 'multi-model',
  keys: ['models', 'tensorFields'],
  parse: (reader) => ({
    type: 'multi-model',
    models: reader.references('models', POSITIONS_MAX),
    ...reader.tensorFields(),
  }),
  flow: (step) => step.models.length,
  plan: (step, where, draft) => draft.runModels(where, step.models, step.tensorFields),
  describe: (step) => `multi-model ${step.models.join(', ')}`,
}
