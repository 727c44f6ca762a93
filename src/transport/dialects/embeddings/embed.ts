/**
 * Texts to vectors by a pipeline, as both forms ask for them: the model of a request is a deployed pipeline that takes one
 * column of texts, or ids of tokens, and answers one vector a row.
 */
import { PenstockError } from '../../../base/errors.js'
import { argumentError } from '../../../base/expect.js'
import { REQUEST_TOKENS_MAX, TOKENS_MULTIPLE } from '../../../base/limits/text-limits.js'
import type { InferResult, PipelineDescription } from '../../../engine/api/api.js'
import type { JsonValue } from '../../../formats/json/json-reader.js'
import type { Tensor, TensorField } from '../../../tensor/tensor.js'
import { withHeaderMeta } from '../../header-options.js'
import { resultBytes, tensorsBytes } from '../../held-bytes.js'
import type { Call } from '../../http/route.js'

export type JsonObject = Readonly<Record<string, JsonValue>>

/** What a request asks to be embedded. */
export type EmbedInput =
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'tokens'; readonly rows: readonly (readonly number[])[] }

export interface Embedded {
  /** float32 or float64, [rows, width]. */
  readonly vectors: Tensor
  readonly rows: number
  readonly width: number
  /** Tokens of the request, padding not counted. */
  readonly tokens: number
  readonly heldBytes: number
  readonly result: InferResult
}

export interface EmbedOptions {
  /** What the width of the vectors has to be; null: whatever it is. */
  readonly dimensions: number | null
  /** Refuse texts of which the pipeline cuts an end off. */
  readonly isWhole: boolean
}

/** What outputs of vectors are called where a pipeline has others beside them. */
const OUTPUT_NAMES: readonly string[] = ['embedding', 'embeddings', 'sentence_embedding']
const ID_INPUTS: readonly string[] = ['input_ids', 'attention_mask', 'token_type_ids']

/**
 * @param pipeline that the request's `model` names.
 * @throws PenstockError ERR_FORBIDDEN; ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_NOT_DEPLOYED; ERR_ARGUMENT: it embeds nothing, or
 * not what is asked; what the engine throws.
 */
export async function embed(
  call: Call,
  pipeline: string,
  input: EmbedInput,
  { dimensions, isWhole }: EmbedOptions,
): Promise<Embedded> {
  const { context, grant, httpRequest } = call
  grant?.expectPipeline(pipeline)
  const description = context.engine.describePipeline(pipeline)
  const output = outputOf(description)
  const inputs = input.kind === 'texts' ? textInputs(description, input.texts) : tokenInputs(description, input.rows)
  const known = output.shape[1] ?? null
  if (dimensions !== null && known !== null && dimensions !== known) throw dimensionsError(pipeline, known, dimensions)
  const { charge, signal } = httpRequest
  const refusal = charge.tryAdd('bodies', tensorsBytes(inputs))
  if (refusal !== null) throw refusal
  const options = withHeaderMeta({}, (name) => httpRequest.header(name))
  const result = await charge.handOver(() => context.engine.infer(pipeline, { ...options, inputs, signal }))
  const { texts } = result.metadata
  if (isWhole && (texts?.cutRows ?? 0) > 0) {
    const wayOut = `Send shorter texts, or let ${pipeline} cut them`
    throw new PenstockError('ERR_ARGUMENT', `The input is longer than the context of ${pipeline}. ${wayOut}`)
  }
  const vectors = result.outputs[output.name] as Tensor
  const [rows = 0, width = 0] = vectors.shape
  if (dimensions !== null && dimensions !== width) throw dimensionsError(pipeline, width, dimensions)
  const tokens = input.kind === 'texts' ? (texts?.tokens ?? 0) : input.rows.reduce((sum, row) => sum + row.length, 0)
  return { vectors, rows, width, tokens, heldBytes: resultBytes(result), result }
}

/** A body that is an object with these members alone. @throws PenstockError ERR_ARGUMENT. */
export function expectMembers(body: JsonValue, members: readonly string[]): JsonObject {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw argumentError('the body', 'an object', body)
  const other = Object.keys(body).find((key) => !members.includes(key))
  if (other !== undefined) throw argumentError('each member of the body', `one of ${members.join(', ')}`, other)
  return body
}

/** @throws PenstockError ERR_ARGUMENT: it is no width of vectors. */
export function readDimensions(value: JsonValue | undefined): number | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value
  throw argumentError('dimensions', 'an integer of 1 and more', value)
}

/** Whether the pipeline answers one vector a row, so that it can be listed. */
export function isEmbedder(description: PipelineDescription): boolean {
  return findOutput(description) !== undefined && findText(description) !== undefined
}

export function widthOf(description: PipelineDescription): number | null {
  return findOutput(description)?.shape[1] ?? null
}

function findText({ inputs }: PipelineDescription): TensorField | undefined {
  const [only, ...others] = inputs
  const isOne =
    only?.dtype === 'string' && (only.shape.length === 1 || (only.shape.length === 2 && only.shape[1] === 1))
  return isOne && others.length === 0 ? only : undefined
}

function findOutput({ outputs, isNonBatching }: PipelineDescription): TensorField | undefined {
  const vectors = outputs.filter(
    ({ dtype, shape }) => (dtype === 'float32' || dtype === 'float64') && shape.length === 2 && !isNonBatching,
  )
  // Scores of classes are a vector a row, too: beside other outputs one has to be called so.
  return vectors.find(({ name }) => OUTPUT_NAMES.includes(name)) ?? (outputs.length === 1 ? vectors[0] : undefined)
}

function outputOf(description: PipelineDescription): TensorField {
  const found = findOutput(description)
  if (found !== undefined) return found
  const outputs = fieldsText(description.outputs)
  const wayOut = 'Pool its tokens by the operation mean-pool'
  throw argumentError(
    'model',
    'a pipeline that answers one vector a row',
    `${description.name}, which answers ${outputs}`,
    wayOut,
  )
}

function textInputs(description: PipelineDescription, texts: readonly string[]): Record<string, Tensor> {
  const field = findText(description)
  if (field === undefined) {
    const received = `${description.name}, which takes ${fieldsText(description.inputs)}`
    throw argumentError(
      'model',
      'a pipeline that takes one column of texts',
      received,
      'Let it begin with a step of type tokenise',
    )
  }
  const shape = field.shape.map((_, axis) => (axis === 0 ? texts.length : 1))
  return { [field.name]: { dtype: 'string', shape, data: texts } }
}

/** Ids of the pipeline's own tokens, of a pipeline that takes them: padded as a step of type tokenise does. */
function tokenInputs(
  { name, inputs }: PipelineDescription,
  rows: readonly (readonly number[])[],
): Record<string, Tensor> {
  const isTaking = inputs.every(
    (field) => ID_INPUTS.includes(field.name) && field.dtype === 'int64' && field.shape.length === 2,
  )
  if (!isTaking || !inputs.some((field) => field.name === 'input_ids')) {
    const wayOut = `Send texts (OpenAIEmbeddings of LangChain: check_embedding_ctx_length=False)`
    throw argumentError('input', `texts, for ${name} makes tokens by itself`, 'lists of token ids', wayOut)
  }
  const longest = rows.reduce((length, row) => Math.max(length, row.length), 1)
  const width = inputs[0]?.shape[1] ?? Math.ceil(longest / TOKENS_MULTIPLE) * TOKENS_MULTIPLE
  if (longest > width) throw argumentError('input', `lists of at most ${width} token ids`, `${longest} ids`)
  if (rows.length * width > REQUEST_TOKENS_MAX)
    throw argumentError('input', `of at most ${REQUEST_TOKENS_MAX} tokens, padding included`, rows.length * width)
  const made = ID_INPUTS.map((input) => [input, new BigInt64Array(rows.length * width)] as const)
  rows.forEach((row, index) =>
    row.forEach((id, i) => {
      const [[, ids], [, mask]] = made as [(typeof made)[number], (typeof made)[number]]
      ids[index * width + i] = BigInt(id)
      mask[index * width + i] = 1n
    }),
  )
  const taken = made.filter(([input]) => inputs.some((field) => field.name === input))
  return Object.fromEntries(
    taken.map(([input, data]) => [input, { dtype: 'int64', shape: [rows.length, width], data }]),
  )
}

function dimensionsError(pipeline: string, width: number, received: number): PenstockError {
  return argumentError('dimensions', `${width}, the width of the vectors of ${pipeline}, or absent`, received)
}

function fieldsText(fields: readonly TensorField[]): string {
  return fields
    .map(({ name, dtype, shape }) => `${name} ${dtype} [${shape.map((dim) => dim ?? '?').join(', ')}]`)
    .join(', ')
}
