/** The table of step kinds: the only place that knows them all. */
import type { Step } from '../pipeline/definition.js'
import { auditKind } from './kinds/audit.js'
import { checkKind } from './kinds/check.js'
import { keySplitKind } from './kinds/key-split.js'
import { lookupKind } from './kinds/lookup.js'
import { modelKind } from './kinds/model.js'
import { multiModelKind } from './kinds/multi-model.js'
import { randomSplitKind } from './kinds/random-split.js'
import { scriptKind } from './kinds/script.js'
import { remoteKind } from './kinds/remote.js'
import { selectKind } from './kinds/select.js'
import { shadowKind } from './kinds/shadow.js'
import { tokeniseKind } from './kinds/tokenise.js'
import { transformKind } from './kinds/transform.js'
import type { StepKind, SugarKind } from './step.js'

const kinds: { readonly [T in Step['type']]: StepKind<Extract<Step, { type: T }>> } = {
  model: modelKind,
  'multi-model': multiModelKind,
  audit: auditKind,
  select: selectKind,
  'key-split': keySplitKind,
  'random-split': randomSplitKind,
  check: checkKind,
  transform: transformKind,
  lookup: lookupKind,
  tokenise: tokeniseKind,
  script: scriptKind,
  remote: remoteKind,
}
const sugars: Readonly<Record<string, SugarKind>> = { shadow: shadowKind }

/** All that may stand as `type`. */
export const STEP_TYPES: readonly string[] = [...Object.keys(kinds), ...Object.keys(sugars)]

/** The kind of a stored step. */
export function kindOf<S extends Step>(step: S): StepKind<S> {
  // Each kind takes the steps of its own type, which is how it was found.
  return kinds[step.type] as unknown as StepKind<S>
}

/** The kind that `type` names in untrusted JSON. */
export function findKind(type: unknown): StepKind | SugarKind | undefined {
  if (typeof type !== 'string') return undefined
  if (Object.hasOwn(kinds, type)) return kinds[type as Step['type']]
  return Object.hasOwn(sugars, type) ? sugars[type] : undefined
}
