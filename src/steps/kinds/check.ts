/**
 * `check`: a named expression over the request (`in.*`) and the outputs at its place (`out.*`). It says what fails and
 * rejects nothing. Exactly one of `require` (must be true) and `flag` (must not be).
 */
import { CHECK_EXPRESSION_CHARACTERS_MAX, NAME_CHARACTERS_MAX } from '../../base/limits/limits.js'
import { formatTensorName, parseCheck, tensorsOf } from '../../pipeline/check-syntax.js'
import type { CheckStep } from '../../pipeline/definition.js'
import type { StepKind } from '../step.js'
import { stepError, type StepReader } from '../step-reader.js'

export const checkKind: StepKind<CheckStep> = {
  type: 'check',
  keys: ['name', 'require', 'flag'],
  parse: (reader) => {
    const name = readName(reader)
    if (reader.has('require') === reader.has('flag')) {
      const received = reader.has('flag') ? 'both' : 'neither'
      throw reader.error('', 'a check with either require (false fails) or flag (true fails)', received)
    }
    const key = reader.has('flag') ? 'flag' : 'require'
    const expression = reader.text(key, CHECK_EXPRESSION_CHARACTERS_MAX)
    parseCheck(`${reader.where}.${key}`, expression)
    return key === 'flag' ? { type: 'check', name, flag: expression } : { type: 'check', name, require: expression }
  },
  flow: (step, where, outputCount) => {
    const output = tensorsOf(parseCheck(where, expressionOf(step))).find(({ side }) => side === 'out')
    if (outputCount > 0 || output === undefined) return outputCount
    const name = formatTensorName('out', output.name)
    throw stepError(where, 'behind a step that runs a model', name, 'Before it there is only in.*')
  },
  plan: (step, where, draft) => draft.check(where, step),
  describe: (step) =>
    `check ${step.name}: ${step.flag === undefined ? `require ${step.require ?? ''}` : `flag ${step.flag}`}`,
}

function expressionOf(step: CheckStep): string {
  return step.flag ?? step.require ?? ''
}

/** Names become members of answers and columns of logs beside `count`. */
function readName(reader: StepReader): string {
  const name = reader.text('name', NAME_CHARACTERS_MAX)
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
    throw reader.error('name', 'a letter or underscore, then letters, digits, underscores and hyphens', name)
  }
  if (name === 'count') throw reader.error('name', 'another name: count is the number of failures', name)
  return name
}
