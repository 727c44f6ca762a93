/**
 * What gRPC callers can make the server hold: answers that nobody reads. Callers of HTTP/2 itself, for a gRPC library reads
 * whatever comes: each asks for a large answer and opens no window for it. The process stays near its budget, cuts them off
 * and gives the memory back, and a caller who reads is answered meanwhile.
 */
import { connect, type ClientHttp2Session } from 'node:http2'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HttpCaller, percentile, sleep } from './testing/load.js'
import { expectBounded, measureMemory, MIB, printMemory } from './testing/memory.js'
import { ServerChild } from './testing/server-child.js'
import { wideModel } from './testing/wide-model.js'

const budgetBytes = 256 * MIB
const columns = 256
/** Answered with 16 MiB of floats. */
const rows = 16 * 1024
const callers = 80
const infer = '/inference.GRPCInferenceService/ModelInfer'

/** ModelInferRequest of one input `x`, FP32 [count, 1], raw; behind the five bytes that gRPC puts before a message. */
function inferMessage(model: string, count: number): Buffer {
  const shape = field(3, Buffer.concat([varint(count), varint(1)]))
  const input = Buffer.concat([field(1, Buffer.from('x')), field(2, Buffer.from('FP32')), shape])
  const raw = Buffer.from(Float32Array.from({ length: count }, (_, index) => index / count).buffer)
  const message = Buffer.concat([field(1, Buffer.from(model)), field(5, input), field(7, raw)])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** Encodes a protobuf field of bytes. */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) + 128)
  }
}

function open(server: ServerChild): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${server.grpcPort}`)
  session.on('error', () => undefined)
  onTestFinished(() => session.destroy())
  return session
}

/** @param isRead false: the answer stays where it is. @returns the gRPC status when all was read; null: cut off. */
function ask(session: ClientHttp2Session, message: Buffer, isRead: boolean): Promise<number | null> {
  const stream = session.request({
    ':method': 'POST',
    ':path': infer,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.on('error', () => undefined)
  return new Promise((resolve) => {
    let status: number | null = null
    const note = (headers: Record<string, unknown>): void => {
      if (headers['grpc-status'] !== undefined) status = Number(headers['grpc-status'])
    }
    stream.on('response', note)
    stream.on('trailers', note)
    stream.on('close', () => resolve(status))
    if (isRead) stream.resume()
    stream.end(message)
  })
}

describe('memory over gRPC', () => {
  test('80 callers that do not read hold what the budget has, are cut off, and nobody else waits', async () => {
    const server = await ServerChild.start({
      modelBytes: { wide: wideModel(columns, true) },
      pipelines: { wide: [{ type: 'model', model: 'wide' }] },
      engine: { inferWorkers: 1, memoryBudgetBytes: budgetBytes },
      hasGrpc: true,
      isAsShipped: true,
    })
    const http = new HttpCaller(server.url)
    onTestFinished(() => http.close())
    const honest = open(server)
    const small = inferMessage('wide', 1)
    for (let warm = 0; warm < 100; warm++) expect(await ask(honest, small, true)).toBe(0)
    for (let warm = 0; warm < 4; warm++) expect(await ask(honest, inferMessage('wide', rows / 8), true)).toBe(0)
    const large = inferMessage('wide', rows)
    const latencies: number[] = []
    const statuses = new Map<string, number>()
    const run = await measureMemory(server.pid, async () => {
      const deaf = Promise.all(Array.from({ length: callers }, () => ask(open(server), large, false)))
      let isOver = false
      const reading = (async (): Promise<void> => {
        while (!isOver) {
          const startMs = performance.now()
          // 0, or RESOURCE_EXHAUSTED while the others hold the budget.
          expect([0, 8]).toContain(await ask(honest, small, true))
          latencies.push(performance.now() - startMs)
          await sleep(10)
        }
      })()
      for (const status of await deaf) {
        const name = status === null ? 'cut off' : `status ${status}`
        statuses.set(name, (statuses.get(name) ?? 0) + 1)
      }
      isOver = true
      await reading
    })
    const kinds = [...statuses].map(([name, count]) => `${count} ${name}`).join(', ')
    printMemory(
      `${callers} gRPC callers that do not read`,
      run,
      budgetBytes,
      `${kinds}; a small caller's p99 ${percentile(latencies, 0.99).toFixed(1)} ms`,
    )
    expectBounded(run, budgetBytes)
    expect(statuses.get('cut off')).toBeGreaterThan(0)
    expect(percentile(latencies, 0.99)).toBeLessThan(500)
    expect(await ask(honest, small, true)).toBe(0)
  })
})
