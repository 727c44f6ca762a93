/**
 * What a route is, what a handler gets, and the context that all share. Handlers have no `try`: whatever they throw
 * becomes an error reply in dispatch.ts.
 */
import type { Logger } from 'pino'
import { argumentError } from '../../base/expect.js'
import type { Clock } from '../../base/clock.js'
import type { PenstockError } from '../../base/errors.js'
import type { EngineApi } from '../../engine/api/api.js'
import type { Exposition, MetricsForm } from '../../metrics/metrics.js'
import type { Scope } from '../../base/access.js'
import type { Access } from '../access/access.js'
import type { Grant } from '../access/grant.js'
import type { DescribedHeader } from '../header-options.js'
import type { HttpRequest } from '../socket/http-request.js'
import type { HttpReply } from '../socket/seam.js'
import type { ErrorShape } from './replies.js'
import type { Pattern } from './router.js'

export interface HttpContext {
  readonly engine: EngineApi
  readonly access: Access
  readonly logger: Logger
  readonly clock: Clock
  /** Where the answer was made, in records' metadata. */
  readonly partition: string
  /** Name and version of this server. */
  readonly product: { readonly name: string; readonly version: string }
  readonly bodyBytesMax: number
  /** Below it exports of the log are written; null: they are refused. */
  readonly exportPath: string | null
  /** What GET /metrics answers; null: nothing is measured. */
  readonly metrics: ((form: MetricsForm) => Promise<Exposition>) | null
  /** Journals what no store of the registry does. */
  onControl(action: ControlAction): void | Promise<void>
  onAnswered(route: string, method: string, status: number): void
  isDraining(): boolean
  /** Whether /docs is a page. */
  readonly servesDocs: boolean
  readonly predict: PredictPolicy
}

/** How rows by the names of contracts are served. */
export interface PredictPolicy {
  /** What `/predict` means; null: the only pipeline that names a contract. */
  readonly defaultPipeline: string | null
  /** `terse`: callers hear how many values broke a rule, and the log has which. */
  readonly errors: 'full' | 'terse'
}

/** Something that was done to the server or its machine, which the registry's own changes are not. */
export interface ControlAction {
  readonly kind: 'log.export' | 'model.load' | 'model.unload' | 'memory.register' | 'memory.unregister'
  /** What it was done to: a pipeline, a model, a region; '' for all. */
  readonly subject: string
}

/**
 * Who may ask: `open`, anybody, without a key · scopes, of which a key needs one · none, whoever has a key. A key that is
 * bound to pipelines gets nowhere with scopes but to its pipelines' addresses.
 */
export type RouteAccess = 'open' | readonly Scope[]

/** One request as a handler sees it. `Context`: what the handler's dialect needs beside what all share. */
export interface Call<Context extends HttpContext = HttpContext> {
  readonly context: Context
  /** The name of the API key that asks; null where none is asked for. */
  readonly keyName: string | null
  /** What the caller may do; null: the address is open. */
  readonly grant: Grant | null
  readonly httpRequest: HttpRequest
  /** Values of the path's parameters, decoded, in order. */
  readonly parameters: readonly string[]
  /** Only the query parameters that the route declares. */
  readonly query: URLSearchParams
  /** Empty when the route reads none. */
  readonly body: Buffer
}

/** How OpenAPI describes a route; names of bodies and answers are schemas of schemas.ts. */
export interface RouteDocument {
  readonly summary: string
  readonly query?: readonly { readonly name: string; readonly description: string; readonly isRepeated?: boolean }[]
  /** The headers that the handler reads beside those of HTTP itself, and those that it answers with. */
  readonly headers?: readonly DescribedHeader[]
  readonly answerHeaders?: readonly DescribedHeader[]
  /** Media type → schema; null: bytes. */
  readonly request?: Readonly<Record<string, string | null>>
  readonly isRequestOptional?: boolean
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, string | null>> }>
  >
}

export interface Route<Context extends HttpContext = HttpContext> extends Pattern {
  readonly access: RouteAccess
  /** The one pipeline that the address is about; absent: the parameter `{pipeline}` of the path, where it has one. */
  readonly pipelineOf?: ((parameters: readonly string[], context: Context) => string | null) | undefined
  /** true: the handler sees to it that a key that is bound to pipelines gets to no other, for the body or the answer names them. */
  readonly bindsByItself?: boolean
  /** Journalled when it was answered with success, for changes that the registry does not see. */
  readonly control?: ControlAction['kind'] | undefined
  /** Bytes, or a function of the context; absent: no body is read. */
  readonly bodyBytesMax?: number | ((context: Context) => number)
  /** The body may be a model, which the byte budget is too small for. */
  readonly isUpload?: boolean
  readonly document: RouteDocument
  /** The status of an error where a protocol has its own; absent: the error's. */
  readonly failureStatus?: ((error: PenstockError) => number) | undefined
  /** The body of an error where a protocol has its own; absent: that of replies.ts. */
  readonly failureShape?: ErrorShape | undefined
  handle(call: Call<Context>): HttpReply | Promise<HttpReply>
}

/** The name under which the version in the path serves, loaded by who asks first. @throws PenstockError what serveVersion throws. */
export async function servedVersion(call: Call): Promise<string> {
  return (await call.context.engine.serveVersion(parameter(call, 0), versionParameter(call, 1))).name
}

/** Listings that can be narrowed declare it. */
export const searchQuery = {
  name: 'search',
  description: 'Only those whose name or one of whose tags contains this text, whatever the case of letters',
} as const

/** The parameter at `index` of the path. */
export function parameter(call: Pick<Call, 'parameters'>, index: number): string {
  return call.parameters[index] ?? ''
}

/** @throws PenstockError ERR_ARGUMENT unless the text is an integer in 1..2^31-1. */
export function versionParameter(call: Pick<Call, 'parameters'>, index: number): number {
  const text = parameter(call, index)
  if (/^[1-9]\d{0,9}$/.test(text) && Number(text) < 2 ** 31) return Number(text)
  throw argumentError('the version in the path', 'an integer in 1..2147483647', text)
}
