/** `audit`: logs a slice of the current outputs; the data passes unchanged. Slices as in Python: `1:`, `0:2`, `:2`. */
import { POSITIONS_MAX } from '../../base/limits/limits.js'
import type { AuditStep } from '../../pipeline/definition.js'
import type { StepKind } from '../step.js'
import { stepError } from '../step-reader.js'

export const auditKind: StepKind<AuditStep> = {
  type: 'audit',
  keys: ['slice'],
  parse: (reader) => {
    const slice = reader.text('slice')
    if (parseSlice(slice) !== null) return { type: 'audit', slice }
    throw reader.error(
      'slice',
      'start:, start:end or :end with start < end',
      slice,
      'The end is excluded: 0:1 is the first',
    )
  },
  flow: (step, where, outputCount) => {
    const { start, end } = sliceOf(step)
    if (outputCount > 0 && start < outputCount && (end ?? 0) <= outputCount) return outputCount
    const rule = outputCount === 0 ? 'behind a step that runs a model' : `within the ${outputCount} current outputs`
    throw stepError(`${where}.slice`, rule, step.slice)
  },
  plan: (step, where, draft) => {
    const { start, end } = sliceOf(step)
    draft.audit(where, start, end)
  },
  describe: (step) => `audit ${step.slice}`,
}

/** null when the text is no slice, or an empty one. */
function parseSlice(slice: string): { start: number; end: number | null } | null {
  const match = /^(\d{0,4}):(\d{0,4})$/.exec(slice)
  if (match === null || slice === ':') return null
  const start = match[1] === '' ? 0 : Number(match[1])
  const end = match[2] === '' ? null : Number(match[2])
  return start < (end ?? POSITIONS_MAX) ? { start, end } : null
}

function sliceOf({ slice }: AuditStep): { start: number; end: number | null } {
  const parsed = parseSlice(slice)
  if (parsed === null) throw stepError('slice', 'start:, start:end or :end', slice)
  return parsed
}
