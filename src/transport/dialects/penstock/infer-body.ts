/**
 * An infer call from its body to its reply, apart from the socket: what the HTTP handler does with a request, and what
 * an embedding program gets that hands in the same bytes.
 *
 * The forms of JSON and binary without a dataset are written here and in infer-answer.ts. All others (Arrow, and whatever
 * selects or flattens columns) are tables: table-answer.ts, loaded with the Arrow library when the first is asked for.
 */
import { PenstockError } from '../../../base/errors.js'
import type { CancelSignal, EngineApi, InferResult, PipelineDescription } from '../../../engine/api/api.js'
import { decodeMessage } from '../../../protocol/codec.js'
import type { ByteCharge } from '../../byte-charge.js'
import { type FileKind, readFileBody } from '../../file-gate.js'
import { freeMemory } from '../../../engine/memory/free-buffer.js'
import { freeResult, resultBytes, tensorsBytes, textsBytes } from '../../held-bytes.js'
import { answerHeaders, LOGGED_ID_HEADER, type AnswerHeaders } from '../../header-options.js'
import { PieceBody } from '../../piece-body.js'
import type { ReadHeader } from '../../request-headers.js'
import type { HttpReply } from '../../socket/seam.js'
import type * as ArrowRequests from '../../../formats/bodies/arrow-request.js'
import { namedTensors, optionsOfMessage } from '../../infer-message.js'
import { withHeaderOptions } from './header-options.js'
import type { ParsedBody } from './parsed-body.js'
import { columnsBody, recordPieces, writeMessage, type RecordsContext } from './infer-answer.js'
import { parseInferBody } from '../../../formats/bodies/infer-request.js'
import {
  answerForm,
  expectUnpacked,
  inferBodyKind,
  LINES_TYPE,
  PENSTOCK_TYPE,
  RECORDS_TYPE,
  type InferBodyKind,
} from '../../http/media-types.js'
import { JSON_TYPE } from '../../http/replies.js'
import type { ResultQuery } from './result-query.js'

export interface InferBodyCall {
  readonly engine: Pick<EngineApi, 'describePipeline' | 'infer'>
  readonly pipeline: string
  readonly body: Buffer
  readonly header: ReadHeader
  readonly query: ResultQuery
  readonly signal: CancelSignal | undefined
  /** When the request arrived, milliseconds of the epoch. */
  readonly timeMs: number
  readonly partition: string
  /** true: the row of an output [n, 1] is a list of one in records, as Wallaroo's answers have it; else a bare value. */
  readonly hasLists?: boolean
  /** What it holds of the server's byte budget; absent: nobody counts. */
  readonly charge?: ByteCharge
  /** Called when nothing refers to the body any more; not at all when something may. */
  readonly recycleBody: () => void
}

/** @throws PenstockError: whatever is wrong with the request, and what the engine answers. */
export async function answerInferBody(call: InferBodyCall): Promise<HttpReply> {
  const { engine, pipeline: name, query, timeMs, partition } = call
  const description = engine.describePipeline(name)
  expectUnpacked(call.header('content-encoding'))
  const kind = inferBodyKind(call.header('content-type'))
  const parsed = await parse(call, kind, description)
  const form = answerForm(call.header('accept'), parsed.form)
  const request = withHeaderOptions(parsed.request, call.header)
  const isTable = query.isGiven || (form !== 'columns' && form !== 'records' && form !== 'lines' && form !== 'penstock')
  const tables = isTable ? await import('./table-answer.js') : null
  const hasLists = call.hasLists === true
  const plan = tables?.planTable({ query, form, parsed, request, description, hasLists }) ?? null
  const others = plan?.withOthers === true ? { withOthers: true } : {}
  const { charge } = call
  holdParsed(charge, parsed, call.body)
  const infer = (): Promise<InferResult> => engine.infer(name, { ...request, ...others, signal: call.signal })
  const pending = charge === undefined ? infer() : charge.handOver(infer)
  // The rows are in their batches when infer returns its promise; only strings and echoes are looked at again.
  if (!description.isStringPath && form !== 'records' && form !== 'lines' && !isTable) {
    recycle(call, parsed)
    charge?.release('bodies')
  }
  const result = await pending
  // On the string path a challenger or the log may still read it.
  const free = description.isStringPath ? undefined : (): void => freeResult(result)
  const echoed = answerHeaders(request)
  const headers: AnswerHeaders = [[LOGGED_ID_HEADER, result.metadata.requestId], ...echoed]
  // Another version may have been deployed in between; its checks and routes are the ones that answered.
  const answered = result.metadata.pipelineVersion === description.version ? description : engine.describePipeline(name)
  if (tables !== null && plan !== null) {
    charge?.add('answers', resultBytes(result))
    const reply = await tables.tableReply(result, answered, plan, { timeMs, partition })
    charge?.release('answers')
    // The answer is written and has copies of what it echoes. On the string path a challenger may still read the inputs.
    if (!description.isStringPath) recycle(call, parsed)
    return { ...reply, headers: [...(reply.headers ?? []), ...headers] }
  }
  if (form === 'penstock')
    return {
      status: 200,
      contentType: PENSTOCK_TYPE,
      headers,
      body: writeMessage(result, answered, parsed.channel, parsed.id),
    }
  // Its metadata have the id.
  if (form === 'columns')
    return { status: 200, contentType: JSON_TYPE, headers: echoed, body: columnsBody(result, answered, free) }
  const inputs: RecordsContext['inputs'] =
    parsed.echoes === null ? { tensors: parsed.request.inputs } : { echoes: parsed.echoes }
  const isLines = form === 'lines'
  return {
    status: 200,
    contentType: isLines ? LINES_TYPE : RECORDS_TYPE,
    headers,
    body: PieceBody.from(
      recordPieces(result, answered, { inputs, timeMs, partition, isLines, hasLists }),
      resultBytes(result),
      free,
    ),
  }
}

/** To be called when nothing refers to the body, its tensors and its columns any more. */
function recycle(call: InferBodyCall, { made }: ParsedBody): void {
  call.recycleBody()
  if (made !== null) freeMemory(made)
}

/** Charges what a body was read into, beside the body itself. @throws PenstockError ERR_QUEUE_FULL. */
function holdParsed(charge: ByteCharge | undefined, { request, echoes, made }: ParsedBody, body: Buffer): void {
  const bytes =
    tensorsBytes(request.inputs, made === null ? body.buffer : made.buffer) + (echoes === null ? 0 : textsBytes(echoes))
  const refusal = charge?.tryAdd('bodies', bytes) ?? null
  if (refusal !== null) throw refusal
}

/** A body that is refused is referred to by nobody. */
async function parse(call: InferBodyCall, kind: InferBodyKind, description: PipelineDescription): Promise<ParsedBody> {
  try {
    return isFile(kind) ? await parseFile(call, kind, description) : parseBody(call, kind, description)
  } catch (error) {
    call.recycleBody()
    throw error
  }
}

/** Their readers are loaded by the first body that needs one: they bring decoders along. */
function isFile(kind: InferBodyKind): kind is FileKind {
  return kind === 'arrow' || kind === 'csv' || kind === 'parquet' || kind === 'npy'
}

let arrowBodies: typeof ArrowRequests | null = null

/** What the body unpacks to is charged before it is there, and with the body from then on. */
function parseFile(call: InferBodyCall, kind: FileKind, description: PipelineDescription): Promise<ParsedBody> {
  const { charge, signal, body } = call
  const spend = (bytes: number): void => {
    const refusal = charge?.tryAdd('bodies', bytes) ?? null
    if (refusal !== null) throw refusal
  }
  return readFileBody(kind, body, signal, () => readFile(body, kind, description, spend))
}

async function readFile(
  body: Buffer,
  kind: FileKind,
  description: PipelineDescription,
  spend: (bytes: number) => void,
): Promise<ParsedBody> {
  const none = { echoes: null, arrow: null, made: null, channel: 0, id: 0 }
  if (kind === 'arrow') {
    arrowBodies ??= await import('../../../formats/bodies/arrow-request.js')
    const { request, extras, body: arrow } = arrowBodies.parseArrowBody(body, description, spend)
    return {
      ...none,
      request,
      form: arrow.form === 'file' ? 'arrow-file' : 'arrow-stream',
      arrow: { body: arrow, extras },
    }
  }
  const files = await import('../../../formats/bodies/file-bodies.js')
  if (kind === 'npy') return { ...none, request: files.parseNpyBody(body, description), form: 'npy' }
  const parseTable = kind === 'csv' ? files.parseCsvBody : files.parseParquetBody
  const { request, extras, body: arrow, made = null } = await parseTable(body, description, spend)
  return { ...none, request, form: kind, arrow: { body: arrow, extras }, made }
}

function parseBody({ body }: InferBodyCall, kind: InferBodyKind, description: PipelineDescription): ParsedBody {
  if (kind === 'penstock') return parseMessage(body, description)
  const parsed = parseInferBody(body, description, kind === 'split' || kind === 'lines' ? kind : 'json')
  if (kind === 'records' && parsed.form === 'columns') {
    throw new PenstockError(
      'ERR_BODY',
      `Expected an array of records, for content-type is ${RECORDS_TYPE}, but received an object. Send columns as ${JSON_TYPE}`,
    )
  }
  const echoes = parsed.form === 'records' ? parsed.echoes : null
  const form = kind === 'lines' ? 'lines' : parsed.form
  return { request: parsed.request, form, echoes, arrow: null, made: null, channel: 0, id: 0 }
}

function parseMessage(body: Buffer, description: PipelineDescription): ParsedBody {
  if (body.length === 0)
    throw new PenstockError('ERR_BODY', 'Expected one penstock.v1 message with an Infer body but received nothing')
  const message = decodeMessage(body)
  if (message.kind !== 'infer')
    throw new PenstockError('ERR_FRAME', `Expected a message with an Infer body but received ${message.kind}`)
  return {
    request: { ...optionsOfMessage(message), inputs: namedTensors(message, description, true) },
    form: 'penstock',
    echoes: null,
    arrow: null,
    made: null,
    channel: message.channel,
    id: message.request,
  }
}
