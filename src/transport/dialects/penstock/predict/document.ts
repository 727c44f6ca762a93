/**
 * What OpenAPI says of each pipeline that names a contract: an address of its own with the schema of its rows and answers,
 * and the contract's example, so that a page which tries addresses out can try this one without a word.
 */
import { answerFields } from '../../../../contract/answer-fields.js'
import { answerSchema, fieldSchema, type JsonSchema, rowSchema } from '../../../../contract/derived/json-schema.js'
import { PROBLEMS_MEMBER } from '../../../../contract/contract.js'
import type { ServedContract } from '../../../../engine/api/api.js'
import type { ResolvedContract, ResolvedField } from '../../../../contract/resolve.js'
import { REQUEST_ROWS_MAX } from '../../../../base/limits/limits.js'
import { INFER } from '../../../access/scopes.js'
import { ARROW_FILE_TYPE, ARROW_STREAM_TYPE, CSV_TYPE, LINES_TYPE, PARQUET_TYPE } from '../../../http/media-types.js'
import { JSON_TYPE } from '../../../http/replies.js'
import { optionHeaders } from '../header-options.js'
import { LOGGED_ID_HEADER, PROBLEMS_HEADER } from '../../../header-options.js'
import { errorResponse, headerParameters, securityOf, type DeployedDocument } from '../schemas/openapi.js'
import { reference, type Schema } from '../schemas/json-schema.js'
import { besideFields } from '../schemas/predict-schemas.js'
import { topicOf } from '../schemas/topics.js'

/** The forms of rows beside one JSON text, which JSON Schema has no word for. */
export const plainBodies: readonly string[] = [LINES_TYPE, CSV_TYPE, ARROW_FILE_TYPE, ARROW_STREAM_TYPE, PARQUET_TYPE]

const answerHeaders: Schema = {
  [LOGGED_ID_HEADER]: { description: 'What the log calls the request', schema: { type: 'string' } },
  [PROBLEMS_HEADER]: {
    description: 'How many values something was found in and did not refuse the request; absent: none',
    schema: { type: 'integer', minimum: 1 },
  },
}

/** Paths and schemas of the pipelines. */
export function predictDocument(served: readonly ServedContract[]): DeployedDocument {
  const paths: Record<string, unknown> = {}
  const schemas: Record<string, unknown> = {}
  for (const one of served) {
    const { pipeline, contract } = one
    schemas[`Predict.${pipeline}.row`] = rowSchema(contract)
    schemas[`Predict.${pipeline}.answer`] = namedAnswer(contract)
    paths[`/predict/${pipeline}`] = { post: operation(one) }
  }
  return { paths, schemas }
}

function operation({ pipeline, reference: name, contract }: ServedContract): Schema {
  const { description, example } = contract.contract
  const oneOrMore = (schema: string): Schema => ({
    anyOf: [reference(schema), { type: 'array', items: reference(schema), maxItems: REQUEST_ROWS_MAX }],
  })
  const examples = example === undefined ? {} : { example }
  return {
    operationId: `postPredict_${pipeline}`,
    summary: description ?? `Answers rows of the contract ${name}`,
    tags: [topicOf(`/predict/${pipeline}`)],
    security: [{}, ...securityOf(INFER)],
    parameters: headerParameters({ headers: optionHeaders }),
    requestBody: {
      required: true,
      content: {
        [JSON_TYPE]: { schema: oneOrMore(`Predict.${pipeline}.row`), ...examples },
        ...Object.fromEntries(plainBodies.map((type) => [type, { schema: {} }])),
      },
    },
    responses: {
      200: {
        description: 'The answer to the row, or a list with one to each, in their order',
        headers: answerHeaders,
        content: { [JSON_TYPE]: { schema: oneOrMore(`Predict.${pipeline}.answer`) } },
      },
      422: { ...errorResponse, description: 'ERR_CONTRACT: each rule that a row breaks, and where' },
      default: errorResponse,
    },
  }
}

/** The contract's fields, what is echoed, and what stands beside them; where rows may be dropped, that alone. */
function namedAnswer(contract: ResolvedContract): Schema {
  const base = answerSchema(contract) as { readonly properties: Readonly<Record<string, JsonSchema>> }
  const fields = answerFields(contract)
  const properties = fields.map((field): [string, Schema] => [
    field.name,
    valueSchema(field, base.properties[field.name]),
  ])
  const answer = {
    ...base,
    properties: { ...Object.fromEntries(properties), ...besideFields },
    required: fields.map(({ name }) => name),
    additionalProperties: false,
  }
  if (!contract.inputs.some(({ onInvalid }) => onInvalid === 'drop')) return answer
  const dropped = {
    type: 'object',
    properties: { [PROBLEMS_MEMBER]: besideFields[PROBLEMS_MEMBER] },
    required: [PROBLEMS_MEMBER],
    additionalProperties: false,
  }
  return { anyOf: [answer, dropped] }
}

/** Answers are null where a float is no number that JSON has, echoes where the row had none, versions where none is meant. */
function valueSchema(field: ResolvedField, output: JsonSchema | undefined): Schema {
  if (output === undefined) return orNull(fieldSchema(field))
  if (field.kind === 'float') return withNullNumbers(output)
  return field.role === 'modelVersion' ? orNull(output) : output
}

function orNull(schema: JsonSchema): Schema {
  const { type } = schema
  if (Array.isArray(type) && type.includes('null')) return schema
  return { anyOf: [schema, { type: 'null' }] }
}

function withNullNumbers(schema: JsonSchema): Schema {
  const { type, items } = schema
  if (typeof items === 'object') return { ...schema, items: withNullNumbers(items as JsonSchema) }
  return type === 'number' ? { ...schema, type: ['number', 'null'] } : schema
}
