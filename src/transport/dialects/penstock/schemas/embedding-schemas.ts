/** JSON Schemas of embeddings as OpenAI and Ollama have them. */
import { count, listOf, number, record, text, type Schema } from './json-schema.js'

const texts: Schema = { anyOf: [text, listOf(text)] }
const model: Schema = { type: 'string', minLength: 1, description: 'A deployed pipeline' }
const dimensions: Schema = { type: ['integer', 'null'], minimum: 1, description: 'The width of its vectors, or absent' }
const options: Schema = { type: ['object', 'null'], description: 'Nothing: the steps of the pipeline say how it runs' }
const keepAlive: Schema = { description: 'Taken, and of no effect: what is deployed stays loaded' }
const vector = listOf(number)

export const embeddingSchemas: Readonly<Record<string, Schema>> = {
  OpenAiEmbeddingsBody: record(
    {
      model,
      input: { anyOf: [text, listOf(text), listOf(count), listOf(listOf(count))] },
      encoding_format: { enum: ['float', 'base64', null] },
      dimensions,
      user: { description: 'Taken, and of no effect' },
    },
    ['encoding_format', 'dimensions', 'user'],
  ),
  OpenAiEmbeddings: record({
    object: { const: 'list' },
    data: listOf(record({ object: { const: 'embedding' }, index: count, embedding: { anyOf: [vector, text] } })),
    model: text,
    usage: record({ prompt_tokens: count, total_tokens: count }),
  }),
  OpenAiError: {
    type: 'object',
    properties: {
      error: record({ message: text, type: text, param: { type: ['string', 'null'] }, code: text }),
    },
    required: ['error'],
  },
  OllamaEmbedBody: record(
    { model, input: texts, truncate: { type: 'boolean' }, dimensions, options, keep_alive: keepAlive },
    ['truncate', 'dimensions', 'options', 'keep_alive'],
  ),
  OllamaEmbedAnswer: record(
    {
      model: text,
      embeddings: listOf(vector),
      total_duration: { ...count, description: 'Nanoseconds' },
      load_duration: { ...count, description: 'Nanoseconds' },
      prompt_eval_count: count,
    },
    ['total_duration', 'load_duration', 'prompt_eval_count'],
  ),
  OllamaPromptBody: record({ model, prompt: text, options, keep_alive: keepAlive }, ['options', 'keep_alive']),
  OllamaPromptAnswer: record({ embedding: vector }),
  OllamaTags: record({
    models: listOf(
      record({
        name: text,
        model: text,
        modified_at: text,
        digest: text,
        size: count,
        details: record({ format: text, family: text, embedding_length: { type: ['integer', 'null'], minimum: 1 } }),
      }),
    ),
  }),
  OllamaVersion: record({ version: text }),
}
