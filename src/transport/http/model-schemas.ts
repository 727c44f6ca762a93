/** JSON Schemas of models, their versions and their files. */
import { count, listOf, mapOf, name, record, reference, text, type Schema } from './schema-words.js'

export const modelVersion = {
  version: count,
  sha256: text,
  size_bytes: count,
  created_at: { type: 'string', format: 'date-time' },
  tags: listOf(text),
  inputs: listOf(reference('Field')),
  outputs: listOf(reference('OutputField')),
  batching: { enum: ['rows', 'row', 'whole'] },
  remark: text,
  providers: listOf({ enum: ['cpu', 'cuda'] }),
  device_id: count,
  uploaded: reference('UploadedFile'),
} as const
/** Of versions that say what they run on, and of those that were changed when they were added. */
export const placementKeys = ['providers', 'device_id', 'uploaded']

export const modelSchemas: Readonly<Record<string, Schema>> = {
  OutputField: record(
    {
      name: text,
      dtype: text,
      shape: listOf({ type: ['integer', 'null'] }),
      classes: {
        ...listOf({ type: ['string', 'integer'] }),
        description: 'What each column stands for, where the model named its classes in a map that was cut off',
      },
    },
    ['classes'],
  ),
  UploadedFile: record({
    sha256: { type: 'string', description: "Of the .onnx file that was sent; the version's own is of what is served" },
    size_bytes: count,
    changes: { ...listOf(text), description: 'What was changed, a sentence each' },
  }),
  ModelFiles: {
    type: 'object',
    required: ['model'],
    properties: {
      model: { type: 'string', format: 'binary', description: 'The .onnx file' },
      data: {
        ...listOf({ type: 'string', format: 'binary' }),
        description: 'The data files that the model names, each with that name as its filename',
      },
    },
  },
  Model: record({ name, aliases: mapOf(count), versions: listOf(reference('ModelVersion')) }),
  Models: record({ models: listOf(reference('Model')) }),
  ModelVersion: record(modelVersion, placementKeys),
  UploadedVersion: record({ name, ...modelVersion, aliases: listOf(name) }, placementKeys),
}
