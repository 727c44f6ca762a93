/** The options of `penstock serve`, and of what serves beside it. */
import { type Command, Option } from 'commander'
import type { SocketChoice } from '../../server.js'
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
import { runLimit, runStop, runWay, substituteWorkers } from './run-options.js'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

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
  readonly runStop?: number
  readonly runs?: 'native' | 'onnxruntime-node'
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
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsClientCa?: string
  readonly insecure?: boolean
  readonly allowHost?: readonly string[]
  readonly remoteHosts?: readonly string[]
  readonly verify: boolean
  readonly drainLimit: number
  readonly drainDelay: number
  readonly ioThreads?: number
  readonly logLevel: string
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
    .addOption(runLimit)
    .addOption(runStop)
    .addOption(runWay)
    .addOption(substituteWorkers)
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
    .addOption(
      new Option(
        '--tls-cert <file>',
        'PEM file of the certificate: HTTP, WebSocket and gRPC are encrypted; read again when it is replaced',
      ).env('PENSTOCK_TLS_CERT'),
    )
    .addOption(new Option('--tls-key <file>', 'PEM file of its private key').env('PENSTOCK_TLS_KEY'))
    .addOption(
      new Option(
        '--tls-client-ca <file>',
        'PEM file of authorities: callers must present a certificate that one of them signed (default: they need none)',
      ).env('PENSTOCK_TLS_CLIENT_CA'),
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
