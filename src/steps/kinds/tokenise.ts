/**
 * `tokenise`: a column of texts becomes the columns of tokens that encoders take, by a tokenizer.json of the registry. It
 * stands before the first step that runs a model; src/text does it.
 */
import { TOKENS_MAX } from '../../base/limits/text-limits.js'
import { TRANSFORM_TEXT_CHARACTERS_MAX } from '../../base/limits/transform-limits.js'
import { matchContractReference as matchReference } from '../../contract/contract.js'
import type { TokeniseStep } from '../../pipeline/definition.js'
import { compileTokenise } from '../../text/tokenise.js'
import type { StepKind } from '../step.js'
import type { StepReader } from '../step-reader.js'
import { readInputs } from './column-inputs.js'

const PADDINGS = ['longest', 'max-length'] as const
const TRUNCATIONS = ['right', 'left', 'none'] as const

export const tokeniseKind: StepKind<TokeniseStep> = {
  type: 'tokenise',
  keys: ['column', 'tokenizer', 'maxLength', 'padding', 'padToMultipleOf', 'truncation', 'inputs'],
  parse: (reader) => {
    const step = {
      type: 'tokenise' as const,
      column: reader.text('column', TRANSFORM_TEXT_CHARACTERS_MAX),
      tokenizer: readTokenizer(reader),
      ...(reader.has('maxLength') ? { maxLength: reader.integer('maxLength', 1, TOKENS_MAX) } : {}),
      ...(reader.has('padding') ? { padding: readOneOf(reader, 'padding', PADDINGS) } : {}),
      ...(reader.has('padToMultipleOf') ? { padToMultipleOf: reader.integer('padToMultipleOf', 1, TOKENS_MAX) } : {}),
      ...(reader.has('truncation') ? { truncation: readOneOf(reader, 'truncation', TRUNCATIONS) } : {}),
      ...(reader.has('inputs') ? { inputs: readInputs(reader) } : {}),
    }
    if (step.padding === 'max-length' && step.maxLength === undefined)
      throw reader.error('maxLength', 'there, for every row is padded to it', undefined)
    return step
  },
  flow: (_, __, outputCount) => outputCount,
  plan: (step, where, draft) => {
    const alone = [{ name: step.column, dtype: 'string' as const }]
    draft.stage(where, step, (table) => compileTokenise(step, where, table), step.inputs, alone)
  },
  describe: ({ column, tokenizer, maxLength }) =>
    `tokenise ${column} by ${tokenizer}${maxLength === undefined ? '' : `, ${maxLength} tokens at most`}`,
}

function readTokenizer(reader: StepReader): string {
  const value = reader.get('tokenizer')
  if (typeof value === 'string' && matchReference(value) !== null) return value
  throw reader.error(
    'tokenizer',
    'the name or name@version of a tokenizer',
    value,
    'Add one with `penstock tokenizer add`',
  )
}

function readOneOf<const T extends string>(reader: StepReader, key: string, allowed: readonly T[]): T {
  const value = reader.get(key)
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw reader.error(key, `one of ${allowed.join(', ')}`, value)
  return found
}
