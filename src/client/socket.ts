/**
 * The socket under a connection: the part of WebSocket that browsers, Node 22's global and the package `ws` share.
 * `ws` is loaded when there is no global WebSocket (Node 20), and only then: browsers and newer Nodes never ask for it, and
 * a bundler for browsers finds the stub that it has for them.
 */
export interface SocketLike {
  binaryType: string
  readonly protocol: string
  /** Bytes given to send() that the network has not taken yet. */
  readonly bufferedAmount: number
  /** Copies `data` before it returns: the client reuses the memory of small frames. */
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
  /** Of `ws` only: drops the connection without the closing handshake. */
  terminate?(): void
  onopen: ((event: unknown) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: ((event: unknown) => void) | null
}

/** Makes a socket that is about to connect. Events come later, never during the call. */
export type SocketFactory = (url: string, protocols: readonly string[]) => SocketLike | Promise<SocketLike>

type SocketConstructor = new (url: string, protocols: readonly string[], options?: object) => SocketLike

export const openSocket: SocketFactory = async (url, protocols) => {
  const native = (globalThis as { WebSocket?: SocketConstructor }).WebSocket
  if (native !== undefined) return new native(url, [...protocols])
  const { WebSocket } = (await import('ws')) as unknown as { WebSocket: SocketConstructor }
  // Tensors hardly compress, and compression would make send() asynchronous.
  return new WebSocket(url, [...protocols], { perMessageDeflate: false, maxPayload: 0 })
}
