/**
 * JSON Schema: the words that the schemas of this folder are written in, and the schemas that follow from the tables of
 * protocol/answers/. What has no table (bodies of requests, answers of the data path, other dialects) is written in words.
 */
import { answerEnums, answerTables } from '../../../../protocol/answers/generated/tables.js'
import type { AnswerField, AnswerName, FieldType, Word } from '../../../../protocol/answers/table.js'

export type Schema = Readonly<Record<string, unknown>>

export const text = { type: 'string' } as const
export const count = { type: 'integer', minimum: 0 } as const
export const number = { type: 'number' } as const
export const duration = { type: 'number', minimum: 0 } as const
export const flag = { type: 'boolean' } as const
export const name = { type: 'string', pattern: '^[A-Za-z0-9-]+$' } as const
/** A pipeline, or a version beside the deployed one. */
export const servedName = { type: 'string', pattern: '^[A-Za-z0-9-]+(\\.v[0-9]+)?$' } as const
export const modelName = { type: 'string', pattern: '^[A-Za-z0-9_-]+$' } as const
export const errorCode = { type: 'string', pattern: '^ERR_[A-Z_]+$' } as const

export const listOf = (items: Schema): Schema => ({ type: 'array', items })
export const mapOf = (values: Schema): Schema => ({ type: 'object', additionalProperties: values })
export const reference = (schema: string): Schema => ({ $ref: `#/components/schemas/${schema}` })

/** An object of exactly these members, of which those in `optional` may be absent. */
export const record = (properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((key) => !optional.includes(key)),
  additionalProperties: false,
})

/** By the names of the tables. */
export function answerSchemas(): Record<string, Schema> {
  return Object.fromEntries(Object.keys(answerTables).map((table) => [table, schemaOf(table as AnswerName)]))
}

function schemaOf(table: AnswerName): Schema {
  const { does, fields } = answerTables[table]
  const sent = fields.filter(({ isInherited }) => isInherited !== true)
  const optional = sent.filter(({ isOptional }) => isOptional === true).map((field) => field.name)
  return { description: does, ...record(Object.fromEntries(sent.map(property)), optional) }
}

function property({ name: key, type, does }: AnswerField): [string, Schema] {
  return [key, { ...typeSchema(type), description: does }]
}

function typeSchema(type: FieldType): Schema {
  switch (type.kind) {
    case 'word':
      return wordSchemas[type.name]
    case 'constant':
      return { const: type.value }
    case 'enum':
      return { enum: answerEnums[type.name] }
    case 'document':
    case 'object':
      return reference(type.name)
    case 'union':
      return { anyOf: type.names.map(reference) }
    case 'nullable':
      return { anyOf: [typeSchema(type.of), { type: 'null' }] }
    case 'list':
      return listOf(typeSchema(type.of))
    case 'map':
      return mapOf(typeSchema(type.of))
  }
}

const wordSchemas: Readonly<Record<Word, Schema>> = {
  text,
  name,
  'model name': modelName,
  time: { type: 'string', format: 'date-time' },
  count,
  number,
  flag,
  true: { const: true },
  dtype: text,
  dims: listOf({ type: ['integer', 'null'] }),
  scalar: { type: ['number', 'string'] },
  label: { type: ['string', 'integer'] },
  'error code': errorCode,
  object: { type: 'object' },
}
