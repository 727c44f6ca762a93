/**
 * The socket under a connection: the part of WebSocket that browsers, Node's global and the package `ws` share.
 *
 * In Node it is `ws` with one write per turn of the event loop (node-socket.ts): Node 20 has no global WebSocket, and that
 * of Node 22 writes each frame by itself, which makes a client with 64 requests in flight 3 times slower. Elsewhere it
 * is the global one, and nothing of Node is asked for.
 */
export interface SocketLike {
  binaryType: string
  readonly protocol: string
  /** Bytes given to send() that the network has not taken yet. */
  readonly bufferedAmount: number
  /** Copies `data` before it returns: the client reuses the memory of small frames. */
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
  /** Calls back when the promises of this turn of the event loop have had their say. Absent: a microtask is that, nearly. */
  endOfTurn?(callback: () => void): void
  /** Drops the connection without the closing handshake; only `ws` has it. */
  terminate?(): void
  onopen: ((event: unknown) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: ((event: unknown) => void) | null
}

/** Makes a socket that is about to connect. Events come later, never during the call. */
export type SocketFactory = (url: string, protocols: readonly string[]) => SocketLike | Promise<SocketLike>

type SocketConstructor = new (url: string, protocols: readonly string[]) => SocketLike

/** The members of `globalThis` that show where this runs. */
export interface SocketScope {
  readonly WebSocket?: unknown
  readonly process?: { readonly versions?: { readonly node?: string } }
}

/** The factory for where `scope` is. */
export function socketFactory(scope: SocketScope): SocketFactory {
  const isNode = scope.process?.versions?.node !== undefined
  if (!isNode && scope.WebSocket !== undefined) {
    const native = scope.WebSocket as SocketConstructor
    return (url, protocols) => new native(url, [...protocols])
  }
  return async (url, protocols) => {
    const { NodeSocket } = await import('./node-socket.js')
    return new NodeSocket(url, protocols) as unknown as SocketLike
  }
}
