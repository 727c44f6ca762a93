/** `key-split`: each row goes to the model that `options` has for meta[key], else to the default. */
import { META_TEXT_CHARACTERS_MAX, OPTIONS_MAX } from '../../base/limits/limits.js'
import { modelsOfStep, type KeySplitStep } from '../../pipeline/definition.js'
import type { ModelReference } from '../../pipeline/model-reference.js'
import type { StepKind } from '../step.js'
import type { StepReader } from '../step-reader.js'

export const keySplitKind: StepKind<KeySplitStep> = {
  type: 'key-split',
  keys: ['default', 'key', 'options', 'required', 'tensorFields'],
  parse: (reader) => ({
    type: 'key-split',
    default: reader.reference('default'),
    key: reader.text('key'),
    options: readOptions(reader),
    ...(reader.has('required') ? { required: reader.boolean('required') } : {}),
    ...reader.tensorFields(),
  }),
  flow: () => 1,
  plan: (step, where, draft) => {
    const keys = Object.keys(step.options)
    const split = { kind: 'key' as const, key: step.key, keys, isRequired: step.required === true }
    draft.runSplit(where, modelsOfStep(step), split, step.tensorFields)
  },
  describe: (step) => {
    const options = Object.entries(step.options).map(([value, model]) => `${value}: ${model}`)
    return `key-split on ${step.key}${step.required === true ? ', required' : ''}: ${options.join(', ')}, else ${step.default}`
  },
}

function readOptions(reader: StepReader): Record<string, ModelReference> {
  const options = Object.entries(reader.object('options'))
  // The default is an option too.
  if (options.length < 1 || options.length > OPTIONS_MAX - 1) {
    throw reader.error('options', `an object of 1..${OPTIONS_MAX - 1} members`, `${options.length} members`)
  }
  // fromEntries defines, so that a value called __proto__ is a key like any other.
  return Object.fromEntries(
    options.map(([value, model]) => {
      if (value.length > META_TEXT_CHARACTERS_MAX) {
        throw reader.error('options', `keyed by texts of at most ${META_TEXT_CHARACTERS_MAX} characters`, value)
      }
      return [value, reader.toReference(`options.${value}`, model)]
    }),
  )
}
