/**
 * gRPC is loaded when somebody connects: the first connections wait for it with what they have sent, and lose nothing;
 * those that go meanwhile, and a server that closes meanwhile, leave nothing behind.
 */
import { connect, type IncomingHttpHeaders } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Engine, PenstockServer } from 'penstock'

let engine: Engine
const servers: PenstockServer[] = []
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
})
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})
afterAll(() => engine.close())

/** A server that nobody has spoken gRPC to. */
async function fresh(): Promise<{ readonly server: PenstockServer; readonly port: number }> {
  const server = await PenstockServer.start({ engine, port: 0, grpcPort: 0 })
  servers.push(server)
  return { server, port: server.grpcPort ?? 0 }
}

/** Sends `bytes` as one message over a connection of its own. @returns gRPC's status. */
async function call(port: number, path: string, bytes: Buffer): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  stream.end(Buffer.concat([head, bytes]))
  try {
    return await new Promise((resolve, reject) => {
      const note = (fields: IncomingHttpHeaders): void => {
        if (fields['grpc-status'] !== undefined) resolve(Number(fields['grpc-status']))
      }
      stream.on('response', note).on('trailers', note).on('error', reject).resume()
      session.on('error', reject)
    })
  } finally {
    session.close()
  }
}

async function openTcp(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.on('error', () => undefined).resume()
  await once(socket, 'connect')
  return socket
}

const ready = '/inference.GRPCInferenceService/ServerReady'
const infer = '/inference.GRPCInferenceService/ModelInfer'
const grpcConnections = async (server: PenstockServer): Promise<number> => {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(/^penstock_\w*connections\{kind="grpc"\} (\d+)$/m.exec(text)?.[1])
}

describe('the first connections of gRPC', () => {
  it('are answered, all that came while it was loaded, with more than a socket buffers', async () => {
    const { port } = await fresh()
    const large = Buffer.alloc(1024 * 1024, 0xff)
    const statuses = await Promise.all([
      call(port, infer, large),
      call(port, ready, Buffer.alloc(0)),
      call(port, ready, Buffer.alloc(0)),
    ])
    expect(statuses).toEqual([3, 0, 0])
    expect(await call(port, ready, Buffer.alloc(0))).toBe(0)
  })

  it('may go before it is loaded, and the next are answered', async () => {
    const { server, port } = await fresh()
    const reset = await openTcp(port)
    reset.resetAndDestroy()
    const ended = await openTcp(port)
    ended.end('PRI * HTTP/2.0\r\n')
    expect(await call(port, ready, Buffer.alloc(0))).toBe(0)
    ended.destroy()
    await vi.waitFor(async () => expect(await grpcConnections(server)).toBe(0))
  })

  it('are closed when the server closes before it is loaded', async () => {
    const { server, port } = await fresh()
    const socket = await openTcp(port)
    const closed = once(socket, 'close')
    await server.close()
    await closed
    expect(socket.destroyed).toBe(true)
  })
})
