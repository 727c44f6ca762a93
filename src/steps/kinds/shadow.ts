/**
 * `shadow`: the champion answers, the challengers run behind it and are logged. Sugar, stored and listed as the three
 * steps it stands for: `multi-model`, `audit "1:"`, `select 0`. To change one later, change those.
 */
import { POSITIONS_MAX } from '../../base/limits/limits.js'
import type { Step } from '../../pipeline/definition.js'
import type { ModelReference } from '../../pipeline/model-reference.js'
import type { SugarKind } from '../step.js'

export const shadowKind: SugarKind = {
  type: 'shadow',
  keys: ['champion', 'challengers', 'tensorFields'],
  expand: (reader) =>
    shadowSteps(
      [reader.reference('champion'), ...reader.references('challengers', POSITIONS_MAX - 1)],
      reader.tensorFields(),
    ),
}

/** @param models the champion, then its challengers. */
export function shadowSteps(
  models: readonly ModelReference[],
  tensorFields: { readonly tensorFields?: readonly string[] | undefined },
): Step[] {
  return [
    { type: 'multi-model', models, ...tensorFields },
    { type: 'audit', slice: '1:' },
    { type: 'select', index: 0 },
  ]
}
