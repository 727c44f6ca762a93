/**
 * HTTP and WebSocket by hand, over TCP: for requests that well-behaved clients cannot send, and for readers that do not
 * read. Knows as little of the protocols as the tests need (RFC 9112, RFC 6455), and nothing of the server.
 */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/codec.js'

/** A TCP connection that remembers what it received. */
export class RawConnection {
  #received: Buffer = Buffer.alloc(0)
  /** Joined when somebody looks: large answers come in hundreds of chunks. */
  readonly #chunks: Buffer[] = []
  isClosed = false
  readonly #waiting: (() => void)[] = []

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#wake()
    })
    // A reset is one of the ways in which a server may end a connection.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new RawConnection(socket)
  }

  get received(): Buffer {
    if (this.#chunks.length > 0) this.#received = Buffer.concat([this.#received, ...this.#chunks.splice(0)])
    return this.#received
  }

  /** Forgets the first `byteCount` bytes; absent: all. */
  drop(byteCount = this.received.length): void {
    this.#received = this.received.subarray(byteCount)
  }

  /** Resolves when `condition` holds or the connection is closed; rejects after the limit. */
  async until(condition: () => boolean, limitMs = 10_000): Promise<void> {
    const endMs = Date.now() + limitMs
    while (!condition() && !this.isClosed) {
      if (Date.now() > endMs)
        throw new Error(`nothing fitting within ${limitMs} ms, received ${this.received.toString('latin1', 0, 300)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  close(): void {
    this.socket.destroy()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends bytes, in pieces when there are several, and waits for one answer with a content-length. */
export async function rawHttp(port: number, pieces: readonly (string | Uint8Array)[], pauseMs = 0): Promise<RawAnswer> {
  const connection = await RawConnection.open(port)
  for (const piece of pieces) {
    if (connection.isClosed) break
    connection.socket.write(piece)
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  await connection.until(() => parseAnswer(connection.received) !== null)
  const answer = parseAnswer(connection.received)
  connection.close()
  return answer ?? { status: 0, head: '', body: connection.received.toString('latin1') }
}

export function parseAnswer(bytes: Buffer): RawAnswer | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = bytes.toString('latin1', 0, end)
  if (/^transfer-encoding: chunked$/im.test(head)) {
    const body = chunkedBody(bytes.subarray(end + 4))
    return body === null ? null : { status: Number(head.split(' ')[1]), head, body: body.toString('utf8') }
  }
  const length = /^content-length: (\d+)$/im.exec(head)?.[1]
  if (length !== undefined && bytes.length < end + 4 + Number(length)) return null
  return { status: Number(head.split(' ')[1]), head, body: bytes.toString('utf8', end + 4) }
}

/** @returns null: it is not there yet, to its end. */
function chunkedBody(bytes: Buffer): Buffer | null {
  const chunks: Buffer[] = []
  for (let position = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', position)
    if (lineEnd < 0) return null
    const size = Number.parseInt(bytes.toString('latin1', position, lineEnd), 16)
    if (size === 0) return Buffer.concat(chunks)
    position = lineEnd + 2 + size + 2
    if (position > bytes.length) return null
    chunks.push(bytes.subarray(lineEnd + 2, position - 2))
  }
}

export function rawRequest(
  method: string,
  path: string,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const bytes = Buffer.from(body)
  const lines = Object.entries({
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    ...headers,
  })
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`),
    bytes,
  ])
}

export interface WebSocketFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** A WebSocket client that sends the bytes that a test gives it, well-formed or not. */
export class RawWebSocket {
  readonly frames: WebSocketFrame[] = []
  readonly #messages: Message[] = []

  /** The answer to the handshake. */
  head = ''

  private constructor(readonly connection: RawConnection) {}

  /** @param subprotocols offered; @throws the HTTP answer as an error when the handshake is refused. */
  static async open(
    port: number,
    subprotocols = 'penstock.v1',
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawWebSocket> {
    const connection = await RawConnection.open(port)
    const lines = Object.entries({
      host: 'localhost',
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      'sec-websocket-version': '13',
      ...(subprotocols === '' ? {} : { 'sec-websocket-protocol': subprotocols }),
      ...headers,
    })
    connection.socket.write(
      `GET /v1/stream HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    )
    await connection.until(() => connection.received.includes('\r\n\r\n'))
    const status = Number(connection.received.toString('latin1', 9, 12))
    if (status !== 101) {
      await connection.until(() => parseAnswer(connection.received) !== null)
      const answer = parseAnswer(connection.received)
      connection.close()
      throw Object.assign(new Error(`handshake refused: ${status}`), { answer })
    }
    const socket = new RawWebSocket(connection)
    socket.head = connection.received.toString('latin1', 0, connection.received.indexOf('\r\n\r\n') + 4)
    connection.drop(socket.head.length)
    return socket
  }

  /** Sends one frame, masked as clients must. @param announced the length in the header when it shall be a lie. */
  sendFrame(payload: Uint8Array, opcode = 2, announced = payload.length): void {
    const mask = randomBytes(4)
    const masked = Buffer.from(payload)
    for (let index = 0; index < masked.length; index++) masked[index] = (masked[index] ?? 0) ^ (mask[index & 3] ?? 0)
    this.connection.socket.write(Buffer.concat([frameHead(opcode, announced), mask, masked]))
  }

  send(message: Message): void {
    this.sendFrame(encodeMessage(message))
  }

  /** Messages received so far. */
  get messages(): Message[] {
    this.#parse()
    return this.#messages
  }

  /** Waits for the first message that fits. */
  async message<Kind extends Message['kind']>(
    kind: Kind,
    fits: (message: Extract<Message, { kind: Kind }>) => boolean = () => true,
  ): Promise<Extract<Message, { kind: Kind }>> {
    const find = () =>
      this.messages.find(
        (message): message is Extract<Message, { kind: Kind }> =>
          message.kind === kind && fits(message as Extract<Message, { kind: Kind }>),
      )
    await this.connection.until(() => find() !== undefined)
    const message = find()
    if (message === undefined) throw new Error(`closed before ${kind}: ${JSON.stringify(this.closing())}`)
    return message
  }

  /** Waits for the server's close frame. */
  async closed(): Promise<{ code: number; reason: string }> {
    await this.connection.until(() => this.closing() !== null)
    this.connection.close()
    return this.closing() ?? { code: 1006, reason: '' }
  }

  closing(): { code: number; reason: string } | null {
    this.#parse()
    const frame = this.frames.find(({ opcode }) => opcode === 8)
    if (frame === undefined) return null
    return {
      code: frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0),
      reason: frame.payload.toString('utf8', 2),
    }
  }

  #parse(): void {
    const bytes = this.connection.received
    let start = 0
    for (;;) {
      const frame = frameAt(bytes, start)
      if (frame === null) break
      start += frame.sizeBytes
      this.frames.push(frame)
      if (frame.opcode === 2) this.#messages.push(decodeMessage(new Uint8Array(frame.payload)))
    }
    if (start > 0) this.connection.drop(start)
  }
}

function frameAt(bytes: Buffer, start: number): (WebSocketFrame & { readonly sizeBytes: number }) | null {
  if (bytes.length < start + 2) return null
  const short = (bytes[start + 1] ?? 0) & 0x7f
  const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10
  if (bytes.length < start + headBytes) return null
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(start + 2) : Number(bytes.readBigUInt64BE(start + 2))
  const sizeBytes = headBytes + length
  if (bytes.length < start + sizeBytes) return null
  return {
    opcode: (bytes[start] ?? 0) & 0x0f,
    payload: bytes.subarray(start + headBytes, start + sizeBytes),
    sizeBytes,
  }
}

function frameHead(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, 0x80 | length])
  const head = Buffer.alloc(length < 65_536 ? 4 : 10)
  head[0] = 0x80 | opcode
  head[1] = 0x80 | (length < 65_536 ? 126 : 127)
  if (length < 65_536) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return head
}
