/**
 * Servers that the load generator is tried on: other products' manners (chunked answers, connections that close) and
 * faults that a generator must notice (stalls, lies, resets). They answer y = 2x, as columns or in the Open Inference
 * Protocol, whichever the request speaks. Plans and bodies for them, with short names.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { LoadPhase, LoadPlan, LoadTarget, RequestKind } from '../../src/loadtest/native/load-plan.js'
import { writeRequestBodies, type RequestBody } from '../../src/loadtest/native/request-bodies.js'
import { contentTypeOf, encodeRequest } from '../../src/loadtest/native/request-encoding.js'

type WebSocketTransport = LoadTarget['transport']

export interface Behaviour {
  /** Multiplies each value of the answers; 2 is right. */
  readonly factor?: number
  readonly status?: number
  /** By path, before `status`. */
  readonly statusOf?: Readonly<Record<string, number>>
  readonly isChunked?: boolean
  readonly closes?: boolean
  /** Milliseconds that every answer takes. */
  readonly delayMs?: number
  /** Each so-manyth request is cut off in the middle of its answer. */
  readonly cutsEach?: number
  /** After so many milliseconds nothing is answered for so long. */
  readonly stall?: { readonly afterMs: number; readonly forMs: number }
}

export interface Target {
  readonly port: number
  /** Counts the connections that were accepted. */
  connections(): number
  requestsByPath(): ReadonlyMap<string, number>
  close(): Promise<void>
}

export async function startTarget(behaviour: Behaviour = {}): Promise<Target> {
  const counts = new Map<string, number>()
  let connections = 0
  let requests = 0
  let startMs: number | undefined
  const respond = async (request: IncomingMessage, response: ServerResponse, body: Buffer) => {
    const path = request.url ?? '/'
    counts.set(path, (counts.get(path) ?? 0) + 1)
    startMs ??= performance.now()
    await sleep(behaviour.delayMs ?? 0)
    if (behaviour.stall !== undefined) {
      const atMs = performance.now() - startMs - behaviour.stall.afterMs
      if (atMs > 0) await sleep(behaviour.stall.forMs - atMs)
    }
    const status = behaviour.statusOf?.[path] ?? behaviour.status ?? 200
    const { head, answer } = answerOf(request, body, behaviour.factor ?? 2)
    if (behaviour.closes === true) response.setHeader('connection', 'close')
    requests++
    if (behaviour.cutsEach !== undefined && requests % behaviour.cutsEach === 0) {
      response.writeHead(status, { ...head, 'content-length': answer.length + 1 })
      response.write(answer.subarray(0, 5), () => response.destroy())
      return
    }
    if (behaviour.isChunked !== true) response.setHeader('content-length', answer.length)
    response.writeHead(status, head)
    response.write(answer.subarray(0, 7))
    response.end(answer.subarray(7))
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => void respond(request, response, Buffer.concat(chunks)))
  })
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    requestsByPath: () => counts,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}

/** Plan of one kind against `port`; `changes` win. */
export function planOf(
  transport: WebSocketTransport,
  port: number,
  requests: readonly RequestKind[],
  phases: readonly LoadPhase[],
  changes: Partial<LoadPlan> = {},
): LoadPlan {
  const target = { transport, host: '127.0.0.1', port, headers: {}, serverPid: 0 }
  return { target, connections: 4, requests, phases, seed: 11, intervalSeconds: 0.25, ...changes }
}

export function closed(seconds: number, inFlight = 1, thinkMs = 0): LoadPhase {
  return { kind: 'closed', inFlight, thinkMs, seconds, isWarmup: false }
}

export function open(seconds: number, ratePerSecond: number, endRatePerSecond = ratePerSecond): LoadPhase {
  return { kind: 'open', ratePerSecond, endRatePerSecond, seconds, isWarmup: false }
}

/** A kind whose `bodyCount` bodies have rows of three floats and expect `factor` times them. */
export async function doubling(
  folder: string,
  transport: WebSocketTransport,
  changes: Partial<RequestKind> = {},
  { bodyCount = 5, factor = 2 } = {},
): Promise<RequestKind> {
  const name = changes.name ?? 'doubling'
  const rows = changes.rows ?? 2
  const bodiesPath = join(folder, `${name}-${transport}.bin`)
  const bodies = Array.from({ length: bodyCount }, (_, body): RequestBody => {
    const data = Float32Array.from({ length: rows * 3 }, (_, index) => body + index / 8)
    const fields = [{ name: 'x', dtype: 'float32' as const, shape: [null, 3] }]
    const tensors = [{ dtype: 'float32' as const, shape: [rows, 3], data }]
    return { ...encodeRequest(transport, { fields, tensors }), expected: [data.map((value) => value * factor)] }
  })
  const outputs = [{ name: 'y', dtype: 'float32' as const }]
  await writeRequestBodies(bodiesPath, { outputs, toleranceAbsolute: 1e-6, toleranceRelative: 1e-5, bodies })
  const contentType = contentTypeOf(transport)
  const expect = { kind: 'answer' } as const
  return { name, weight: 1, pipeline: null, path: '/predict', contentType, rows, bodiesPath, expect, ...changes }
}

function answerOf(
  request: IncomingMessage,
  body: Buffer,
  factor: number,
): { head: Record<string, string | number>; answer: Buffer } {
  const headLength = request.headers['inference-header-content-length']
  const json = JSON.parse(body.subarray(0, headLength === undefined ? undefined : Number(headLength)).toString()) as {
    x?: number[][]
    inputs?: { shape: number[]; data?: number[][] }[]
  }
  const input = json.inputs?.[0]
  if (input === undefined) {
    const y = (json.x ?? []).map((row) => row.map((value) => value * factor))
    return { head: { 'content-type': 'application/json' }, answer: Buffer.from(JSON.stringify({ note: 'y: [', y })) }
  }
  const output = { name: 'y', datatype: 'FP32', shape: input.shape }
  if (headLength === undefined) {
    const data = (input.data ?? []).flat().map((value) => value * factor)
    const answer = {
      model_name: 'm',
      outputs: [
        { name: 'other', data: [1] },
        { ...output, data },
      ],
    }
    return { head: { 'content-type': 'application/json' }, answer: Buffer.from(JSON.stringify(answer)) }
  }
  const bytes = body.subarray(Number(headLength))
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  const data = Buffer.from(floats.map((value) => value * factor).buffer)
  const head = JSON.stringify({ outputs: [{ ...output, parameters: { binary_data_size: data.length } }] })
  return { head: { 'inference-header-content-length': head.length }, answer: Buffer.concat([Buffer.from(head), data]) }
}

function sleep(milliseconds: number): Promise<void> {
  return milliseconds <= 0 ? Promise.resolve() : new Promise((resolve) => void setTimeout(resolve, milliseconds))
}
