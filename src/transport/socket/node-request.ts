/**
 * Node's IncomingMessage and ServerResponse as the seam's request and response. Bodies and small answers are copied,
 * because Node keeps what it was given until the kernel has it; a large answer is lent to Node and reported as taken when
 * its last byte is with the kernel. Owner: the connection in node-http.ts, which says when the caller is gone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket as NetSocket } from 'node:net'
import type { RawRequest, RawResponse } from './seam.js'

/** How long a connection may go on sending what nobody reads, so that its answer arrives before the reset does. */
export const lingerMs = 1000

export class NodeRequest implements RawRequest {
  readonly #message: IncomingMessage
  readonly #path: string
  readonly #query: string | undefined
  /** Parameter 0 of the route that took it. */
  parameter: string | undefined

  constructor(message: IncomingMessage) {
    const target = message.url ?? ''
    const mark = target.indexOf('?')
    this.#message = message
    this.#path = mark < 0 ? target : target.slice(0, mark)
    this.#query = mark < 0 ? undefined : target.slice(mark + 1)
  }

  getCaseSensitiveMethod(): string {
    return this.#message.method ?? ''
  }

  getUrl(): string {
    return this.#path
  }

  getQuery(): string | undefined {
    return this.#query
  }

  getParameter(index: number): string | undefined {
    return index === 0 ? this.parameter : undefined
  }

  getHeader(name: string): string {
    const value = this.#message.headers[name]
    return value === undefined ? '' : headerText(String(value))
  }

  forEach(callback: (name: string, value: string) => void): void {
    const lines = this.#message.rawHeaders
    for (let index = 0; index + 1 < lines.length; index += 2)
      callback((lines[index] as string).toLowerCase(), headerText(lines[index + 1] as string))
  }
}

/** Node reads the bytes of a header as Latin-1; they are UTF-8, as the other backend reads them. */
function headerText(value: string): string {
  return /[^\0-\x7f]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value
}

export class NodeResponse implements RawResponse {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #onDone: (response: NodeResponse) => void
  readonly #wantsContinue: boolean
  #status = 200
  #message = 'OK'
  readonly #headers: string[] = []
  #onAborted: (() => void) | undefined
  #onWritable: ((offsetBytes: number) => boolean) | undefined
  /** The head of an answer without a length is written. */
  #isStreaming = false
  #isEnded = false
  /** Its last byte was taken, or the caller is gone. */
  #isDone = false

  /** @param onDone called once, when nothing more will be written and no abort can follow. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    onDone: (response: NodeResponse) => void,
    wantsContinue = false,
  ) {
    this.#request = request
    this.#response = response
    this.#onDone = onDone
    this.#wantsContinue = wantsContinue
    // Whatever goes wrong with the socket is seen as its close.
    response.on('error', () => undefined)
  }

  /** The answer is given, if not taken. */
  get isAnswered(): boolean {
    return this.#isEnded
  }

  /** True: the caller has sent all of the request and waits for us. */
  get isOurTurn(): boolean {
    return this.#request.complete && !this.#isEnded
  }

  /** The caller is gone. */
  abort(): void {
    if (this.#isDone) return
    this.#done()
    this.#onAborted?.()
  }

  getRemoteAddressAsText(): ArrayBuffer {
    return ownBuffer(Buffer.from(this.#request.socket.remoteAddress ?? ''))
  }

  onAborted(handler: () => void): void {
    this.#onAborted = handler
  }

  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void {
    const announcedBytes = Number(this.#request.headers['content-length'] ?? Number.NaN)
    let receivedBytes = 0
    if (this.#wantsContinue) this.#response.writeContinue()
    this.#request.on('data', (chunk: Buffer) => {
      if (this.#isDone) return
      receivedBytes += chunk.length
      handler(ownBuffer(chunk), receivedBytes === announcedBytes)
    })
    this.#request.on('end', () => {
      if (!this.#isDone && (receivedBytes === 0 || receivedBytes !== announcedBytes)) handler(new ArrayBuffer(0), true)
    })
  }

  cork(write: () => void): void {
    write()
  }

  writeStatus(status: string): void {
    const space = status.indexOf(' ')
    this.#status = Number(status.slice(0, space))
    this.#message = status.slice(space + 1)
  }

  writeHeader(name: string, value: string): void {
    this.#headers.push(name, value)
  }

  end(body: string | Uint8Array, closes = false): void {
    if (this.#isStreaming) {
      this.#isEnded = true
      this.#response.end()
      return this.#done()
    }
    this.#writeHead(Buffer.byteLength(body), closes)
    this.#response.end(typeof body === 'string' ? body : Buffer.from(body))
    this.#done()
  }

  endWithoutBody(reportedBytes?: number, closes = false): void {
    this.#writeHead(reportedBytes, closes)
    this.#response.end()
    this.#done()
  }

  tryEnd(bytes: Uint8Array, totalBytes: number): [isWritten: boolean, isDone: boolean] {
    // Node follows the socket's pace by itself; the second call comes from its report that all is written.
    if (this.#isEnded) return [true, true]
    this.#writeHead(totalBytes, false)
    this.#response.end(bytes, () => {
      if (this.#isDone) return
      this.#done()
      this.#onWritable?.(totalBytes)
    })
    return [true, false]
  }

  onWritable(handler: (offsetBytes: number) => boolean): void {
    this.#onWritable = handler
  }

  write(chunk: string | Uint8Array): boolean {
    if (!this.#isStreaming) {
      this.#isStreaming = true
      this.#response.writeHead(this.#status, this.#message, this.#headers)
      this.#response.on('drain', () => {
        if (!this.#isDone) this.#onWritable?.(0)
      })
    }
    return this.#response.write(typeof chunk === 'string' ? chunk : Buffer.from(chunk))
  }

  close(): void {
    this.#request.socket.destroy()
  }

  #writeHead(contentBytes: number | undefined, closes: boolean): void {
    this.#isEnded = true
    if (contentBytes !== undefined) this.#headers.push('content-length', String(contentBytes))
    if (closes) {
      this.#headers.push('connection', 'close')
      if (!this.#request.complete) lingerBeforeClosing(this.#request.socket)
    }
    this.#response.writeHead(this.#status, this.#message, this.#headers)
  }

  #done(): void {
    this.#isDone = true
    this.#onDone(this)
  }
}

/**
 * Lets a socket that is closed after its answer read on for a while. Closed with unread bytes it would be reset, and the
 * reset overtakes the answer.
 */
function lingerBeforeClosing(socket: NetSocket): void {
  socket.destroySoon = () => {
    socket.end()
    setTimeout(() => socket.destroy(), lingerMs).unref()
  }
}

/** A chunk's bytes as an ArrayBuffer of their own: Node's chunks are windows into larger memory. */
export function ownBuffer(chunk: Buffer): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = chunk
  return byteLength === buffer.byteLength && buffer instanceof ArrayBuffer
    ? buffer
    : (buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
}
