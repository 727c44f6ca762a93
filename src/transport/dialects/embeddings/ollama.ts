/**
 * `POST /api/embed` as Ollama has it, its elder `POST /api/embeddings`, and what its clients ask first: `/api/tags`, `/api/version`.
 * A name may have a tag, of which `latest` alone is known: pipelines have one version that serves.
 */
import { monotonicMs } from '../../../base/clock.js'
import { argumentError, expectBoolean, expectRecord } from '../../../base/expect.js'
import type { PipelineRecord } from '../../../engine/api/api.js'
import { readJson, type JsonValue } from '../../../formats/json/json-reader.js'
import { writeRow } from '../../../tensor/print.js'
import { ANY_KEY, INFER, SIGNATURE } from '../../access/scopes.js'
import { LOGGED_ID_HEADER } from '../../header-options.js'
import { expectUnpacked } from '../../http/media-types.js'
import { jsonReply, JSON_TYPE } from '../../http/replies.js'
import type { Call, Route } from '../../http/route.js'
import { PieceBody, type Piece } from '../../piece-body.js'
import type { HttpReply } from '../../socket/seam.js'
import { embed, expectMembers, isEmbedder, readDimensions, widthOf, type Embedded, type JsonObject } from './embed.js'

const COMMON = ['model', 'options', 'keep_alive']
const TAG = ':latest'
const NS_PER_MS = 1e6

const posted = (summary: string, body: string, answer: string): Route['document'] => ({
  summary,
  request: { [JSON_TYPE]: body },
  responses: { 200: { description: 'The vectors', content: { [JSON_TYPE]: answer } } },
})

export const ollamaRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/embed',
    access: INFER,
    bindsByItself: true,
    bodyBytesMax: (context) => context.bodyBytesMax,
    document: posted('Embeds texts by a pipeline, in the form of Ollama', 'OllamaEmbedBody', 'OllamaEmbedAnswer'),
    handle: embedTexts,
  },
  {
    method: 'POST',
    path: '/api/embeddings',
    access: INFER,
    bindsByItself: true,
    bodyBytesMax: (context) => context.bodyBytesMax,
    document: posted('Embeds one text, in the elder form of Ollama', 'OllamaPromptBody', 'OllamaPromptAnswer'),
    handle: embedPrompt,
  },
  {
    method: 'GET',
    path: '/api/tags',
    access: SIGNATURE,
    bindsByItself: true,
    document: {
      summary: 'The pipelines that embed texts, as Ollama lists models',
      responses: { 200: { description: 'The list', content: { [JSON_TYPE]: 'OllamaTags' } } },
    },
    handle: (call) => jsonReply({ models: tagsOf(call) }),
  },
  {
    method: 'GET',
    path: '/api/version',
    access: ANY_KEY,
    document: {
      summary: 'The version of this server, as Ollama tells its own',
      responses: { 200: { description: 'The version', content: { [JSON_TYPE]: 'OllamaVersion' } } },
    },
    handle: ({ context }) => jsonReply({ version: context.product.version }),
  },
]

async function embedTexts(call: Call): Promise<HttpReply> {
  const startMs = monotonicMs()
  const body = readBody(call, [...COMMON, 'input', 'truncate', 'dimensions'])
  const { input } = body
  const texts = typeof input === 'string' ? [input] : input
  const isTexts = Array.isArray(texts) && texts.every((text) => typeof text === 'string')
  if (!isTexts) throw argumentError('input', 'a text or a list of texts', input)
  const isWhole = !expectBoolean('truncate', body['truncate'] ?? true)
  const { model, pipeline } = modelOf(body)
  if (texts.length === 0) return jsonReply({ model, embeddings: [] })
  const options = { dimensions: readDimensions(body['dimensions']), isWhole }
  const embedded = await embed(call, pipeline, { kind: 'texts', texts }, options)
  return reply(embedded, embedPieces(embedded, model, startMs))
}

async function embedPrompt(call: Call): Promise<HttpReply> {
  const body = readBody(call, [...COMMON, 'prompt'])
  const { prompt } = body
  if (typeof prompt !== 'string') throw argumentError('prompt', 'a text', prompt)
  const input = { kind: 'texts', texts: [prompt] } as const
  const embedded = await embed(call, modelOf(body).pipeline, input, { dimensions: null, isWhole: false })
  return reply(embedded, [`{"embedding":${writeRow(embedded.vectors, 0)}}`])
}

/** What Ollama does for its own models, and nothing here could do, is refused by name. */
function readBody(call: Call, members: readonly string[]): JsonObject {
  expectUnpacked(call.httpRequest.header('content-encoding'))
  const body = expectMembers(readJson(call.body), members)
  call.httpRequest.recycleBody()
  const { options } = body
  const set = Object.entries(options === undefined || options === null ? {} : expectRecord('options', options))
  const [other] = set.find(([, value]) => value !== null) ?? []
  if (other !== undefined)
    throw argumentError('options', 'empty, for the steps of the pipeline say how it runs', other, 'Leave it out')
  return body
}

function modelOf({ model }: JsonObject): { readonly model: string; readonly pipeline: string } {
  if (typeof model !== 'string' || model === '') throw argumentError('model', 'the name of a pipeline', model)
  return { model, pipeline: model.endsWith(TAG) ? model.slice(0, -TAG.length) : model }
}

function reply({ heldBytes, result }: Embedded, pieces: Iterable<Piece>): HttpReply {
  return {
    status: 200,
    contentType: JSON_TYPE,
    headers: [[LOGGED_ID_HEADER, result.metadata.requestId]],
    body: PieceBody.from(pieces, heldBytes),
  }
}

function* embedPieces({ vectors, rows, tokens }: Embedded, model: string, startMs: number): Generator<Piece> {
  yield `{"model":${JSON.stringify(model)},"embeddings":[`
  for (let row = 0; row < rows; row++) yield `${row > 0 ? ',' : ''}${writeRow(vectors, row)}`
  const totalNs = Math.round((monotonicMs() - startMs) * NS_PER_MS)
  // A pipeline that serves is loaded: no request waits for that.
  yield `],"total_duration":${totalNs},"load_duration":0,"prompt_eval_count":${tokens}}`
}

function tagsOf({ context: { engine }, grant }: Call): JsonValue[] {
  const told = engine.listPipelines().filter(({ name }) => grant === null || grant.allows(name))
  return told.flatMap((record) => tagOf(engine, record))
}

function tagOf(engine: Call['context']['engine'], { name, versions }: PipelineRecord): JsonValue[] {
  const { deployed } = engine.pipelineStatus(name)
  if (!deployed) return []
  const description = engine.describePipeline(name)
  if (!isEmbedder(description)) return []
  const modified = versions.find(({ version }) => version === description.version)?.createdAt ?? ''
  const [model] = description.models
  const details = { format: 'onnx', family: model?.name ?? '', embedding_length: widthOf(description) }
  const stored = model === undefined ? undefined : engine.getModel(model.name).versions
  const size = stored?.find(({ version }) => version === model?.version)?.sizeBytes ?? 0
  return [{ name: name + TAG, model: name + TAG, modified_at: modified, digest: model?.sha256 ?? '', size, details }]
}
