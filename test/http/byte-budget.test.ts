/**
 * The memory budget as HTTP and gRPC callers meet it: what is refused while somebody else holds it, with what words; that
 * the connection stays, the neighbour is unharmed, and all is given back.
 */
import { gzipSync } from 'node:zlib'
import { credentials, loadPackageDefinition, Metadata, type Client, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PenstockClient } from 'penstock/client'
import { parseAnswer, RawConnection, rawRequest } from '../support/raw-sockets.js'
import { serve, until, type Served } from '../support/served.js'

const MIB = 2 ** 20
const memoryBudgetBytes = 16 * MIB

let served: Served
beforeAll(async () => {
  served = await serve({ grpcPort: 0 }, { memoryBudgetBytes })
})
afterAll(() => served.close())

const held = (): number => {
  const { bodies, answers } = served.engine.budget.usedBytes()
  return bodies + answers
}

/** Rows of three floats, binary, for the Open Inference Protocol. */
function openInference(rows: number, headers: Record<string, string> = {}): Buffer {
  const head = `{"inputs":[{"name":"x","datatype":"FP32","shape":[${rows},3],"parameters":{"binary_data_size":${rows * 12}}}]}`
  const body = Buffer.concat([Buffer.from(head), Buffer.alloc(rows * 12)])
  const sent = headers['content-encoding'] === 'gzip' ? gzipSync(body) : body
  return rawRequest('POST', '/v2/models/echo/infer', sent, {
    'inference-header-content-length': String(head.length),
    ...headers,
  })
}

async function answerOf(
  connection: RawConnection,
  request: Uint8Array,
): Promise<{ status: number; head: string; json: Record<string, unknown> }> {
  connection.drop()
  connection.socket.write(request)
  await connection.until(() => parseAnswer(connection.received) !== null)
  const { status, head, body } = parseAnswer(connection.received) ?? { status: 0, head: '', body: '{}' }
  return { status, head, json: JSON.parse(body) as Record<string, unknown> }
}

/** A request of which all but the last byte was sent, and holds more than the budget. */
async function holder(): Promise<{ finish(): Promise<number>; leave(): Promise<void> }> {
  const connection = await RawConnection.open(served.server.port)
  const padded = rawRequest(
    'POST',
    '/v1/pipelines/echo/infer',
    Buffer.concat([Buffer.from('{"x":[[1,2,3]]}'), Buffer.alloc(18 * MIB, 32)]),
  )
  connection.socket.write(padded.subarray(0, -1))
  await until('the budget is held', () => held() >= memoryBudgetBytes)
  return {
    finish: async () => {
      connection.socket.write(padded.subarray(-1))
      await connection.until(() => parseAnswer(connection.received) !== null)
      const { status = 0 } = parseAnswer(connection.received) ?? {}
      connection.close()
      return status
    },
    leave: async () => {
      connection.close()
      await until('nothing is held', () => held() === 0)
    },
  }
}

describe('the memory budget', () => {
  it('refuses a body beside one that holds it, with words and Retry-After; the connection goes on', async () => {
    const first = await holder()
    const connection = await RawConnection.open(served.server.port)
    const large = rawRequest('POST', '/v1/pipelines/echo/infer', `{"x":[[1,2,3]]${' '.repeat(300_000)}}`)
    const refused = await answerOf(connection, large)
    expect(refused).toMatchObject({ status: 429, json: { code: 'ERR_QUEUE_FULL', retry_after_ms: 1000 } })
    expect(refused.json['error']).toMatch(
      /^Expected what all callers make the server hold to be at most 16777216 bytes \(--memory-budget\) but \d+ are held and this body wants 3000\d\d more/,
    )
    expect(refused.head.toLowerCase()).toContain('retry-after: 1')
    // The neighbour is unharmed: it is alone within its own limit.
    expect(await first.finish()).toBe(200)
    await until('nothing is held', () => held() === 0)
    expect((await answerOf(connection, large)).status).toBe(200)
    connection.close()
    await until('nothing is held', () => held() === 0)
  })

  it('hears commands and small requests while bodies hold it', async () => {
    const first = await holder()
    const response = await fetch(`${served.server.url}/v1/pipelines/add/undeploy`, { method: 'POST' })
    expect(response.status).toBe(200)
    expect((await fetch(`${served.server.url}/v1/pipelines/add/deploy`, { method: 'POST' })).status).toBe(200)
    await first.leave()
  })

  it('is what a refusal over the WebSocket and over JSON speaks of, and not the queue', async () => {
    const client = await PenstockClient.connect(served.server.url)
    const rows = { x: new Float32Array(3 * 4096) }
    expect((await client.infer('echo', rows)).rows).toBe(4096)
    const first = await holder()
    const words =
      /^The memory budget is full: the request would take [\d.]+ MiB with its answer, and 1[6-9] MiB of 16 MiB/
    await expect(client.infer('echo', rows)).rejects.toThrow(words)
    const connection = await RawConnection.open(served.server.port)
    const body = JSON.stringify({ x: Array.from({ length: 4096 }, () => [1, 2, 3]) })
    const refused = await answerOf(connection, rawRequest('POST', '/v1/pipelines/echo/infer', body))
    expect([refused.status, refused.json['code']]).toEqual([429, 'ERR_QUEUE_FULL'])
    expect(refused.json['error']).toMatch(words)
    expect(refused.head.toLowerCase()).toContain('retry-after: 1')
    await first.leave()
    expect((await client.infer('echo', rows)).rows).toBe(4096)
    connection.close()
    await client.close()
  })

  it('counts what a packed body unpacks to, and gives it back', async () => {
    const connection = await RawConnection.open(served.server.port)
    const packed = openInference(100_000, { 'content-encoding': 'gzip' })
    expect(packed.length).toBeLessThan(50_000)
    expect((await answerOf(connection, packed)).status).toBe(200)
    await until('nothing is held', () => held() === 0)
    const first = await holder()
    const refused = await answerOf(connection, packed)
    // Under /v2 a full queue is 503, as Triton has it.
    expect([refused.status, refused.json['error']]).toEqual([503, expect.stringContaining('--memory-budget')])
    await first.leave()
    expect((await answerOf(connection, packed)).status).toBe(200)
    connection.close()
  })

  it('takes one large upload at a time, and does not count it', async () => {
    const upload = (port: number) => RawConnection.open(port)
    const first = await upload(served.server.port)
    first.socket.write(
      Buffer.from(
        'PUT /v1/models/huge/versions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\ncontent-length: 100000000\r\n\r\nabc',
      ),
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(held()).toBe(0)
    const second = await upload(served.server.port)
    const refused = await answerOf(
      second,
      Buffer.from(
        'PUT /v1/models/huge/versions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\ncontent-length: 100000000\r\n\r\n',
      ),
    )
    expect(refused).toMatchObject({ status: 429, json: { code: 'ERR_QUEUE_FULL' } })
    first.close()
    second.close()
  })

  it('sends large answers whole while they are printed, and holds nothing afterwards', async () => {
    const rows = 50_000
    const response = await fetch(`${served.server.url}/v2/models/echo/infer`, {
      method: 'POST',
      body: JSON.stringify({
        inputs: [
          { name: 'x', datatype: 'FP32', shape: [rows, 3], data: Array.from({ length: rows * 3 }, (_, i) => i / 4) },
        ],
      }),
    })
    const { outputs } = (await response.json()) as { outputs: { data: number[] }[] }
    expect(outputs[0]?.data.length).toBe(rows * 3)
    expect(outputs[0]?.data.every((value, index) => value === index / 4)).toBe(true)
    await until('nothing is held', () => held() === 0)
  })

  it('ends a gRPC call beside others with RESOURCE_EXHAUSTED and the time to wait; the connection goes on', async () => {
    const client = grpcClient(served.server.grpcPort ?? 0)
    const call = (): Promise<ServiceError | null> =>
      new Promise((resolve) =>
        client.ModelInfer(
          {
            model_name: 'echo',
            inputs: [{ name: 'x', datatype: 'FP32', shape: [100_000, 3] }],
            raw_input_contents: [Buffer.alloc(1_200_000)],
          },
          new Metadata(),
          (error) => resolve(error),
        ),
      )
    expect(await call()).toBeNull()
    const first = await holder()
    const refused = await call()
    expect([refused?.code, refused?.metadata.get('grpc-retry-pushback-ms')]).toEqual([8, ['1000']])
    expect(refused?.details).toContain('--memory-budget')
    expect(await first.finish()).toBe(200)
    expect(await call()).toBeNull()
    await until('nothing is held', () => held() === 0)
    client.close()
  })
})

type InferClient = Client & {
  ModelInfer(request: object, metadata: Metadata, callback: (error: ServiceError | null) => void): void
}

function grpcClient(port: number): InferClient {
  const folder = fileURLToPath(new URL('../../src/transport/dialects/oip/grpc/proto', import.meta.url))
  const loaded = loadPackageDefinition(
    loadSync('inference.proto', { includeDirs: [folder], keepCase: true }),
  ) as unknown as {
    inference: { GRPCInferenceService: new (address: string, credentials: unknown, options: object) => InferClient }
  }
  return new loaded.inference.GRPCInferenceService(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  })
}
