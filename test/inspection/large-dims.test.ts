/**
 * Dims of 2^31 and more in requests, over every dialect that carries shapes: beside a 0 no bytes contradict them, and in 32
 * bits they would come out as other dims. Each is refused as the caller's mistake.
 */
import type { Engine, PenstockServer } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildModel } from '../../src/onnx/testing/build.js'
import { grpcClient } from '../support/v2-ways.js'
import { RawWebSocket } from '../support/raw-sockets.js'
import { call, serve, type Served } from '../support/served.js'
import { inferMessage } from '../support/messages.js'

const large = [2 ** 31, 2 ** 31 + 4, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 4, 2 ** 53 - 1]
const fitting = 2 ** 31 - 1

let served: Served
let engine: Engine
let server: PenstockServer
beforeAll(async () => {
  served = await serve({ grpcPort: 0 })
  ;({ engine, server } = served)
  const bytes = buildModel({
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
    inputs: [['x', 'float32', [null, 'a', 'b']]],
    outputs: [['y', 'float32', [null, 'a', 'b']]],
  })
  await engine.addModel('free', bytes)
  await engine.applyPipeline({ name: 'free', steps: [{ type: 'model', model: 'free' }] }, { deploy: true })
})
afterAll(() => served.close())

const tensor = (dims: readonly number[]) => ({ dtype: 'float32' as const, shape: dims, data: new Float32Array(0) })

describe('a dim that is too large', () => {
  it.each(large)('%d: infer refuses it with ERR_SHAPE', async (dim) => {
    for (const dims of [
      [0, dim, 1],
      [0, 0, dim],
      [1, 0, dim],
    ])
      await expect(engine.infer('free', { inputs: { x: tensor(dims) } })).rejects.toMatchObject({
        code: 'ERR_SHAPE',
        message: expect.stringContaining(String(dim)) as string,
      })
  })

  it.each(large)('%d: Open Inference over HTTP, as JSON and as bytes', async (dim) => {
    const input = { name: 'x', datatype: 'FP32', shape: [0, dim, 1] }
    const json = await call(server.url, 'POST', '/v2/models/free/infer', { inputs: [{ ...input, data: [] }] })
    expect([json.status, json.json['error']]).toEqual([400, expect.stringContaining(String(dim)) as string])
    const head = JSON.stringify({ inputs: [{ ...input, parameters: { binary_data_size: 0 } }] })
    const bytes = await fetch(`${server.url}/v2/models/free/infer`, {
      method: 'POST',
      headers: { 'inference-header-content-length': String(head.length) },
      body: head,
    })
    expect([bytes.status, await bytes.text()]).toEqual([400, expect.stringContaining(String(dim)) as string])
  })

  it.each(large)('%d: Open Inference over gRPC', async (dim) => {
    const client = grpcClient(server)
    const message = { model_name: 'free', inputs: [{ name: 'x', datatype: 'FP32', shape: [0, dim, 1] }] }
    const error = await new Promise<{ code: number; details: string } | null>((resolve) =>
      client.ModelInfer({ ...message, raw_input_contents: [Buffer.alloc(0)] }, (failure) => resolve(failure)),
    )
    client.close()
    expect(error).toMatchObject({ code: 3, details: expect.stringContaining(String(dim)) as string })
  })

  it('WebSocket: the request fails, the connection goes on', async () => {
    const socket = await RawWebSocket.open(server.port)
    socket.send({ kind: 'open', channel: 1, pipeline: 'free' })
    await socket.message('opened')
    const dims = large.filter((dim) => dim < 2 ** 32)
    dims.forEach((dim, request) =>
      socket.send(inferMessage({ request, rows: 0, data: new Uint8Array(0), dims: new Uint32Array([dim, 1]) })),
    )
    await socket.connection.until(() => socket.messages.length === 2 + dims.length)
    dims.forEach((dim, request) =>
      expect(socket.messages[2 + request]).toMatchObject({
        kind: 'failure',
        request,
        code: 'ERR_SHAPE',
        message: `Expected each dim to be at most ${fitting} but received ${dim}`,
      }),
    )
    socket.send(inferMessage({ request: 50, rows: 1, data: new Uint8Array(4), dims: new Uint32Array([1, 1]) }))
    expect(await socket.message('results')).toMatchObject({ requests: new Uint32Array([50]) })
    socket.connection.close()
  })

  it('of a model: ERR_MODEL_INVALID over HTTP', async () => {
    const bytes = buildModel({
      nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
      inputs: [['x', 'float32', [null, 2 ** 32 + 4]]],
      outputs: [['y', 'float32', [null, 2 ** 32 + 4]]],
    })
    const answer = await call(server.url, 'PUT', '/v1/models/huge/versions', bytes)
    expect([answer.status, answer.json['code']]).toEqual([400, 'ERR_MODEL_INVALID'])
    expect(answer.json['error']).toContain('4294967300')
  })
})
