/** What a client emits about its connection, and the smallest emitter that browsers and Node share. */
import type { PenstockError } from '../../base/errors.js'

export interface ClientEvents {
  /** A connection stands: the first, or one after a loss. */
  open: { readonly server: string; readonly windowRequests: number }
  /** The connection is gone; `error.cause` has what the server said when it ended it. */
  close: {
    readonly code: number
    readonly reason: string
    readonly error: PenstockError
    readonly willReconnect: boolean
  }
  /** The server takes no new work on this connection: the client finishes what is in flight and dials anew. */
  goaway: { readonly reason: string; readonly graceMs: number }
  /** The next try comes in `delayMs`; `attempt` counts from 1 since the last connection that held. */
  reconnecting: { readonly attempt: number; readonly delayMs: number }
}

export type ClientListener<K extends keyof ClientEvents> = (event: ClientEvents[K]) => void

export class ClientEmitter {
  readonly #listeners: { [K in keyof ClientEvents]: Set<ClientListener<K>> } = {
    open: new Set(),
    close: new Set(),
    goaway: new Set(),
    reconnecting: new Set(),
  }

  on<K extends keyof ClientEvents>(name: K, listener: ClientListener<K>): () => void {
    this.#listeners[name].add(listener)
    return () => void this.#listeners[name].delete(listener)
  }

  emit<K extends keyof ClientEvents>(name: K, event: ClientEvents[K]): void {
    for (const listener of [...this.#listeners[name]]) {
      try {
        listener(event)
      } catch (error) {
        // A listener's fault must not stop the client half-way: it surfaces as uncaught, as from any event target.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
