/**
 * Criterion 18: what the Open Inference Protocol costs over the native path. The same rows as one infer request each: a
 * native binary body, native JSON (which the addon reads without JavaScript) and OIP with binary tensors, in turn; and
 * gRPC against a bare grpc-js server that gives each message back unread (baselines/grpc-echo.mjs). gRPC's client is
 * grpc-js, too, in this process, and takes as much of the machine on both sides. Every answer is compared: by the
 * generator with ONNX Runtime's own, of gRPC with that of the first request.
 */
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Client, credentials, type MethodDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { projectRoot } from '../harness/project.js'
import { awaitReady, startBaseline, startPenstock } from '../harness/servers.js'
import { closed, rowsPerSecond, runOn } from './loads.js'
import { prepareModel, withPenstock, withServer } from './penstock.js'
import { drawRequests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'

const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')
const pipeline = 'bench'
const requestCount = 64
const connections = 32
const method = '/inference.GRPCInferenceService/ModelInfer'
const floats = 29

export const oipCriterion: Criterion = { number: 18, title: 'the Open Inference Protocol', measure }

async function measure(bench: Bench): Promise<Finding[]> {
  const home = await prepareModel(bench, pipeline, modelPath)
  const requests = await drawRequests(modelPath, { count: requestCount, rows: 1 })
  const http = (transport: 'http-json' | 'http-binary' | 'oip-binary', path: string) => () =>
    withPenstock(home, async (server) => {
      const load = { requests, transport, connections, shape: closed(1), pipeline, path }
      return rowsPerSecond(await runOn(bench, server, load))
    })
  const message = inferMessage()
  const results = await interleave(bench.rounds, {
    json: http('http-json', `/v1/pipelines/${pipeline}/infer`),
    binary: http('http-binary', `/v1/pipelines/${pipeline}/infer`),
    oip: http('oip-binary', `/v2/models/${pipeline}/infer`),
    grpc: async () => {
      const port = await freePort()
      return withServer(startPenstock(home, ['--grpc-port', String(port)]), async (server) => {
        await awaitReady(server)
        return flood(bench, port, message)
      })
    },
    echo: () => withServer(startBaseline('grpc-echo.mjs'), (server) => flood(bench, server.port, message)),
  })
  return findingsOf(results)
}

function findingsOf(results: Map<string, number[]>): Finding[] {
  const rate = (value: number): number => value
  const medianOf = (name: 'json' | 'binary' | 'echo'): string =>
    `${shortNumber(samplesOf(resultsOf(results, name)).median)}/s`
  const shown = { unit: '/s', baseline: '', better: 'more', required: null, aim: null } as const
  return [
    criterionResult(
      18,
      '29 floats, OIP binary over HTTP, against a native binary body',
      ratios(resultsOf(results, 'oip'), resultsOf(results, 'binary'), rate),
      {
        unit: '×',
        baseline: `native binary ${medianOf('binary')}`,
        better: 'more',
        required: 0.7,
        aim: 1,
      },
    ),
    criterionResult(
      18,
      '29 floats, OIP binary over HTTP, against native JSON',
      ratios(resultsOf(results, 'oip'), resultsOf(results, 'json'), rate),
      { unit: '×', baseline: `native JSON ${medianOf('json')}`, better: 'more', required: null },
    ),
    criterionResult(18, '29 floats, OIP binary over HTTP, rows/s', samplesOf(resultsOf(results, 'oip')), shown),
    criterionResult(
      18,
      '29 floats, gRPC unary, against a bare echo',
      ratios(resultsOf(results, 'grpc'), resultsOf(results, 'echo'), rate),
      {
        unit: '×',
        baseline: `grpc-js echo ${medianOf('echo')}`,
        better: 'more',
        required: 0.7,
        aim: null,
      },
    ),
    criterionResult(18, '29 floats, gRPC unary, rows/s', samplesOf(resultsOf(results, 'grpc')), shown),
  ]
}

/** One row of zeros, as its bytes. */
function inferMessage(): Buffer {
  const proto = join(projectRoot, 'src/transport/dialects/oip/grpc/proto/inference.proto')
  const service = loadSync(proto, { keepCase: true })['inference.GRPCInferenceService'] as Record<string, unknown>
  const { requestSerialize } = service['ModelInfer'] as MethodDefinition<object, object>
  return requestSerialize({
    model_name: pipeline,
    inputs: [{ name: 'features', datatype: 'FP32', shape: [1, floats] }],
    raw_input_contents: [Buffer.alloc(4 * floats)],
  })
}

/** A closed loop of `connections` calls on one channel. @returns calls a second. @throws Error when the outputs of one answer differ from the first's. */
async function flood(bench: Bench, port: number, message: Buffer): Promise<number> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const same = (bytes: Buffer): Buffer => bytes
  const ask = (): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(method, same, same, message, (error, answer) =>
        error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error),
      )
    })
  try {
    const first = await ask()
    // Between the output's description and its one float an answer has an id of its own.
    const head = first.subarray(0, first.indexOf('FP32'))
    const float = first.subarray(-4)
    const startMs = performance.now()
    const countedMs = startMs + bench.warmupSeconds * 1000
    const endMs = countedMs + bench.seconds * 1000
    let count = 0
    const loop = async (): Promise<void> => {
      for (let nowMs = startMs; nowMs < endMs; nowMs = performance.now()) {
        const answer = await ask()
        if (!answer.subarray(0, head.length).equals(head) || !answer.subarray(-4).equals(float))
          throw new Error('Expected every answer to have the outputs of the first request')
        if (nowMs >= countedMs) count++
      }
    }
    await Promise.all(Array.from({ length: connections }, loop))
    return count / bench.seconds
  } finally {
    client.close()
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
