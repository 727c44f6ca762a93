/**
 * POST /v2/models/{model}[/versions/{version}]/infer, the way that takes everything: compressed bodies, models that are
 * not loaded yet, strings, shared memory. fast-path-infer.ts takes the common case faster, and leaves the rest to this.
 */
import { PenstockError } from '../../../../base/errors.js'
import type { PipelineDescription } from '../../../../engine/api/api.js'
import { JSON_TYPE } from '../../../http/replies.js'
import type { Call } from '../../../http/route.js'
import { answerHeaders, type AnswerHeaders } from '../../../header-options.js'
import { PieceBody } from '../../../piece-body.js'
import type { HttpRequest } from '../../../socket/http-request.js'
import type { HttpReply } from '../../../socket/seam.js'
import type { V2Answer, V2Request } from '../call.js'
import { packBody, unpackBody, wantedEncoding } from './compression.js'
import { allBinary, outputFormsOf, writeAnswer, type OutputForm, type WrittenAnswer } from './answer.js'
import { bindRequest, headLength, rawRequest, readBody } from './body.js'
import { HeadCache } from './head.js'
import { inferV2, isBytesCall, prepareCall } from '../infer.js'
import type { ServedModel } from '../models.js'
import type { V2Service } from '../service.js'
import { signatureOf } from '../signature.js'

export const BINARY_TYPE = 'application/octet-stream'
export const HEAD_LENGTH_HEADER = 'inference-header-content-length'

const heads = new HeadCache()

export async function inferOverHttp(call: Call, service: V2Service, name: string, version: string): Promise<HttpReply> {
  const { httpRequest, context } = call
  const served = service.models.find(name, version)
  const body = await unpackBody(call.body, httpRequest.header('content-encoding'), context.bodyBytesMax, httpRequest)
  const description = service.models.described(served) ?? (await service.models.ready(served))
  const { prepared, formOf } = httpRequest.recyclingUnless(() => {
    const { request, formOf } = readRequest(service, served, description, body, httpRequest.header(HEAD_LENGTH_HEADER))
    return { prepared: prepareCall(served, description, request, (name) => httpRequest.header(name)), formOf }
  })
  const answer = await new Promise<V2Answer>((resolve, reject) => {
    const cancel = httpRequest.charge.handOver(() =>
      inferV2(service.engine, prepared, { onAnswer: resolve, onFailure: reject }),
    )
    // The tensors are in their batches; strings are looked at again.
    if (isBytesCall(prepared)) httpRequest.recycleBody()
    httpRequest.signal.addEventListener('abort', cancel)
    if (httpRequest.signal.aborted) cancel()
  })
  service.noteInference(served)
  return packed(replyOf(writeAnswer(answer, formOf, service.memory), answerHeaders(prepared.options)), httpRequest)
}

function readRequest(
  service: V2Service,
  served: ServedModel,
  description: PipelineDescription,
  body: Buffer,
  header: string,
): { request: V2Request; formOf: (index: number) => OutputForm } {
  const length = headLength(header, body.length)
  if (length === 0) return { request: rawRequest(served.name, signatureOf(description), body), formOf: allBinary }
  const { head, tail } = readBody(body, length, heads)
  return { request: bindRequest(served.name, head, tail, service.memory), formOf: outputFormsOf(head) }
}

function replyOf({ headBytes, body }: WrittenAnswer, headers: AnswerHeaders): HttpReply {
  if (headBytes === null) return { status: 200, contentType: JSON_TYPE, headers, body }
  return { status: 200, contentType: BINARY_TYPE, headers: [[HEAD_LENGTH_HEADER, String(headBytes)], ...headers], body }
}

async function packed(reply: HttpReply, httpRequest: HttpRequest): Promise<HttpReply> {
  const { body, headers = [] } = reply
  if (body === undefined || typeof body === 'string') throw new PenstockError('ERR_INTERNAL')
  const encoding = wantedEncoding(httpRequest.header('accept-encoding'), body.length)
  if (encoding === null) return reply
  const whole = body instanceof PieceBody ? await gather(body, httpRequest) : body
  const answered: HttpReply = {
    ...reply,
    body: await packBody(whole, encoding),
    headers: [...headers, ['content-encoding', encoding]],
  }
  httpRequest.charge.release('answers')
  return answered
}

/** The text as a whole, charged as it grows; the loop turns in between. */
async function gather(body: PieceBody, { charge }: HttpRequest): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let piece = body.next(); piece !== null; piece = body.next()) {
    const bytes = Buffer.from(piece as string)
    const refusal = charge.tryAdd('answers', bytes.length)
    if (refusal !== null) {
      body.drop()
      throw refusal
    }
    pieces.push(bytes)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return Buffer.concat(pieces)
}
