/**
 * What one gRPC call makes the server hold: messages that arrive, counted by their frames as they come, and answers until
 * the socket has them. Both are charged to the engine's byte budget; beyond it a call ends with RESOURCE_EXHAUSTED, which
 * clients with a retry policy try again after `grpc-retry-pushback-ms`.
 *
 *     frames ─ charged ─► message ─ handler ─ onTaken ─► released; the engine charges the request
 *     answer ─ charged ─► written ─ with the socket ───► released
 *
 * grpc-js hands out whole messages only, so the frames are counted where it gets them: at the HTTP/2 stream of the
 * interceptor's call. Compressed messages are unpacked a few at a time. A connection that takes nothing is ended.
 */
import type { ServerHttp2Stream } from 'node:http2'
import {
  Metadata,
  ServerInterceptingCall,
  status,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js'
import { isPenstockError, type PenstockError } from '../../../../base/errors.js'
import { SOCKET_BUFFER_BYTES_MAX } from '../../../../base/limits/limits.js'
import { freeMemory } from '../../../../engine/memory/free-buffer.js'
import { ByteCharge, type Budget } from '../../../byte-charge.js'
import type { SlowReaders } from '../../../socket/slow-readers.js'
import { WorkGate } from '../../../work-gate.js'
import type { GrpcAnswer } from './infer-writer.js'

/** A message that was read, as far as it is counted. */
export interface ReceivedMessage {
  readonly byteLength: number
  /** Called before the engine takes its rows. */
  onTaken?: () => void
}

export interface CallBudgetDependencies {
  readonly budget: Budget
  readonly readers: SlowReaders
}

/** What grpc-js gives an interceptor, beyond what it declares. */
interface BaseCall extends ServerInterceptingCallInterface {
  readonly stream?: ServerHttp2Stream
  decompressMessage?: (message: Buffer, encoding: string) => Promise<Buffer>
}

type Listener = Parameters<ServerInterceptingCall['start']>[0]

/** One for the process. */
const gate = new WorkGate()

export function callBudget(dependencies: CallBudgetDependencies): ServerInterceptor {
  return (_method, call) => {
    const { stream } = call as BaseCall
    return stream === undefined ? new ServerInterceptingCall(call) : new CountedCall(call, stream, dependencies)
  }
}

class CountedCall extends ServerInterceptingCall {
  readonly #stream: ServerHttp2Stream
  readonly #charge: ByteCharge
  readonly #readers: SlowReaders
  #isRefused = false

  constructor(base: BaseCall, stream: ServerHttp2Stream, { budget, readers }: CallBudgetDependencies) {
    super(base)
    this.#stream = stream
    this.#charge = new ByteCharge(budget)
    this.#readers = readers
    stream.on('data', (frame: Buffer) => this.#refuse(this.#charge.tryAdd('bodies', frame.length)))
    stream.once('close', () => this.#close())
    this.#unpackInTurn(base)
  }

  /** For SlowReaders: of the connection, for a stream does not say. */
  get takenBytes(): number {
    return this.#stream.session?.socket.bytesWritten ?? 0
  }

  /** For SlowReaders. */
  cut(): void {
    this.#stream.session?.destroy()
  }

  override start(listener: Listener): void {
    super.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message: ReceivedMessage) => {
        const { byteLength } = message
        if (byteLength > 0) message.onTaken = () => this.#charge.release('bodies', byteLength)
        listener.onReceiveMessage(message)
      },
      onReceiveHalfClose: () => listener.onReceiveHalfClose(),
      onCancel: () => listener.onCancel(),
    })
  }

  override sendMessage(message: GrpcAnswer | { readonly error: string }, callback: () => void): void {
    const contents = 'contents' in message ? message.contents : []
    const bytes = contents.reduce((sum, { length }) => sum + length, 0)
    const charge = this.#charge
    // The first message of a call is never too much: it was admitted with its request.
    const waitingBytes = charge.held('answers')
    if (waitingBytes > 0 && waitingBytes + bytes > SOCKET_BUFFER_BYTES_MAX) return this.cut()
    const refusal = bytes === 0 ? null : charge.tryAdd('answers', bytes)
    if (refusal !== null) return this.#refuse(refusal)
    if (waitingBytes === 0 && bytes > 0) this.#readers.add(this)
    super.sendMessage(message, () => {
      charge.release('answers', bytes)
      if (charge.held('answers') === 0) this.#readers.delete(this)
      callback()
    })
    // Their bytes are in the message now.
    if ('isOwned' in message && message.isOwned) for (const content of contents) freeMemory(content)
  }

  #refuse(error: PenstockError | null): void {
    if (error === null || this.#isRefused) return
    this.#isRefused = true
    this.#charge.close()
    const metadata = new Metadata()
    if (error.retryAfterMs !== undefined) metadata.set('grpc-retry-pushback-ms', String(error.retryAfterMs))
    this.sendStatus({ code: status.RESOURCE_EXHAUSTED, details: error.message, metadata })
  }

  #unpackInTurn(base: BaseCall): void {
    const unpack = base.decompressMessage?.bind(base)
    if (unpack === undefined) return
    base.decompressMessage = async (message, encoding) => {
      if (encoding === 'identity') return unpack(message, encoding)
      try {
        const unpacked = await gate.run(
          () => unpack(message, encoding),
          () => this.#stream.closed,
        )
        const refusal = this.#charge.tryAdd('bodies', unpacked.length)
        if (refusal !== null) throw refusal
        return unpacked
      } catch (error) {
        // grpc-js makes whatever is thrown here the status of the call.
        if (!isPenstockError(error)) throw error
        throw Object.assign(new Error(error.message), { code: status.RESOURCE_EXHAUSTED, details: error.message })
      }
    }
  }

  #close(): void {
    this.#readers.delete(this)
    this.#charge.close()
  }
}
