/**
 * The servers that Penstock is compared with: how each is started, and how it is asked. One folder per competitor holds
 * its program and its pinned requirements; each is configured as its own documentation advises for a small model on a
 * CPU (dynamic batching on where it has one, no access log, no metrics), with one intra-op thread for ONNX Runtime, as
 * Penstock has.
 */
import { join } from 'node:path'
import type { LoadTarget } from '../../src/loadtest/native/load-plan.js'

export interface Competitor {
  readonly name: string
  /** Under bench/peers. */
  readonly folder: string
  /** Python servers are what criterion 4 compares with; Triton is C++ in front of a Python backend. */
  readonly isPython: boolean
  readonly start: (place: Place) => Start
  /** Answers 2xx once the model is loaded. */
  readonly readyPath: string
  /** The dialects it speaks, each measured; the best counts. */
  readonly dialects: readonly Dialect[]
}

export interface Place {
  /** The peer's virtual environment. */
  readonly environment: string
  readonly port: number
  readonly modelPath: string
  /** Folder of its own programs. */
  readonly folder: string
}

export interface Start {
  readonly command: string
  readonly args: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}

export interface Dialect {
  readonly transport: LoadTarget['transport']
  readonly path: string
  /** Key of the rows in the request; null: the model's own name of its input. */
  readonly input: string | null
  /** Key of the numbers in the answer; '': the answer is the array itself; null: the model's own name of its output. */
  readonly output: string | null
}

const oip = (path: string, input: string | null, output: string | null): Dialect[] => [
  { transport: 'oip-json', path, input, output },
  { transport: 'oip-binary', path, input, output },
]
const json = (path: string, input: string | null = null, output: string | null = null): Dialect => {
  return { transport: 'http-json', path, input, output }
}

export const competitors: readonly Competitor[] = [
  {
    name: 'FastAPI + uvicorn + onnxruntime',
    folder: 'fastapi',
    isPython: true,
    start: ({ environment, port }) => ({
      command: join(environment, 'bin', 'uvicorn'),
      args: `app:app --host 127.0.0.1 --port ${port} --workers 2 --no-access-log --log-level warning`.split(' '),
      variables: {},
    }),
    readyPath: '/docs',
    dialects: [json('/predict')],
  },
  {
    name: 'LitServe',
    folder: 'litserve',
    isPython: true,
    start: ({ environment }) => ({ command: join(environment, 'bin', 'python'), args: ['app.py'], variables: {} }),
    readyPath: '/health',
    dialects: [json('/predict')],
  },
  {
    name: 'MLServer',
    folder: 'mlserver',
    isPython: true,
    start: ({ environment, port }) => ({
      command: join(environment, 'bin', 'mlserver'),
      args: ['start', '.'],
      variables: { MLSERVER_HTTP_PORT: String(port), MLSERVER_GRPC_PORT: '0' },
    }),
    readyPath: '/v2/health/ready',
    dialects: [{ transport: 'oip-json', path: '/v2/models/bench/infer', input: null, output: null }],
  },
  {
    name: 'BentoML',
    folder: 'bentoml',
    isPython: true,
    start: ({ environment, port }) => ({
      command: join(environment, 'bin', 'bentoml'),
      args: `serve service:Bench --host 127.0.0.1 --port ${port}`.split(' '),
      variables: { BENTOML_DO_NOT_TRACK: '1' },
    }),
    readyPath: '/readyz',
    dialects: [json('/predict', 'rows', '')],
  },
  {
    name: 'Ray Serve',
    folder: 'ray-serve',
    isPython: true,
    start: ({ environment }) => ({
      command: join(environment, 'bin', 'python'),
      args: ['app.py'],
      variables: { RAY_USAGE_STATS_ENABLED: '0' },
    }),
    readyPath: '/-/healthz',
    dialects: [json('/')],
  },
  {
    name: 'Triton (Python backend)',
    folder: 'triton',
    isPython: false,
    start: ({ environment, port, folder }) => ({
      command: join(environment, 'bin', 'python'),
      args: [join(folder, 'serve.py'), String(port)],
      variables: {},
    }),
    readyPath: '/v2/health/ready',
    dialects: oip('/v2/models/bench/infer', 'rows', 'scores'),
  },
]
