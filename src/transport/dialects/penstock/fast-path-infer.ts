/**
 * The infer endpoint without promises: JSON columns in, JSON columns out, for pipelines that run natively; and rows by the
 * names of a contract, which the same exchanges carry. The engine's JSON port reads the body and writes the answer; here
 * only the head of a request is looked at, and its fate counted.
 *
 * infer.ts and predict/predict.ts are the reference, and do whatever is not done here: other bodies and answers, what the port does not read,
 * every request that is refused before its rows are admitted. Both give the same answers, which a test compares.
 */
import { isPenstockError, toPenstockError, type PenstockError } from '../../../base/errors.js'
import type { InferResult, PipelineDescription } from '../../../engine/api/api.js'
import type { JsonPort, JsonTarget } from '../../../engine/requests/json-port.js'
import type { CallerLimit } from '../../../engine/requests/caller-limit.js'
import type { IoPorts, IoReply } from '../../../engine/requests/io-ports.js'
import { noOptions } from '../../../engine/requests/request-options.js'
import { INFER } from '../../access/scopes.js'
import { answerHeaders, LOGGED_ID_HEADER, withHeaderMeta } from '../../header-options.js'
import { headKeyOf } from '../../http/head-key.js'
import { freeResult } from '../../held-bytes.js'
import type { FastPathRequest, FastPathRequests, FastPathHandler } from '../../socket/fast-path-request.js'
import { answerFormOf } from './answer-form.js'
import { replyToError } from '../../http/dispatch.js'
import { columnsBody } from './infer-answer.js'
import { inferRoutes } from './infer.js'
import { PREDICT_PATH } from './predict/predict.js'
import { answerForm, expectJsonAccepted, inferBodyKind, rowsBodyKind } from '../../http/media-types.js'
import { JSON_TYPE, RecentReply } from '../../http/replies.js'
import type { HttpContext } from '../../http/route.js'

type IoJsonPorts = Pick<IoPorts, 'keepHead' | 'setJsonHooks' | 'answeredCount'>

const routePaths: readonly string[] = [...inferRoutes.map(({ path }) => path), PREDICT_PATH]
const predictIndex = routePaths.length - 1

export class FastPathInfer implements FastPathHandler {
  readonly paths = routePaths.map((path) => path.replace(/\{(\w+)\}/, ':$1'))
  readonly bodyBytesMax: number
  readonly #context: HttpContext
  readonly #port: JsonPort
  readonly #io: IoJsonPorts
  readonly #recent = new RecentReply()
  readonly #columns = new KnownHeaders((contentType, accept) => {
    return inferBodyKind(contentType) === 'json' && answerForm(accept, 'columns') === 'columns'
  })
  readonly #rows = new KnownHeaders((contentType, accept) => {
    expectJsonAccepted(accept)
    return rowsBodyKind(contentType) === 'json'
  })

  /** @param io I/O threads, which take requests by themselves once one with the same head was judged here. */
  constructor(context: HttpContext, port: JsonPort, io: IoJsonPorts) {
    this.#context = context
    this.#port = port
    this.#io = io
    io.setJsonHooks({ onFailure: (route, error) => this.#replyOfFailure(routePaths[route] ?? '', error) })
    this.bodyBytesMax = context.bodyBytesMax
  }

  /** To be called once, before the first request. */
  start(httpRequests: FastPathRequests): void {
    this.#port.setHooks({
      formOf: answerFormOf,
      onAnswer: (number, bytes) => {
        const httpRequest = httpRequests.at(number)
        const refusal = httpRequest.answer(bytes, JSON_TYPE)
        if (refusal !== null) return this.fail(httpRequest, refusal)
        this.#context.onAnswered(routeOf(httpRequest), 'POST', 200)
      },
      onLargeAnswer: (number, result, description) =>
        this.#answerInPieces(httpRequests.at(number), result, description),
      onFailure: (number, error) => this.fail(httpRequests.at(number), error),
    })
  }

  /** Requests that I/O threads have answered with 200, by route. */
  answeredByThreads(): ReadonlyMap<string, number> {
    return new Map(routePaths.map((route, index) => [route, this.#io.answeredCount(index)]))
  }

  wants(httpRequest: FastPathRequest): boolean {
    const isRows = httpRequest.pathIndex === predictIndex
    if (!(isRows ? this.#rows : this.#columns).areOf(httpRequest)) return false
    const grant = this.#context.access.find(httpRequest, INFER)
    if (grant === null || !grant.allows(httpRequest.parameter)) return false
    httpRequest.limit = grant.limit
    const { parameter } = httpRequest
    if (isRows) httpRequest.target = this.#port.findRows(parameter)
    else httpRequest.target = this.#findColumns(httpRequest, grant.limit)
    return httpRequest.target !== null
  }

  #findColumns(httpRequest: FastPathRequest, limit: CallerLimit | null): JsonTarget | null {
    const { thread, parameter, path, pathIndex } = httpRequest
    const target = this.#port.find(parameter)
    const key = target === null || thread < 0 ? null : headKeyOf(path, httpRequest.header)
    if (target !== null && key !== null) this.#io.keepHead(thread, key, target, limit, pathIndex)
    return target
  }

  /** A request that an I/O thread had admitted: its head is not here, and nothing of it matters any more. */
  #replyOfFailure(route: string, error: PenstockError): IoReply {
    const failed = { method: 'POST', path: route, isAborted: error.code === 'ERR_ABORTED' }
    const reply = this.#recent.replyTo(error, () => replyToError(error, failed, this.#context))
    this.#context.onAnswered(route, 'POST', reply.status)
    const headers = [['content-type', reply.contentType ?? JSON_TYPE] as const, ...(reply.headers ?? [])]
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    return { status: reply.status, headers: lines, body: Buffer.from(reply.body as string) }
  }

  submit(httpRequest: FastPathRequest, body: ArrayBuffer | Uint8Array): number {
    const options = withHeaderMeta(noOptions, httpRequest.header)
    httpRequest.answerHeaders = answerHeaders(options)
    const target = httpRequest.target as JsonTarget
    const isRows = httpRequest.pathIndex === predictIndex
    const request = isRows
      ? this.#port.submitRows(target, body, httpRequest.number, options)
      : this.#port.submit(target, body, httpRequest.number, options)
    // Rows by names have no place for it in the body.
    if (isRows && request > 0)
      httpRequest.answerHeaders = [[LOGGED_ID_HEADER, this.#port.lastRequestId], ...httpRequest.answerHeaders]
    if (request < 0) this.fail(httpRequest, this.#port.lastRefusal)
    return request
  }

  cancel(request: number): void {
    this.#port.cancel(request)
  }

  #answerInPieces(httpRequest: FastPathRequest, result: InferResult, description: PipelineDescription): void {
    let body
    try {
      body = columnsBody(result, description, () => freeResult(result))
    } catch (error) {
      return this.fail(httpRequest, toPenstockError(error))
    }
    this.#context.onAnswered(routeOf(httpRequest), 'POST', 200)
    httpRequest.reply({ status: 200, contentType: JSON_TYPE, headers: httpRequest.answerHeaders, body })
  }

  fail(httpRequest: FastPathRequest, error: PenstockError): void {
    const reply = this.#recent.replyTo(error, () => replyToError(error, httpRequest, this.#context))
    this.#context.onAnswered(routeOf(httpRequest), 'POST', reply.status)
    httpRequest.reply(reply)
  }
}

/** The headers that were found to mean a form last: clients send the same ones again and again. */
class KnownHeaders {
  readonly #isForm: (contentType: string, accept: string) => boolean
  #contentType = ''
  #accept: string | null = null

  constructor(isForm: (contentType: string, accept: string) => boolean) {
    this.#isForm = isForm
  }

  areOf(httpRequest: FastPathRequest): boolean {
    if (httpRequest.header('content-encoding') !== '') return false
    const contentType = httpRequest.header('content-type')
    const accept = httpRequest.header('accept')
    if (contentType === this.#contentType && accept === this.#accept) return true
    if (!passes(() => this.#isForm(contentType, accept))) return false
    this.#contentType = contentType
    this.#accept = accept
    return true
  }
}

function routeOf(httpRequest: FastPathRequest): string {
  return routePaths[httpRequest.pathIndex] ?? ''
}

/** Whether the claim holds; what it throws is for the usual way to throw again. */
function passes(claim: () => boolean): boolean {
  try {
    return claim()
  } catch (error) {
    if (isPenstockError(error)) return false
    throw error
  }
}
