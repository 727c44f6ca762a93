/**
 * The infer endpoint without promises, as ../http/fast-path-infer.ts has it for JSON columns: requests whose body is not
 * compressed, for models that are loaded and carry no strings. The tensors go from the socket's buffer into the batch.
 *
 * http-infer.ts is the reference: whatever is refused here by an exception is left to it, and refused there with words.
 */
import { isForLoad, isPenstockError, toPenstockError, type PenstockError } from '../../../../base/errors.js'
import type { InferResult, PipelineDescription } from '../../../../engine/api/api.js'
import type { TensorTarget } from '../../../../engine/requests/tensor-port.js'
import { INFER } from '../../../access/scopes.js'
import { replyToError } from '../../../http/dispatch.js'
import { JSON_TYPE, RecentReply } from '../../../http/replies.js'
import type { HttpContext } from '../../../http/route.js'
import { answerHeaders } from '../../../header-options.js'
import { PieceBody } from '../../../piece-body.js'
import type { ReadHeader } from '../../../request-headers.js'
import type { FastPathRequest, FastPathHandler } from '../../../socket/fast-path-request.js'
import { failureStatus } from '../failures.js'
import { outputFormsOf, writeAnswer, type OutputForm } from './answer.js'
import { bindRequest, headLength, readBody } from './body.js'
import { HeadCache } from './head.js'
import { BINARY_TYPE, HEAD_LENGTH_HEADER } from './infer.js'
import { answerOf, bytesRequestOf, isBytesCall, prepareCall, type PreparedCall } from '../infer.js'
import type { ServedModel } from '../models.js'
import type { V2Service } from '../service.js'

const route = '/v2/models/{model}/infer'

/** What is known of a request before its body. */
interface Target {
  readonly served: ServedModel
  readonly tensors: TensorTarget
}

export class FastPathInferV2 implements FastPathHandler {
  readonly paths = [route.replace('{model}', ':model')]
  readonly bodyBytesMax: number
  readonly #context: HttpContext
  readonly #service: V2Service
  readonly #heads = new HeadCache()
  readonly #recent = new RecentReply()
  /** By the name in the path, percent-encoded as it came: clients name the same few models again and again. */
  readonly #targets = new Map<string, Target>()

  constructor(context: HttpContext, service: V2Service) {
    this.#context = context
    this.#service = service
    this.bodyBytesMax = context.bodyBytesMax
    const forget = (): void => this.#targets.clear()
    service.engine.on('pipeline', forget)
    service.engine.on('model', forget)
  }

  start(): void {
    // Nothing to prepare: answers find their request by themselves.
  }

  wants(httpRequest: FastPathRequest): boolean {
    if (httpRequest.header('content-encoding') !== '' || httpRequest.header('accept-encoding') !== '') return false
    const grant = this.#context.access.find(httpRequest, INFER)
    // The usual way knows more about a bound key.
    if (grant?.pipelines !== null) return false
    httpRequest.limit = grant.limit
    const target = this.#targets.get(httpRequest.parameter) ?? this.#find(httpRequest.parameter)
    httpRequest.target = target
    return target !== null
  }

  submit(httpRequest: FastPathRequest, body: ArrayBuffer | Uint8Array): number {
    const { served, tensors } = httpRequest.target as Target
    const { engine } = this.#service
    const description = engine.tensors.descriptionOf(tensors)
    if (description === null) return 0
    return (
      passes(() => {
        const read = this.#read(served, description, body, httpRequest.header)
        if (read === null) return 0
        const { call, formOf } = read
        const onAnswer = (result: InferResult): void => this.#answer(httpRequest, call, formOf, result)
        const onFailure = (error: PenstockError): void => this.fail(httpRequest, error)
        try {
          const number = engine.tensors.submit(tensors, bytesRequestOf(call), onAnswer, onFailure)
          return number === 0 ? -1 : number
        } catch (error) {
          if (!isPenstockError(error) || !isForLoad(error.code)) throw error
          // Trying it again in the usual way would cost as much as it may take to answer others.
          this.fail(httpRequest, error)
          return -1
        }
      }) ?? 0
    )
  }

  cancel(request: number): void {
    this.#service.engine.tensors.cancel(request)
  }

  /** @returns null for what the reference does: raw requests. */
  #read(
    served: ServedModel,
    description: PipelineDescription,
    body: ArrayBuffer | Uint8Array,
    header: ReadHeader,
  ): { call: PreparedCall; formOf: (index: number) => OutputForm } | null {
    const bytes =
      body instanceof ArrayBuffer ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const length = headLength(header(HEAD_LENGTH_HEADER), bytes.length)
    if (length === 0) return null
    const { head, tail } = readBody(bytes, length, this.#heads)
    const request = bindRequest(served.name, head, tail, this.#service.memory)
    const call = prepareCall(served, description, request, header)
    return isBytesCall(call) ? { call, formOf: outputFormsOf(head) } : null
  }

  #answer(
    httpRequest: FastPathRequest,
    call: PreparedCall,
    formOf: (index: number) => OutputForm,
    result: InferResult,
  ): void {
    let written
    try {
      written = writeAnswer(answerOf(call, result), formOf, this.#service.memory)
    } catch (error) {
      // Whatever it is, for example a text longer than a string may be: its caller gets the failure, and nobody else's
      // answer is lost.
      return this.fail(httpRequest, toPenstockError(error))
    }
    const { headBytes, body } = written
    const headers = answerHeaders(call.options)
    if (body instanceof PieceBody) httpRequest.reply({ status: 200, contentType: JSON_TYPE, headers, body })
    else {
      httpRequest.answerHeaders = headBytes === null ? headers : [[HEAD_LENGTH_HEADER, String(headBytes)], ...headers]
      const refusal = httpRequest.answer(body, headBytes === null ? JSON_TYPE : BINARY_TYPE)
      if (refusal !== null) return this.fail(httpRequest, refusal)
    }
    this.#service.noteInference(call.served)
    this.#context.onAnswered(route, 'POST', 200)
  }

  fail(httpRequest: FastPathRequest, error: PenstockError): void {
    const reply = this.#recent.replyTo(error, () => replyToError(error, httpRequest, this.#context, failureStatus))
    this.#context.onAnswered(route, 'POST', reply.status)
    httpRequest.reply(reply)
  }

  #find(parameter: string): Target | null {
    return (
      passes(() => {
        const served = this.#service.models.find(decodeURIComponent(parameter), '')
        const tensors = this.#service.models.isReady(served) ? this.#service.engine.tensors.find(served.pipeline) : null
        if (tensors === null) return null
        const target = { served, tensors }
        if (this.#targets.size < targetsMax) this.#targets.set(parameter, target)
        return target
      }) ?? null
    )
  }
}

const targetsMax = 1024

/** What the claim returns; undefined when it throws what the reference will throw again. */
function passes<T>(claim: () => T): T | undefined {
  try {
    return claim()
  } catch (error) {
    if (isPenstockError(error) || error instanceof URIError) return undefined
    throw error
  }
}
