/** All criteria, in the order of their numbers. */
import { arrowBodyCriterion } from './arrow-body.js'
import { chainCriterion } from './chain.js'
import { checksCriterion } from './checks.js'
import { computeModelCriteria } from './compute-models.js'
import { largeTensorCriterion } from './large-tensor.js'
import { logCriterion } from './log.js'
import { programCriteria } from './programs.js'
import { oipCriterion } from './oip.js'
import { predictionCacheCriterion } from './prediction-cache.js'
import { predictCriterion } from './predict.js'
import { shadowCriterion } from './shadow.js'
import { smallModelCriteria } from './small-model.js'
import { treeModelsCriterion } from './tree-models.js'
import type { Criterion } from './row.js'

export const criteria: readonly Criterion[] = [
  ...smallModelCriteria,
  ...computeModelCriteria,
  chainCriterion,
  shadowCriterion,
  largeTensorCriterion,
  arrowBodyCriterion,
  checksCriterion,
  logCriterion,
  oipCriterion,
  predictCriterion,
  predictionCacheCriterion,
  treeModelsCriterion,
  ...programCriteria,
].sort((left, right) => left.number - right.number)
