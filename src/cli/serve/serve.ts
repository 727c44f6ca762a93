/**
 * `penstock serve`: the composition root of the server. It reads as the order of things: refuse early what cannot work,
 * open the home, start the engine, set the examples up, listen, greet, wait for a signal, drain, close.
 * The engine, the transport and the logger are imported when the command runs: the other commands must not load ONNX
 * Runtime or the addon.
 */
import { Command, Option } from 'commander'
import type { Logger } from 'pino'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { PenstockError } from '../../base/errors.js'
import { LOG_SQL_SPARE_DELAY_MS } from '../../base/limits/limits.js'
import { tablesIn } from '../../files/tables/table-folder.js'
import { packagePath, release } from '../../base/package-root.js'
import type { Engine } from '../../engine/engine.js'
import type { EngineLog } from '../../engine/api/logs.js'
import type { EngineOptions } from '../../engine/api/options.js'
import type { PenstockServer, ServerOptions, SocketChoice } from '../../server.js'
import { datasetsOf, withDatasets } from '../../files/datasets/dataset-store.js'
import type { Home } from '../../registry/home.js'
import {
  bytesArgument,
  countArgument,
  durationArgument,
  grpcPortArgument,
  integerArgument,
  listArgument,
  portArgument,
  repeatedArgument,
} from '../shared/arguments.js'
import { asUsage } from '../shared/failures.js'
import type { ModelSources } from '../../sources/watch/model-sources.js'
import type { Terminal } from '../shared/terminal.js'
import { describePlan } from './plan-lines.js'

export interface ServeOptions {
  readonly host: string
  readonly port: number
  readonly grpcPort?: number | 'off'
  readonly home?: string
  /** true: the examples of this package. */
  readonly examples?: string | true
  readonly inferWorkers?: number
  readonly backgroundWorkers?: number
  readonly intraOpThreads?: number
  readonly metrics: 'on' | 'off'
  readonly docs: 'on' | 'off'
  readonly rowCheckEvery?: number
  readonly batchingDifferences?: 'unbatch' | 'report'
  readonly workerWatchUs?: number
  readonly calibration?: 'off' | 'background' | 'deploy'
  readonly latencyObjective?: number
  readonly memoryBudget?: number
  readonly modelMemoryBytes?: number
  readonly warmBytes?: number
  readonly warmSeconds?: number
  readonly tables?: string
  readonly tablesMemory?: number
  readonly runLimit?: number
  readonly substituteWorkers?: number
  readonly defaultPipeline?: string
  readonly invocations?: 'mlflow' | 'sagemaker'
  readonly sagemakerModels?: string
  readonly errors?: 'full' | 'terse'
  readonly watchModels?: readonly string[]
  readonly watchAlias?: string
  readonly watchInterval?: number
  readonly trackingUri?: string
  readonly allowClientShm?: boolean
  readonly allowScripts?: boolean
  readonly sockets?: SocketChoice
  readonly insecure?: boolean
  readonly allowHost?: readonly string[]
  readonly remoteHosts?: readonly string[]
  readonly verify: boolean
  readonly drainLimit: number
  readonly drainDelay: number
  readonly ioThreads?: number
  readonly logLevel: string
}

/** A share of one thread's time. */
const IDLE_UTILIZATION_MAX = 0.05
/** Without the option. */
const GRPC_PORT = 8081
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
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

// A flat table: an option a line or two.
// eslint-disable-next-line max-lines-per-function
export function withServeOptions(command: Command): Command {
  return command
    .option('--host <host>', 'address to listen on; other than loopback needs an API key', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes any free one', portArgument, 8080)
    .option('--grpc-port <port>', 'port of gRPC, or off (default: 8081; any free one with --port 0)', grpcPortArgument)
    .option('--home <directory>', 'directory of the state (default: PENSTOCK_HOME, else ./.penstock)')
    .option('--examples [directory]', 'register and deploy the examples')
    .addOption(
      new Option('--infer-workers <count>', 'inference threads (default: by the thread plan)')
        .argParser(integerArgument)
        .env('PENSTOCK_INFER_WORKERS'),
    )
    .addOption(
      new Option(
        '--background-workers <count>',
        'threads more for challengers, on core time that nothing else uses (default: by the thread plan)',
      )
        .argParser(countArgument)
        .env('PENSTOCK_BACKGROUND_WORKERS'),
    )
    .addOption(
      new Option('--intra-op-threads <count>', 'threads within one run of a model (default: by the thread plan)')
        .argParser(integerArgument)
        .env('PENSTOCK_INTRA_OP_THREADS'),
    )
    .addOption(
      new Option('--metrics <switch>', 'count and time requests and batches').choices(['on', 'off']).default('on'),
    )
    .addOption(new Option('--docs <switch>', 'serve a page of the API at /docs').choices(['on', 'off']).default('on'))
    .addOption(
      new Option('--worker-watch-us <time>', 'how long an idle inference thread spins for work before it sleeps')
        .argParser(countArgument)
        .env('PENSTOCK_WORKER_WATCH_US'),
    )
    .addOption(
      new Option('--calibration <when>', 'measure each model to choose its threads and rows (default: background)')
        .choices(['off', 'background', 'deploy'])
        .env('PENSTOCK_CALIBRATION'),
    )
    .addOption(
      new Option('--latency-objective <time>', 'what one run may take when calibration chooses (default: 100ms)')
        .argParser(durationArgument)
        .env('PENSTOCK_LATENCY_OBJECTIVE'),
    )
    .addOption(
      new Option(
        '--run-limit <time>',
        'what one run may take before its worker counts as stuck and another takes its place (default: 10 times what the model is known to take, 2s at least)',
      )
        .argParser(durationArgument)
        .env('PENSTOCK_RUN_LIMIT'),
    )
    .addOption(
      new Option('--substitute-workers <count>', 'threads that may stand in for stuck workers at a time (default: 4)')
        .argParser(countArgument)
        .env('PENSTOCK_SUBSTITUTE_WORKERS'),
    )
    .addOption(
      new Option(
        '--row-check-every <rows>',
        'one in so many rows that share a batch is run again by itself and compared; 0: none (default: 10000)',
      )
        .argParser(countArgument)
        .env('PENSTOCK_ROW_CHECK_EVERY'),
    )
    .addOption(
      new Option(
        '--batching-differences <policy>',
        'when such a row differs: unbatch (rows run one by one from then on) or report (default: unbatch)',
      )
        .choices(['unbatch', 'report'])
        .env('PENSTOCK_BATCHING_DIFFERENCES'),
    )
    .addOption(
      new Option(
        '--memory-budget <size>',
        'what callers may make the server hold, for example 2GiB (default: 1GiB, or a quarter of the memory)',
      )
        .argParser(bytesArgument)
        .env('PENSTOCK_MEMORY_BUDGET'),
    )
    .addOption(
      new Option(
        '--model-memory-bytes <size>',
        'what loaded models may count for, for example 4GiB; beyond it, models load when a request wants them (default: all stay loaded)',
      )
        .argParser(bytesArgument)
        .env('PENSTOCK_MODEL_MEMORY_BYTES'),
    )
    .addOption(
      new Option(
        '--warm-bytes <size>',
        'what versions that served before may count for, which stay loaded to serve again at once; 0: none (default: 256MiB)',
      )
        .argParser(bytesArgument)
        .env('PENSTOCK_WARM_BYTES'),
    )
    .addOption(
      new Option('--warm-seconds <seconds>', 'how long such a version stays loaded; 0: not at all (default: 900)')
        .argParser(countArgument)
        .env('PENSTOCK_WARM_SECONDS'),
    )
    .addOption(
      new Option(
        '--tables <directory>',
        'directory of the tables that lookup steps read (default: tables in the directory of the state)',
      ).env('PENSTOCK_TABLES'),
    )
    .addOption(
      new Option('--tables-memory <size>', 'what the tables of lookup steps may take, all together (default: 1GiB)')
        .argParser(bytesArgument)
        .env('PENSTOCK_TABLES_MEMORY'),
    )
    .addOption(
      new Option(
        '--default-pipeline <name>',
        'the pipeline that POST /predict and /invocations mean (default: the only one that names a contract, or is deployed)',
      ).env('PENSTOCK_DEFAULT_PIPELINE'),
    )
    .addOption(
      new Option(
        '--invocations <server>',
        'answer POST /invocations, /ping and what belongs to them as that server does',
      )
        .choices(['mlflow', 'sagemaker'])
        .env('PENSTOCK_INVOCATIONS'),
    )
    .addOption(
      new Option(
        '--sagemaker-models <directory>',
        'directory below which POST /models may load models; with --invocations sagemaker (default: none may)',
      ).env('PENSTOCK_SAGEMAKER_MODELS'),
    )
    .addOption(
      new Option(
        '--errors <detail>',
        'what callers hear of rows that break their contract: full, or terse: how many, and the log has which (default: full)',
      )
        .choices(['full', 'terse'])
        .env('PENSTOCK_ERRORS'),
    )
    .addOption(
      new Option(
        '--watch-models <place>',
        'take new models from a folder, s3://bucket/prefix, or models:/name@alias of an MLflow registry; may be given several times',
      ).argParser(repeatedArgument),
    )
    .addOption(
      new Option(
        '--watch-alias <alias>',
        'the alias that follows the newest version of watched folders and buckets (default: champion)',
      ).env('PENSTOCK_WATCH_ALIAS'),
    )
    .addOption(
      new Option('--watch-interval <time>', 'time between two looks at each watched place (default: 15s)')
        .argParser(durationArgument)
        .env('PENSTOCK_WATCH_INTERVAL'),
    )
    .addOption(
      new Option('--tracking-uri <url>', 'the MLflow server that a watched models:/… means').env('MLFLOW_TRACKING_URI'),
    )
    .option('--allow-client-shm', 'let clients of the Open Inference Protocol register shared memory of this machine')
    .addOption(
      new Option(
        '--sockets <library>',
        'who owns the sockets: native (I/O threads of C++, Linux), uws (uWebSockets.js), node (slower, loads everywhere), or auto: uws where it loads, else node (default: auto)',
      )
        .choices(['auto', 'native', 'uws', 'node'])
        .env('PENSTOCK_SOCKETS'),
    )
    .option('--io-threads <n>', 'threads that own connections, 1..32, with --sockets native', integerArgument)
    .option('--allow-scripts', 'run the scripts of pipelines: programs of whoever may write pipelines, as this user')
    .option('--insecure', 'allow to listen beyond loopback without any API key')
    .option(
      '--allow-host <names>',
      'names under which a server without keys may be called, as proxies and browsers say them: name, *.name or *',
      listArgument,
    )
    .addOption(
      new Option(
        '--remote-hosts <hosts>',
        'servers that remote steps may call, this machine among them: host, host:port, host:* or *.name (default: none)',
      )
        .argParser(listArgument)
        .env('PENSTOCK_REMOTE_HOSTS'),
    )
    .option('--no-verify', 'do not hash the stored models at start')
    .addOption(
      new Option('--drain-limit <time>', 'how long requests in flight may take at the end, for example 500ms or 2m')
        .argParser(durationArgument)
        .default(30_000, '30s'),
    )
    .addOption(
      new Option('--drain-delay <time>', 'how long to serve on at the end, not ready any more, before work is refused')
        .argParser(durationArgument)
        .default(0, '0s'),
    )
    .addOption(
      new Option('--log-level <level>', 'what to log, as JSON lines on stderr').choices(LOG_LEVELS).default('info'),
    )
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
