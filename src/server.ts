/**
 * PenstockServer: the composition root of everything that listens. Reads as a table of contents: metrics, the
 * WebSocket dialect, HTTP routes, one socket server under both. The engine is the caller's: it is used here, not owned.
 */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino, type Logger } from 'pino'
import { argumentError, expectBoolean, expectInteger, expectName, expectOneOf, expectString } from './base/expect.js'
import { systemClock, type Clock } from './base/clock.js'
import { DRAIN_LIMIT_MS, FAREWELL_LIMIT_MS, IO_THREADS_MAX } from './base/limits/limits.js'
import { processLimits } from './base/limits/process-limits.js'
import { release } from './base/package-root.js'
import type { EngineApi, ModelSourcesApi } from './engine/api/api.js'
import type { Engine } from './engine/engine.js'
import { Metrics } from './metrics/metrics.js'
import { openAccess } from './server/access.js'
import { expectLimits, type ServerLimits } from './server/limits.js'
import type { Access } from './transport/access/access.js'
import type { KeyVerifier } from './transport/access/verifier.js'
import { DescriptorGuard, guardLines } from './transport/descriptor-guard.js'
import { createDispatcher } from './transport/http/dispatch.js'
import { FastPathInfer } from './transport/dialects/penstock/fast-path-infer.js'
import type { ControlAction } from './transport/http/route.js'
import { Router } from './transport/http/router.js'
import { routesOf, type Invocations, type ServerContext } from './transport/routes.js'
import { GrpcPort } from './transport/dialects/oip/grpc/port.js'
import { SOCKETS_VARIABLE, socketChoiceOf } from './transport/socket/choose.js'
import type { SocketChoice, SocketOwner } from './transport/socket/seam.js'
import { SocketServer } from './transport/socket/server.js'
import { SageMakerModels } from './transport/dialects/invocations/sagemaker/models.js'
import { FastPathInferV2 } from './transport/dialects/oip/http/fast-path-infer.js'
import { V2Service } from './transport/dialects/oip/service.js'
import { CertificateWatch } from './transport/tls/certificate-watch.js'
import type { Certificates, TlsOptions } from './transport/tls/certificates.js'
import { HeldAnswers, withinBudget } from './transport/held-answers.js'
import type { ConnectionSlot } from './transport/websocket/connection.js'
import { WebSocketServer } from './transport/websocket/websocket-server.js'

export type { ServerLimits } from './server/limits.js'
export type { KeyVerifier, VerifiedKey } from './transport/access/verifier.js'
export type { ControlAction } from './transport/http/route.js'
export type { SocketChoice, SocketOwner } from './transport/socket/seam.js'
export type { TlsOptions } from './transport/tls/certificates.js'
/** What the server needs of an engine. */
export type ServedEngine = Pick<
  Engine,
  keyof EngineApi | 'port' | 'ioPorts' | 'json' | 'tensors' | 'budget' | 'on' | 'metrics' | 'isMeasuring'
>

export interface ServerOptions {
  /** An engine serves one server at a time: its port has one pair of hooks. */
  readonly engine: ServedEngine
  readonly host?: string
  /** 0: any free port. */
  readonly port?: number
  /** Port of gRPC, 0: any free one; absent: gRPC is off. */
  readonly grpcPort?: number | undefined
  readonly keys?: KeyVerifier
  /** Encrypts HTTP, WebSocket and gRPC; the files are followed, a renewed certificate serves without a restart. Absent: plain. */
  readonly tls?: TlsOptions | undefined
  /** Allows a host that others can reach without any key. */
  readonly insecure?: boolean
  /**
   * Names beside this machine's own under which a server without keys may be called, as browsers and proxies say it in
   * `Host`: `name`, `*.name` for all below it, `*` for every name.
   */
  readonly allowedHosts?: readonly string[]
  /** Called for what was done to the server or its machine and no store of the registry journals, in the caller's name, before the answer. */
  readonly onControl?: (action: ControlAction) => void | Promise<void>
  /** Milliseconds that drain and close wait for what is in flight. */
  readonly drainLimitMs?: number
  /**
   * Milliseconds, 0..3600000, for which drain and close serve on with readiness off before anything is refused: balancers
   * need them to notice. Absent: 0.
   */
  readonly drainDelayMs?: number | undefined
  readonly logger?: Logger
  /** `metadata.partition` of records; absent: the machine's name. */
  readonly partition?: string
  /** Directory below which exports of the log are written; absent: they are refused. */
  readonly exportPath?: string
  readonly limits?: Partial<ServerLimits>
  /** The pipeline that `POST /predict` and `/invocations` mean; absent: the only one that names a contract, or is deployed. */
  readonly defaultPipeline?: string | undefined
  /** What callers hear of rows that break their contract: each problem, or with `terse` how many; then the log has them. */
  readonly errors?: 'full' | 'terse' | undefined
  /** Whether `/docs` is a page that shows the API; default true. */
  readonly docs?: boolean | undefined
  /** Whose `POST /invocations` and what belongs to it is answered: MLflow's or SageMaker's; absent: neither. */
  readonly invocations?: Invocations | undefined
  /** Directory below which SageMaker's `POST /models` may load models; absent: it may not. Only with `invocations: 'sagemaker'`. */
  readonly sageMakerModelsPath?: string | undefined
  /** Places that are watched for models, for their routes and metrics; the caller starts and stops them. Absent: none. */
  readonly sources?: ModelSourcesApi | undefined
  /** Lets clients of the Open Inference Protocol register shared memory of this machine. */
  readonly allowClientShm?: boolean
  /** Who owns the sockets; absent: the environment's PENSTOCK_SOCKETS, else 'auto': uWebSockets.js where it loads, else Node's own. */
  readonly sockets?: SocketChoice
  /** Threads that own connections, 1..32, of `native` sockets only; absent: 1. */
  readonly ioThreads?: number | undefined
  readonly clock?: Clock
}

/** How often drain looks whether the last answer is written. */
const drainPollMs = 5
const goingAway = 'the server is shutting down'

interface ServerDependencies {
  readonly access: Access
  readonly sockets: SocketServer<ConnectionSlot>
  readonly guard: DescriptorGuard
  readonly webSockets: WebSocketServer
  readonly state: ServerState
  readonly logger: Logger
  readonly grpc: GrpcPort | null
  readonly grpcPort: number | null
  readonly host: string
  readonly port: number
  readonly drainLimitMs: number
  readonly drainDelayMs: number
  readonly clock: Clock
  readonly engine: ServedEngine
  readonly certificates: CertificateWatch | null
}

/**
 * HTTP and WebSocket on one port.
 * @example const server = await PenstockServer.start({ engine, port: 0 }); console.log(server.url); await server.close()
 */
export class PenstockServer {
  readonly host: string
  /** The bound port. */
  readonly port: number
  readonly url: string
  /** The bound port of gRPC; null when it is off. */
  readonly grpcPort: number | null
  /** Who owns the sockets of HTTP and WebSocket: Penstock's own I/O threads, uWebSockets.js, or Node's http and ws, which are slower. */
  readonly sockets: SocketOwner
  /** Why it is Node's own, and what to do: one sentence; null when it is another, or was asked for. */
  readonly socketsReason: string | null
  /** Threads that own connections: 0 when it is the isolate's own. */
  readonly ioThreads: number
  readonly #access: Access
  readonly #grpc: GrpcPort | null
  readonly #sockets: SocketServer<ConnectionSlot>
  readonly #guard: DescriptorGuard
  readonly #webSockets: WebSocketServer
  readonly #engine: ServedEngine
  readonly #logger: Logger
  readonly #state: ServerState
  readonly #drainLimitMs: number
  readonly #drainDelayMs: number
  readonly #clock: Clock
  readonly #certificates: CertificateWatch | null
  #drained: Promise<boolean> | null = null

  private constructor(dependencies: ServerDependencies) {
    this.grpcPort = dependencies.grpcPort
    this.sockets = dependencies.sockets.backendName
    this.socketsReason = dependencies.sockets.fallBackReason
    this.ioThreads = dependencies.sockets.ioThreads
    this.#access = dependencies.access
    this.#grpc = dependencies.grpc
    this.#sockets = dependencies.sockets
    this.#guard = dependencies.guard
    this.#webSockets = dependencies.webSockets
    this.#engine = dependencies.engine
    this.#logger = dependencies.logger
    this.#state = dependencies.state
    this.#drainLimitMs = dependencies.drainLimitMs
    this.#drainDelayMs = dependencies.drainDelayMs
    this.#clock = dependencies.clock
    this.#certificates = dependencies.certificates
    this.host = dependencies.host
    this.port = dependencies.port
    this.url = `${dependencies.certificates === null ? 'http' : 'https'}://${dependencies.host.includes(':') && !dependencies.host.startsWith('[') ? `[${dependencies.host}]` : dependencies.host}:${dependencies.port}`
  }

  /**
   * Binds the port and serves.
   * @throws PenstockError ERR_ARGUMENT: a host beyond loopback without keys, a host that is not this machine's, a limit out
   *   of its range, sockets that do not load here; ERR_CONFLICT: the port is taken.
   */
  static async start(options: ServerOptions): Promise<PenstockServer> {
    const certificates = await openCertificates(options, (renewed) => {
      dependencies.sockets.renew(renewed)
      dependencies.grpc?.renew(renewed)
    })
    const dependencies = { ...assemble(options, certificates?.present), certificates }
    const { sockets, grpc, guard, host, logger } = dependencies
    const bareHost = host.replace(/^\[(.*)\]$/, '$1')
    const boundPort = await sockets.listen(bareHost, dependencies.port)
    const grpcPort = await listenOrClose(sockets, grpc, bareHost, options.grpcPort ?? 0)
    guard.start()
    certificates?.start()
    const server = new PenstockServer({ ...dependencies, port: boundPort, grpcPort })
    if (server.socketsReason !== null) logger.warn(`serving by Node's own http and ws, slower: ${server.socketsReason}`)
    logger.info(
      { host, port: boundPort, ...(grpcPort === null ? {} : { grpcPort }), sockets: server.sockets },
      'listening',
    )
    return server
  }

  /** WebSocket connections that are open. */
  get connectionCount(): number {
    return this.#webSockets.connectionCount
  }

  /**
   * Takes no new work and finishes what is there: readiness off, then for `drainDelayMs` as ever; Goaway to every
   * WebSocket, no new connections; then waits for the engine and for the last answers to be written. Idempotent.
   * @returns true when all was finished within the limit.
   */
  drain(): Promise<boolean> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  /** Drains when that was not done yet, then closes every connection. The engine stays open. Idempotent. */
  async close(): Promise<void> {
    await this.drain()
    if (this.#state.isClosed) return
    this.#state.isClosed = true
    this.#webSockets.closeAll(goingAway)
    this.#sockets.close()
    this.#certificates?.close()
    this.#access.close()
    await this.#grpc?.close()
    this.#guard.close()
    this.#logger.info('closed')
  }

  async #drain(): Promise<boolean> {
    this.#state.isLeaving = true
    if (this.#drainDelayMs > 0) {
      this.#logger.info({ delayMs: this.#drainDelayMs }, 'not ready any more; draining when the delay is over')
      await sleep(this.#drainDelayMs)
    }
    const startedUs = this.#clock.monotonicUs()
    const elapsedMs = (): number => (this.#clock.monotonicUs() - startedUs) / 1000
    this.#state.isDraining = true
    this.#logger.info({ limitMs: this.#drainLimitMs, connections: this.#webSockets.connectionCount }, 'draining')
    this.#webSockets.goaway(goingAway, this.#drainLimitMs)
    this.#sockets.stopListening()
    this.#grpc?.stopListening()
    let isIdle = await this.#engine.drain(this.#drainLimitMs)
    // Requests that crossed the Goaway are answered, too: a client that knows it closes after its last answer. Closing
    // first would lose what lies unread in the sockets, and the client could not know whether it ran.
    const farewellMs = Math.min(this.#drainLimitMs, elapsedMs() + FAREWELL_LIMIT_MS)
    while (this.#webSockets.connectionCount > 0 && elapsedMs() < farewellMs) await sleep(drainPollMs)
    isIdle &&= await this.#engine.drain(Math.max(0, this.#drainLimitMs - elapsedMs()))
    const isWritten = (): boolean => this.#sockets.openRequestCount === 0 && this.#webSockets.bufferedBytes === 0
    while (!isWritten() && elapsedMs() < this.#drainLimitMs) await sleep(drainPollMs)
    isIdle &&= isWritten()
    this.#logger.info({ isIdle, tookMs: Math.round(elapsedMs()) }, 'drained')
    return isIdle
  }
}

/** Reads what `tls` names. @throws PenstockError ERR_ARGUMENT */
async function openCertificates(
  { tls, logger = pino({ level: 'silent' }), clock = systemClock }: ServerOptions,
  onChange: (certificates: Certificates) => void,
): Promise<CertificateWatch | null> {
  if (tls === undefined) return null
  return CertificateWatch.open({ files: tls, onChange, logger, nowMs: () => clock.nowMs() })
}

/** @returns the bound port of gRPC; null without one. */
async function listenOrClose(
  sockets: SocketServer<ConnectionSlot>,
  grpc: GrpcPort | null,
  host: string,
  port: number,
): Promise<number | null> {
  if (grpc === null) return null
  try {
    return await grpc.listen(host, expectInteger('grpcPort', port, 0, 65_535))
  } catch (error) {
    sockets.close()
    throw error
  }
}

interface Listening {
  readonly sockets: SocketServer<ConnectionSlot>
  readonly webSockets: WebSocketServer
  readonly grpc: GrpcPort | null
  readonly guard: DescriptorGuard
  readonly answered: () => ReadonlyMap<string, number>
}

/** What changes while a server runs. */
class ServerState {
  /** It says that it is not ready. */
  isLeaving = false
  /** It takes no new connections. */
  isDraining = false
  isClosed = false
  /** Bounded: methods that no route has are counted as one, and a route is a pattern. */
  readonly #answers = new Map<string, number>()

  countAnswer(route: string, method: string, status: number): void {
    const key = `${knownMethods.has(method) ? method : 'other'} ${route} ${status}`
    this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1)
  }

  #answersWith(answered: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const all = new Map(this.#answers)
    for (const [route, count] of answered)
      if (count > 0) all.set(`POST ${route} 200`, (all.get(`POST ${route} 200`) ?? 0) + count)
    return all
  }

  /** @param answered of the routes that I/O threads answer, how many they have answered with 200. */
  metrics({ sockets, webSockets, grpc, guard, answered }: Listening) {
    return {
      tcpConnections: sockets.connectionCount,
      webSocketConnections: webSockets.connectionCount,
      grpcConnections: grpc?.connectionCount ?? 0,
      refusedConnections: guard.refusedCount,
      httpRequests: this.#answersWith(answered()),
    }
  }
}

/** Puts a server together; it does not listen yet. */
function assemble(
  options: ServerOptions,
  certificates: Certificates | undefined,
): Omit<ServerDependencies, 'grpcPort' | 'certificates'> {
  const { engine, host = '127.0.0.1', clock = systemClock } = options
  const numbers = checkedNumbers(options)
  const limits = withinBudget(expectLimits(options.limits ?? {}), engine.budget)
  const logger = options.logger ?? pino({ level: 'silent' })
  const { keys, insecure, allowedHosts } = options
  const makeLimit = engine.port.makeLimit.bind(engine.port)
  const access = openAccess({ host, keys, insecure, allowedHosts, clock, logger, makeLimit })
  const state = new ServerState()

  const isDraining = (): boolean => state.isDraining
  const webSockets = new WebSocketServer({
    engine,
    access,
    logger,
    limits,
    held: new HeldAnswers(engine.budget, limits.socketsBufferBytesMax, logger),
    product,
    isDraining,
  })
  const metrics = new Metrics(() => ({
    engine: engine.metrics(),
    transport: state.metrics({ sockets, webSockets, grpc, guard, answered: () => infer.answeredByThreads() }),
    sources: options.sources?.list() ?? [],
    version: product.version,
  }))
  const v2 = new V2Service({
    engine,
    product,
    isDraining: () => state.isLeaving,
    allowsSharedMemory: options.allowClientShm === true,
    nowMs: () => clock.nowMs(),
  })
  const context = contextOf(options, { v2, access, logger, metrics, state, bodyBytesMax: limits.bodyBytesMax })
  const limit = processLimits().descriptors
  const guard = new DescriptorGuard({
    limit,
    connections: () => sockets.connectionCount + (grpc?.connectionCount ?? 0),
    nowMs: () => clock.monotonicUs() / 1000,
    ...guardLines(logger, limit),
  })
  const admits = (): boolean => guard.admits()
  const infer = new FastPathInfer(context, engine.json, engine.ioPorts)
  const sockets: SocketServer<ConnectionSlot> = new SocketServer({
    onRequest: createDispatcher(new Router(routesOf(context.invocations)), context),
    fastPaths: [infer, new FastPathInferV2(context, v2)],
    socket: webSockets.behaviour(),
    ioPorts: engine.ioPorts,
    budget: engine.budget,
    admits,
    certificates,
    ...socketOptions(options),
  })

  webSockets.start(sockets.backendName === 'native' ? engine.ioPorts : engine.port)
  const grpc = options.grpcPort === undefined ? null : grpcPortOf({ context, limits, engine, admits, certificates })
  const parts = { access, grpc, sockets, guard, webSockets, state, logger }
  return { ...parts, host, ...numbers, clock, engine }
}

function checkedNumbers({ port = 8080, drainLimitMs = DRAIN_LIMIT_MS, drainDelayMs = 0 }: ServerOptions) {
  return {
    port: expectInteger('port', port, 0, 65_535),
    drainLimitMs: expectInteger('drainLimitMs', drainLimitMs, 0, 3_600_000),
    drainDelayMs: expectInteger('drainDelayMs', drainDelayMs, 0, 3_600_000),
  }
}

/** Who owns the sockets, with how many threads. */
function socketOptions({ sockets, ioThreads = 1 }: ServerOptions): { sockets: SocketChoice; ioThreads: number } {
  return {
    sockets: socketChoiceOf(sockets ?? process.env[SOCKETS_VARIABLE] ?? 'auto'),
    ioThreads: expectInteger('ioThreads', ioThreads, 1, IO_THREADS_MAX),
  }
}

/** The same server behind gRPC; it does not listen yet. */
function grpcPortOf({ context, limits, engine, admits, certificates }: GrpcPortParts): GrpcPort {
  const { v2, access, logger } = context
  const onControl = (action: ControlAction): void | Promise<void> => context.onControl(action)
  const { bodyBytesMax, idleTimeoutS } = limits
  return new GrpcPort({
    service: v2,
    access,
    onControl,
    bodyBytesMax,
    budget: engine.budget,
    idleTimeoutS,
    admits,
    logger,
    certificates,
  })
}

interface GrpcPortParts extends Pick<ServerOptions, 'engine'> {
  readonly context: ServerContext
  readonly limits: { readonly bodyBytesMax: number; readonly idleTimeoutS: number }
  readonly admits: () => boolean
  readonly certificates: Certificates | undefined
}

/** What the handlers of every dialect are given. */
function contextOf(
  options: ServerOptions,
  dependencies: Pick<ServerContext, 'v2' | 'access' | 'logger' | 'bodyBytesMax'> & {
    readonly metrics: Metrics
    readonly state: ServerState
  },
): ServerContext {
  const { engine, clock = systemClock, onControl = () => undefined } = options
  const { v2, access, logger, metrics, state, bodyBytesMax } = dependencies
  return {
    engine,
    ...invocationsOf(options),
    sources: options.sources ?? null,
    v2,
    access,
    onControl,
    logger,
    clock,
    product,
    partition: options.partition ?? hostname(),
    bodyBytesMax,
    exportPath: options.exportPath === undefined ? null : resolve(options.exportPath),
    metrics: engine.isMeasuring ? (form) => metrics.expose(form) : null,
    onAnswered: (route, method, status) => state.countAnswer(route, method, status),
    isDraining: () => state.isLeaving,
    servesDocs: expectBoolean('docs', options.docs ?? true),
    predict: {
      defaultPipeline:
        options.defaultPipeline === undefined ? null : expectName('defaultPipeline', options.defaultPipeline),
      errors: expectOneOf('errors', options.errors ?? 'full', ['full', 'terse']),
    },
  }
}

/** @throws PenstockError ERR_ARGUMENT: another word, or a directory for a server that loads nothing. */
function invocationsOf(options: ServerOptions): Pick<ServerContext, 'invocations' | 'sageMaker'> {
  const { engine, invocations, sageMakerModelsPath: path } = options
  const chosen = invocations === undefined ? null : expectOneOf('invocations', invocations, ['mlflow', 'sagemaker'])
  if (chosen === 'sagemaker') {
    const root = path === undefined ? null : resolve(expectString('sageMakerModelsPath', path))
    return { invocations: chosen, sageMaker: new SageMakerModels({ engine, root }) }
  }
  if (path !== undefined) throw argumentError('sageMakerModelsPath', "absent unless invocations is 'sagemaker'", path)
  return { invocations: chosen, sageMaker: null }
}

const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])

const product = { name: 'penstock', version: release } as const
