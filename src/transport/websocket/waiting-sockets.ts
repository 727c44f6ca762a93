/**
 * Sockets whose handshake showed no key because their first message will (`penstock.auth`). They cost a socket each and
 * have nothing else: no connection of the engine, no Hello. There are few of them, and they do not wait long.
 */
import { PenstockError } from '../../base/errors.js'
import { AUTHENTICATE_LIMIT_MS, UNAUTHENTICATED_SOCKETS_MAX } from '../../base/limits/access-limits.js'
import { decodeMessage } from '../../protocol/codec.js'
import type { Socket } from '../socket/seam.js'
import { endSocket, type ConnectionSlot } from './connection.js'

export class WaitingSockets {
  readonly #timers = new Map<Socket<ConnectionSlot>, NodeJS.Timeout>()

  get count(): number {
    return this.#timers.size
  }

  /** @throws PenstockError ERR_QUEUE_FULL */
  expectRoom(): void {
    if (this.#timers.size < UNAUTHENTICATED_SOCKETS_MAX) return
    throw new PenstockError(
      'ERR_QUEUE_FULL',
      `Expected at most ${UNAUTHENTICATED_SOCKETS_MAX} WebSockets that have not sent their key yet. Try again later`,
    )
  }

  add(socket: Socket<ConnectionSlot>): void {
    const late = (): void => {
      const text = `Expected the message Authenticate within ${AUTHENTICATE_LIMIT_MS} ms but received none`
      endSocket(socket, new PenstockError('ERR_UNAUTHORIZED', text))
    }
    this.#timers.set(socket, setTimeout(late, AUTHENTICATE_LIMIT_MS).unref())
  }

  /** To be called at its first message and at its end. */
  delete(socket: Socket<ConnectionSlot>): void {
    clearTimeout(this.#timers.get(socket))
    this.#timers.delete(socket)
  }

  closeAll(code: number, reason: string): void {
    for (const socket of [...this.#timers.keys()]) socket.end(code, reason)
  }
}

/** The key of a first message. @throws PenstockError ERR_FRAME, ERR_UNAUTHORIZED. */
export function keyOfFrame(frame: ArrayBuffer, isBinary: boolean): string {
  if (!isBinary) throw new PenstockError('ERR_FRAME', 'Expected binary frames but received text')
  const message = decodeMessage(frame)
  if (message.kind === 'authenticate') return message.key
  throw new PenstockError(
    'ERR_UNAUTHORIZED',
    `Expected the message Authenticate first, as the handshake announced, but received ${message.kind}`,
  )
}
