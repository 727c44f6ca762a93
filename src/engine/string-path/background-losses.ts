/** Counts what the string path loses of its challengers, by pipeline and by model. */
import { countBackgroundLoss } from '../counters/string-path-counters.js'
import type { Deployments } from '../deploy/deployments.js'
import type { LoadedModels } from '../models/loaded-models.js'
import type { StringPathHooks } from './plan-walk.js'

export function backgroundLossCounter(
  deployments: Deployments,
  loaded: LoadedModels,
): StringPathHooks['onBackgroundLoss'] {
  return (deployment, { options: [option] }, rows, { code, message }) => {
    const model = option === undefined ? undefined : deployment.models[option.model]
    if (option === undefined || model === undefined) return
    const counters = deployments.slotOf(deployment.pipeline)?.stringPath
    if (counters !== undefined) countBackgroundLoss(counters, option.label, code, rows)
    loaded.noteBackgroundFailure(model, code, message)
  }
}
