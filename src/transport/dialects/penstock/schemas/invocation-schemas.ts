/** JSON Schemas of MLflow's and SageMaker's bodies and answers. */
import { errorCode, listOf, record, text, type Schema } from './json-schema.js'

const table: Schema = { description: "pandas' split form", type: 'object', required: ['columns', 'data'] }
const rows = listOf({ type: 'object' })
const values: Schema = { description: 'Numbers and texts, nested by the dims of the one input, or objects' }
const params: Schema = { type: 'object', description: 'Keys that the pipeline routes on or logs' }
const form = (name: string, schema: Schema): Schema => record({ [name]: schema, params }, ['params'])
const model = record({ modelName: text, modelUrl: text })

export const invocationSchemas: Readonly<Record<string, Schema>> = {
  MlflowBody: {
    oneOf: [
      form('dataframe_split', table),
      form('dataframe_records', rows),
      form('instances', values),
      form('inputs', { description: 'Tensors by the names of the inputs, or the one input' }),
    ],
  },
  MlflowAnswer: record(
    {
      predictions: { description: 'An object for each row of a table; else the outputs by name' },
      check_failures: listOf(record({ check: text, rows: listOf({ type: 'integer', minimum: 0 }) })),
    },
    ['check_failures'],
  ),
  MlflowError: {
    type: 'object',
    properties: { error_code: text, message: text, code: errorCode },
    required: ['error_code', 'message', 'code'],
  },
  SageMakerLoad: record({ model_name: text, url: text }),
  SageMakerModel: model,
  SageMakerModels: record({ models: listOf(model), nextPageToken: text }, ['nextPageToken']),
}
