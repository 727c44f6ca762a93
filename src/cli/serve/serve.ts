/**
 * `penstock serve`: the composition root of the server. It reads as the order of things: refuse early what cannot work,
 * open the home, start the engine, set the examples up, listen, greet, wait for a signal, drain, close.
 * The engine, the transport and the logger are imported when the command runs: the other commands must not load ONNX
 * Runtime or the addon.
 */
import { Command } from 'commander'
import type { Logger } from 'pino'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { PenstockError } from '../../base/errors.js'
import { argumentError } from '../../base/expect.js'
import { LOG_SQL_SPARE_DELAY_MS } from '../../base/limits/limits.js'
import { tablesIn } from '../../files/tables/table-folder.js'
import { packagePath, release } from '../../base/package-root.js'
import type { Engine } from '../../engine/engine.js'
import type { EngineLog } from '../../engine/api/logs.js'
import type { EngineOptions } from '../../engine/api/options.js'
import type { PenstockServer, ServerOptions, TlsOptions } from '../../server.js'
import { datasetsOf, withDatasets } from '../../files/datasets/dataset-store.js'
import type { Home } from '../../registry/home.js'
import { asUsage } from '../shared/failures.js'
import type { ModelSources } from '../../sources/watch/model-sources.js'
import type { Terminal } from '../shared/terminal.js'
import { describePlan } from './plan-lines.js'
import { withServeOptions, type ServeOptions } from './serve-options.js'

/** A share of one thread's time. */
const IDLE_UTILIZATION_MAX = 0.05
/** Without the option. */
const GRPC_PORT = 8081
const EXAMPLES = `
Examples:
  $ penstock serve --examples
  $ penstock serve --home /var/lib/penstock --host 0.0.0.0        with keys: penstock keys create <name>
  $ penstock serve --watch-models /models --watch-models s3://models/prod
  $ PENSTOCK_HOME=/var/lib/penstock penstock serve --port 9000 --infer-workers 4

SIGTERM and SIGINT drain: the server takes no new work, finishes what is in flight and exits with 0. A second signal
ends it at once, with 1.`

export function serveCommand(terminal: Terminal): Command {
  return withServeOptions(new Command('serve'))
    .summary('run the server')
    .description('Runs the server: HTTP and WebSocket on one port.')
    .addHelpText('after', EXAMPLES)
    .action((options: ServeOptions) => serve(terminal, options))
}

/** What a command besides serves: what `open` deploys is greeted, `start` runs once the server answers. */
export interface Served {
  start(): Promise<void>
  close(): Promise<void>
}
type OpenServed = (engine: Engine) => Promise<Served>

/** @param open of a server that follows something, such as a project's folder. */
export async function serve(terminal: Terminal, options: ServeOptions, open?: OpenServed): Promise<void> {
  await expectFreePort(options.host, options.port)
  const grpcPort = grpcPortOf(options)
  if (grpcPort !== null) await expectFreePort(options.host, grpcPort, '--grpc-port')
  const [{ Home, homePath }, { isLoopbackHost }] = await Promise.all([
    import('../../registry/home.js'),
    import('../../transport/access/hosts.js'),
  ])
  const home = await Home.open({ path: homePath(options.home), verifyContent: options.verify })
  try {
    if (!isLoopbackHost(options.host.toLowerCase())) expectSafeHost(options, home.keys.count)
    await serveHome(terminal, options, home, open)
  } catch (error) {
    await home.close()
    throw error
  }
}

async function serveHome(terminal: Terminal, options: ServeOptions, home: Home, open?: OpenServed): Promise<void> {
  const [
    { pino },
    { Engine },
    { LogStore },
    { PenstockServer },
    { formatThreadPlan },
    { exitNow },
    { keepLittleFreeMemory },
  ] = await Promise.all([
    import('pino'),
    import('../../engine/engine.js'),
    import('../../log/store/log-store.js'),
    import('../../server.js'),
    import('../../engine/calibration/thread-plan.js'),
    import('../../engine/exit-now.js'),
    import('../../worker/free-memory.js'),
  ])
  keepLittleFreeMemory()
  const logger = pino({ level: options.logLevel }, pino.destination({ dest: 2, sync: true }))
  for (const problem of home.problems) logger.warn(problem)
  home.watch((error) => logger.error({ err: error }, error.message))
  const log = await LogStore.open(home.logPath, {
    onError: (error) => logger.error({ err: error }, 'the log cannot be tidied up; it is tried again'),
  })
  const engine = await Engine.open(engineOptionsOf(options, home, log, logger))
  const directory = examplesDirectory(options.examples)
  if (directory !== undefined) await setUp(terminal, engine, directory)
  const served = await open?.(engine)
  const keys = stickyKeys(home)
  home.keys.watch((error) => logger.error({ err: error }, 'keys.json cannot be read; the keys before stay valid'))
  const sources = await openSources(options, home, engine, logger)
  const server = await PenstockServer.start({ ...serverOptionsOf(options, home, { engine, keys, logger }), sources })
  const { runUntilSignal } = await import('./shutdown.js')
  // Before the greeting: whoever reads it may send a signal at once.
  const ended = runUntilSignal({
    drain: () => {
      // Nothing new comes in any more; what is under way ends with the watching.
      void sources?.stop()
      return server.drain()
    },
    closers: [
      () => home.close(),
      () => log.close(),
      () => engine.close(),
      () => server.close(),
      () => sources?.stop() ?? Promise.resolve(),
      async () => served?.close(),
    ],
    onNote: (line) => logger.info(line),
    onFailure: (error) => logger.error({ err: error }, 'a part of the server could not be closed'),
    exit: exitNow,
  })
  terminal.print(await greet(engine, server, home, directory, describePlan(engine, formatThreadPlan, server.ioThreads)))
  await served?.start()
  sources?.start()
  // A server that ends before has no use for it; one that cannot start it starts it with the first query.
  onceIdle(() => void log.prepareQueries().catch(() => undefined))
  exitNow(await ended)
}

/** @throws UsageError: a place that cannot be one. */
async function openSources(
  options: ServeOptions,
  home: Home,
  engine: Engine,
  logger: Logger,
): Promise<ModelSources | undefined> {
  const { watchModels: places = [], watchAlias: alias, watchInterval: intervalMs, trackingUri } = options
  if (places.length === 0) return undefined
  const { ModelSources } = await import('../../sources/watch/model-sources.js')
  return asUsage(() =>
    ModelSources.open({
      engine,
      places,
      alias,
      intervalMs,
      trackingUri,
      statePath: join(home.path, 'sources.json'),
      onNotice: ({ level, message, cause }) => logger[level](cause === undefined ? {} : { err: cause }, message),
    }),
  )
}

/** Calls `work` behind the first look's interval in which this thread had next to nothing to do: no load pays for it. */
function onceIdle(work: () => void): void {
  let last = performance.eventLoopUtilization()
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last)
    last = performance.eventLoopUtilization()
    if (utilization > IDLE_UTILIZATION_MAX) return
    clearInterval(timer)
    work()
  }, LOG_SQL_SPARE_DELAY_MS)
  timer.unref()
}

function engineOptionsOf(options: ServeOptions, home: Home, log: EngineLog, logger: Logger): EngineOptions {
  return {
    models: home.models,
    pipelines: home.pipelines,
    contracts: home.contracts,
    datasets: datasetsOf(home),
    tokenizers: home.tokenizers,
    log,
    ...(options.inferWorkers === undefined ? {} : { inferWorkers: options.inferWorkers }),
    ...(options.backgroundWorkers === undefined ? {} : { backgroundWorkers: options.backgroundWorkers }),
    ...(options.intraOpThreads === undefined ? {} : { intraOpThreads: options.intraOpThreads }),
    metrics: options.metrics === 'on',
    rowCheckEvery: options.rowCheckEvery,
    batchingDifferences: options.batchingDifferences,
    ...(options.workerWatchUs === undefined ? {} : { workerWatchUs: options.workerWatchUs }),
    ...(options.calibration === undefined ? {} : { calibration: options.calibration }),
    ...(options.latencyObjective === undefined ? {} : { latencyObjectiveMs: options.latencyObjective }),
    memoryBudgetBytes: options.memoryBudget,
    modelMemoryBytes: options.modelMemoryBytes,
    warmBytes: options.warmBytes,
    warmSeconds: options.warmSeconds,
    tables: withDatasets(home, tablesIn(options.tables ?? join(home.path, 'tables'))),
    tableBytesMax: options.tablesMemory,
    allowScripts: options.allowScripts === true,
    runLimitMs: options.runLimit,
    runStopMs: options.runStop,
    runs: options.runs,
    substituteWorkers: options.substituteWorkers,
    ...(options.remoteHosts === undefined ? {} : { remoteHosts: options.remoteHosts }),
    onNotice: ({ level, message, cause }) => logger[level](cause === undefined ? {} : { err: cause }, message),
  }
}

function serverOptionsOf(
  options: ServeOptions,
  home: Home,
  parts: Pick<ServerOptions, 'engine' | 'keys' | 'logger'>,
): ServerOptions {
  return {
    ...parts,
    host: options.host,
    port: options.port,
    grpcPort: grpcPortOf(options) ?? undefined,
    insecure: options.insecure === true,
    allowedHosts: options.allowHost ?? [],
    onControl: (action) => home.note(action),
    defaultPipeline: options.defaultPipeline,
    invocations: options.invocations,
    sageMakerModelsPath: options.sagemakerModels,
    errors: options.errors,
    docs: options.docs === 'on',
    allowClientShm: options.allowClientShm === true,
    ...(options.sockets === undefined ? {} : { sockets: options.sockets }),
    tls: tlsOf(options),
    drainLimitMs: options.drainLimit,
    drainDelayMs: options.drainDelay,
    ...(options.ioThreads === undefined ? {} : { ioThreads: options.ioThreads }),
    exportPath: join(home.path, 'exports'),
  }
}

async function setUp(terminal: Terminal, engine: Engine, directory: string): Promise<void> {
  const { setUpExamples } = await import('./examples.js')
  await setUpExamples(engine, directory, (line) => terminal.progress(line))
  terminal.progress('')
}

async function greet(
  engine: Engine,
  server: Pick<PenstockServer, 'url' | 'host' | 'grpcPort' | 'sockets' | 'socketsReason'>,
  home: Home,
  directory: string | undefined,
  threadPlan: string,
): Promise<string> {
  const [{ formatGreeting }, { goldenInputs }] = await Promise.all([import('./greeting.js'), import('./examples.js')])
  // One that could not be deployed again has been logged; it must not keep the others from serving.
  const serving = engine.listPipelines().filter(({ name }) => engine.pipelineStatus(name).deployed)
  const pipelines = serving.map(({ name }) => engine.describePipeline(name))
  const golden = async (model: string) => (directory === undefined ? undefined : goldenInputs(directory, model))
  const { url, host, grpcPort } = server
  const grpc = grpcPort === null ? undefined : `${host}:${grpcPort}`
  return formatGreeting({
    release,
    url,
    grpc,
    sockets:
      server.sockets !== 'node' && server.socketsReason === null ? undefined : (server.socketsReason ?? 'as asked for'),
    home: home.path,
    threadPlan,
    pipelines,
    contracts: engine.servedContracts(),
    golden,
    needsKey: home.keys.count > 0,
  })
}

/** Once a key was asked for, revoking the last one must not open the server to everybody. */
function stickyKeys(home: Home) {
  let wasRequired = home.keys.count > 0
  return {
    get count() {
      wasRequired ||= home.keys.count > 0
      return wasRequired ? Math.max(1, home.keys.count) : 0
    },
    verify: (key: string) => home.keys.verify(key),
  }
}

function examplesDirectory(option: string | true | undefined): string | undefined {
  if (option === undefined) return undefined
  return option === true ? packagePath('examples') : resolve(option)
}

/** Refuses a host that others can reach without keys. */
function expectSafeHost(options: ServeOptions, keyCount: number): void {
  if (keyCount > 0 || options.insecure === true) return
  const wayOut = 'Create a key with `penstock keys create <name>`, or pass --insecure if the network is trusted.'
  throw new PenstockError(
    'ERR_ARGUMENT',
    `Expected an API key before listening on ${options.host}, which others can reach, but there is none. ${wayOut}`,
  )
}

/** @throws PenstockError ERR_ARGUMENT for one of the options without the others that it needs. */
function tlsOf({ tlsCert, tlsKey, tlsClientCa }: ServeOptions): TlsOptions | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined)
    return {
      certPath: resolve(tlsCert),
      keyPath: resolve(tlsKey),
      ...(tlsClientCa === undefined ? {} : { clientCaPath: resolve(tlsClientCa) }),
    }
  const lone = Object.entries({ 'tls-cert': tlsCert, 'tls-key': tlsKey, 'tls-client-ca': tlsClientCa }).find(
    ([, path]) => path !== undefined,
  )
  if (lone === undefined) return undefined
  throw argumentError(`--${lone[0]}`, 'given together with --tls-cert and --tls-key', lone[1])
}

/** Whoever asks for any free port runs more than one server on this machine. */
function grpcPortOf({ port, grpcPort }: ServeOptions): number | null {
  if (grpcPort === 'off') return null
  return grpcPort ?? (port === 0 ? 0 : GRPC_PORT)
}

/** Binds the port first, so that a taken one is reported at once and not after all models were loaded. */
async function expectFreePort(host: string, port: number, option = '--port'): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  await new Promise<void>((resolvePort, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => reject(portError(error, host, port, option)))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolvePort()))
  })
}

function portError(error: NodeJS.ErrnoException, host: string, port: number, option: string): Error {
  if (error.code === 'EADDRINUSE') {
    const text = `Port ${port} of ${host} is in use by another process. Stop it, or choose another with ${option}.`
    return new PenstockError('ERR_CONFLICT', text, { cause: error })
  }
  if (error.code === 'EACCES') {
    return new PenstockError(
      'ERR_ARGUMENT',
      `Port ${port} needs privileges that this process lacks. Choose one above 1023 with ${option}.`,
      { cause: error },
    )
  }
  return new PenstockError(
    'ERR_ARGUMENT',
    `Cannot listen on ${host}: ${error.message}. Choose an address of this machine with --host.`,
    { cause: error },
  )
}
