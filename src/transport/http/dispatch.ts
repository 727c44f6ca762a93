/**
 * One request from the socket to its reply: route, key, query, body, handler; and the one place where errors become
 * replies. What is not a PenstockError is a bug: it is logged with its stack under a request id, and the caller learns
 * the id and nothing else.
 *
 * Everything up to `readBody` runs before the first await: the library drops a body that nobody has asked for by then.
 */
import { randomBytes } from 'node:crypto'
import type { Scope } from '../../base/access.js'
import { argumentError } from '../../base/expect.js'
import { toPenstockError } from '../../base/errors.js'
import { runAs } from '../../base/actor.js'
import type { Grant } from '../access/grant.js'
import type { HttpRequest } from '../socket/http-request.js'
import type { HttpReply } from '../socket/seam.js'
import { FailureLog } from './failure-log.js'
import { errorReply } from './replies.js'
import type { HttpContext, Route } from './route.js'
import type { Router } from './router.js'

const noBody = Buffer.alloc(0)
/** Distinguishes the requests of this process from those of another run of it. */
const processId = randomBytes(4).toString('hex')
let requestNumber = 0

/** @returns the function that answers every request of a server. */
export function createDispatcher<Context extends HttpContext>(
  router: Router<Route<Context>>,
  context: Context,
): (httpRequest: HttpRequest) => void {
  return (httpRequest) => {
    const found = router.find(httpRequest.method, httpRequest.path)
    if (found.kind === 'refused') {
      const headers = found.allow === null ? [] : [['allow', found.allow] as const]
      httpRequest.respond(errorReply(found.error, undefined, headers))
      return context.onAnswered('', httpRequest.method, found.error.httpStatus)
    }
    const { route, parameters } = found
    void answer(route, parameters, httpRequest, context).then((reply) => {
      httpRequest.respond(reply)
      context.onAnswered(route.path, httpRequest.method, reply.status)
    })
  }
}

/** Never rejects. */
async function answer<Context extends HttpContext>(
  route: Route<Context>,
  parameters: readonly string[],
  httpRequest: HttpRequest,
  context: Context,
): Promise<HttpReply> {
  try {
    const grant = route.access === 'open' ? null : admit(route, route.access, parameters, httpRequest, context)
    const keyName = grant?.key?.name ?? null
    const query = readQuery(httpRequest.query, route)
    const { bodyBytesMax } = route
    const bytesMax = typeof bodyBytesMax === 'function' ? bodyBytesMax(context) : bodyBytesMax
    const body = bytesMax === undefined ? noBody : await httpRequest.readBody(bytesMax, route.isUpload === true)
    const handle = async (): Promise<HttpReply> => {
      const reply = await route.handle({ context, keyName, grant, httpRequest, parameters, query, body })
      httpRequest.expectRoomFor(reply)
      return reply
    }
    // Only what may change something: see base/actor.ts.
    if (grant === null || !isControl(route)) return await handle()
    return await runAs(grant.actor, async () => {
      const reply = await handle()
      if (route.control !== undefined) await context.onControl({ kind: route.control, subject: parameters[0] ?? '' })
      return reply
    })
  } catch (error) {
    return replyToError(error, httpRequest, context, route.failureStatus, route.failureShape)
  }
}

/** @throws PenstockError ERR_UNAUTHORIZED, ERR_FORBIDDEN, ERR_RATE_LIMITED. */
function admit<Context extends HttpContext>(
  route: Route<Context>,
  scopes: readonly Scope[],
  parameters: readonly string[],
  httpRequest: HttpRequest,
  context: Context,
): Grant {
  const grant = context.access.authorize(httpRequest, scopes)
  if (grant.pipelines !== null && scopes.length > 0 && route.bindsByItself !== true)
    grant.expectPipeline(pipelineOf(route, parameters, context))
  if (grant.limit !== null) httpRequest.count(grant.limit)
  return grant
}

function pipelineOf<Context extends HttpContext>(
  route: Route<Context>,
  parameters: readonly string[],
  context: Context,
): string | null {
  if (route.pipelineOf !== undefined) return route.pipelineOf(parameters, context)
  const names: readonly string[] = route.path.match(/\{\w+\}/g) ?? []
  return parameters[names.indexOf('{pipeline}')] ?? null
}

function isControl({ access }: Pick<Route, 'access'>): boolean {
  return access.includes('write') || access.includes('admin')
}

/** What an error reply needs to know of its request. */
export type FailedRequest = Pick<HttpRequest, 'method' | 'path' | 'isAborted'>

/** The reply to whatever was thrown; what is the operator's to know is logged. */
export function replyToError(
  thrown: unknown,
  httpRequest: FailedRequest,
  context: HttpContext,
  statusOf: Route['failureStatus'] = undefined,
  shape: Route['failureShape'] = undefined,
): HttpReply {
  const error = toPenstockError(thrown)
  const { httpStatus } = error
  const status = statusOf?.(error)
  // Capacity is the operator's to watch in the metrics, not one line of log per refusal; 501 is the caller's mistake.
  const isExpected = error.retryable || error.code === 'ERR_DEADLINE_EXCEEDED' || error.code === 'ERR_UNSUPPORTED'
  if (httpStatus < 500 || isExpected || httpRequest.isAborted) return errorReply(error, undefined, [], status, shape)
  const { method, path } = httpRequest
  const cause = error.cause ?? error
  const kind = `${method} ${path} ${error.code} ${cause instanceof Error ? cause.message : error.message}`
  const unlogged = failures.admit(kind.slice(0, failureCharactersMax), context.clock.nowMs())
  if (unlogged === null) return errorReply(error, undefined, [], status, shape)
  const requestId = nextRequestId()
  const facts = { requestId, method, path, code: error.code, err: cause }
  context.logger.error(unlogged === 0 ? facts : { ...facts, unlogged }, 'request failed')
  return errorReply(error, requestId, [], status, shape)
}

/** What an entry of the log and the reply to its caller have in common. */
export function nextRequestId(): string {
  return `${processId}-${++requestNumber}`
}

/** One for this process, as the numbers of its requests are. */
const failures = new FailureLog()
const failureCharactersMax = 512

const noQuery = new URLSearchParams()

/** @throws PenstockError ERR_ARGUMENT for a parameter that the route does not know: a slip must not pass in silence. */
function readQuery(text: string, route: Pick<Route, 'document'>): URLSearchParams {
  if (text === '') return noQuery
  const query = new URLSearchParams(text)
  const known = route.document.query ?? []
  for (const name of query.keys()) {
    if (known.some((parameter) => parameter.name === name)) continue
    const names = known.map((parameter) => parameter.name)
    throw argumentError(
      'each query parameter',
      names.length === 0 ? 'absent, for this address has none,' : `one of ${names.join(', ')}`,
      name,
    )
  }
  return query
}
