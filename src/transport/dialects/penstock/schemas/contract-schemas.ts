/** JSON Schemas of contracts as documents; what the server says of stored ones is derived from its table. */
import { EXTRA_POLICIES, FIELD_ROLES, INVALID_ACTIONS } from '../../../../contract/contract.js'
import { count, flag, listOf, name, record, reference, text, type Schema } from './json-schema.js'

const bound = { type: ['number', 'string'], description: 'A text of the digits where it is beyond 2^53' } as const
const nameOrPosition = { type: ['string', 'integer'] } as const

export const contractReference = {
  type: 'string',
  pattern: '^[A-Za-z0-9-]+(@[0-9]+)?$',
  description: 'The contract of rows and answers: name@version, or a name for the newest when it is stored',
} as const

const field = {
  name: text,
  dtype: { ...text, description: 'A dtype of tensors, timestamp, date or uuid; with a ? at its end it may be missing' },
  role: { enum: FIELD_ROLES },
  class: nameOrPosition,
  estimates: text,
  from: record({ output: nameOrPosition, column: nameOrPosition }, ['column']),
  shape: listOf({ type: ['integer', 'null'], minimum: 1 }),
  min: bound,
  max: bound,
  exclusiveMin: bound,
  exclusiveMax: bound,
  values: listOf({ type: ['number', 'string'] }),
  pattern: { ...text, description: "A regular expression of RE2's class, found somewhere in the text" },
  minLength: count,
  maxLength: count,
  required: flag,
  unique: flag,
  onInvalid: { enum: INVALID_ACTIONS },
  impute: { description: 'A value of the field' },
  description: text,
  unit: text,
} as const

const document = {
  name,
  description: text,
  contacts: listOf(text),
  fields: listOf(reference('ContractField')),
  extra: { enum: EXTRA_POLICIES },
  example: { type: 'object', description: 'A valid row' },
} as const
const optional = ['description', 'contacts', 'extra', 'example']

export const contractSchemas: Readonly<Record<string, Schema>> = {
  ContractField: record(
    field,
    Object.keys(field).filter((key) => key !== 'name' && key !== 'dtype'),
  ),
  Contract: record(document, optional),
  ContractBody: { anyOf: [record(document, ['name', ...optional]), listOf(reference('ContractField'))] },
}
