/**
 * `POST /v1/embeddings` as OpenAI's API has it: `model` is a pipeline, `input` a text, a list of texts, or ids of tokens; vectors
 * come as numbers or as base64 of little-endian float32, which OpenAI's own clients ask for.
 */
import type { PenstockError } from '../../../base/errors.js'
import { argumentError, expectOneOf } from '../../../base/expect.js'
import { readJson, type JsonValue } from '../../../formats/json/json-reader.js'
import { writeRow } from '../../../tensor/print.js'
import { INFER } from '../../access/scopes.js'
import { LOGGED_ID_HEADER } from '../../header-options.js'
import { expectJsonBody, expectUnpacked } from '../../http/media-types.js'
import { JSON_TYPE } from '../../http/replies.js'
import type { Call, Route } from '../../http/route.js'
import { PieceBody, type Piece } from '../../piece-body.js'
import type { HttpReply } from '../../socket/seam.js'
import { embed, expectMembers, readDimensions, type Embedded, type EmbedInput } from './embed.js'

const MEMBERS = ['model', 'input', 'encoding_format', 'dimensions', 'user']
const TOKEN_MAX = 2 ** 31 - 1
/** Characters that are put together before they are sent. */
const pieceCharacters = 16_384

export const openAiRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/embeddings',
    access: INFER,
    bindsByItself: true,
    bodyBytesMax: (context) => context.bodyBytesMax,
    document: {
      summary: 'Embeds texts by a pipeline, in the form of OpenAI',
      request: { [JSON_TYPE]: 'OpenAiEmbeddingsBody' },
      responses: {
        200: { description: 'The vectors', content: { [JSON_TYPE]: 'OpenAiEmbeddings' } },
        default: { description: 'An error', content: { [JSON_TYPE]: 'OpenAiError' } },
      },
    },
    failureShape,
    handle: embeddings,
  },
]

async function embeddings(call: Call): Promise<HttpReply> {
  const { httpRequest } = call
  expectUnpacked(httpRequest.header('content-encoding'))
  expectJsonBody(httpRequest.header('content-type'))
  const body = expectMembers(readJson(call.body), MEMBERS)
  const { model } = body
  if (typeof model !== 'string' || model === '') throw argumentError('model', 'the name of a pipeline', model)
  const form = expectOneOf('encoding_format', body['encoding_format'] ?? 'float', ['float', 'base64'])
  const input = readInput(body['input'])
  httpRequest.recycleBody()
  const embedded = await embed(call, model, input, { dimensions: readDimensions(body['dimensions']), isWhole: false })
  return {
    status: 200,
    contentType: JSON_TYPE,
    headers: [[LOGGED_ID_HEADER, embedded.result.metadata.requestId]],
    body: PieceBody.from(answerPieces(embedded, model, form === 'base64'), embedded.heldBytes),
  }
}

function readInput(input: JsonValue | undefined): EmbedInput {
  const rule = 'a text, a list of texts, a list of token ids, or a list of those'
  if (typeof input === 'string') return { kind: 'texts', texts: [input] }
  if (!Array.isArray(input)) throw argumentError('input', rule, input)
  if (input.length === 0) throw argumentError('input', 'of one text and more', input)
  if (input.every((text) => typeof text === 'string')) return { kind: 'texts', texts: input }
  const rows = input.every((id) => typeof id === 'number') ? [input] : input
  const other = rows.findIndex((row) => !isTokens(row))
  if (other >= 0) throw argumentError(`input[${other}]`, `as the others of it: ${rule}`, rows[other])
  return { kind: 'tokens', rows: rows as number[][] }
}

function isTokens(row: JsonValue): boolean {
  return (
    Array.isArray(row) &&
    row.length > 0 &&
    row.every((id) => typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= TOKEN_MAX)
  )
}

function* answerPieces({ vectors, rows, width, tokens }: Embedded, model: string, isBase64: boolean): Generator<Piece> {
  const write = isBase64
    ? base64Writer(vectors.data as Float32Array | Float64Array, width)
    : (row: number) => writeRow(vectors, row)
  let text = '{"object":"list","data":['
  for (let row = 0; row < rows; row++) {
    text += `${row > 0 ? ',' : ''}{"object":"embedding","index":${row},"embedding":${write(row)}}`
    if (text.length < pieceCharacters) continue
    yield text
    text = ''
  }
  const usage = { prompt_tokens: tokens, total_tokens: tokens }
  yield `${text}],"model":${JSON.stringify(model)},"usage":${JSON.stringify(usage)}}`
}

function base64Writer(data: Float32Array | Float64Array, width: number): (row: number) => string {
  return (row) => {
    const floats = Float32Array.from(data.subarray(row * width, (row + 1) * width))
    return `"${Buffer.from(floats.buffer).toString('base64')}"`
  }
}

/** An error as OpenAI's clients read it. */
function failureShape(
  error: PenstockError,
  body: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { error: message, code, ...others } = body
  const isNoModel = code === 'ERR_PIPELINE_NOT_FOUND' || code === 'ERR_PIPELINE_NOT_DEPLOYED'
  return {
    error: {
      message,
      type: typeOf(error),
      param: isNoModel ? 'model' : null,
      code: isNoModel ? 'model_not_found' : code,
    },
    ...others,
  }
}

function typeOf({ code, httpStatus }: PenstockError): string {
  if (code === 'ERR_UNAUTHORIZED') return 'authentication_error'
  if (code === 'ERR_FORBIDDEN') return 'permission_error'
  if (httpStatus === 429) return 'rate_limit_error'
  return httpStatus < 500 ? 'invalid_request_error' : 'server_error'
}
