/**
 * One HTTP exchange with a remote, over a pool of kept connections (undici's Pool, which Node's own fetch stands on; fetch
 * itself would follow redirects, unpack what it is sent, and has one pool for the whole process). Nothing is followed,
 * nothing is unpacked, and no more of an answer is held than the step allows.
 */
import { Pool } from 'undici'
import { onAbort } from '../base/abort.js'
import { REMOTE_HEADER_BYTES_MAX, REMOTE_IDLE_MS } from '../base/limits/remote-limits.js'

export interface RemoteRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
}

export interface RemoteAnswer {
  readonly status: number
  /** The value of a header, its values joined; '' when it was not sent. */
  header(name: string): string
  readonly body: Buffer
}

/** Where an exchange ended: before anything was sent, somewhere after, or at an answer that is too much. */
export type BrokenAt = 'connect' | 'exchange' | 'size'

/** An exchange without an answer. The message is a sentence's end: `could not be reached (ECONNREFUSED)`. */
export class BrokenExchange extends Error {
  readonly at: BrokenAt

  constructor(at: BrokenAt, message: string, cause?: unknown) {
    super(message, { cause })
    this.at = at
  }
}

export interface ConnectionOptions {
  /** Scheme, host and port. */
  readonly origin: string
  readonly connections: number
  readonly connectMs: number
  readonly bodyBytesMax: number
}

export class RemoteConnection {
  readonly #pool: Pool
  readonly #bodyBytesMax: number

  constructor({ origin, connections, connectMs, bodyBytesMax }: ConnectionOptions) {
    this.#bodyBytesMax = bodyBytesMax
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      connect: { timeout: connectMs },
      // The signal of each exchange is its one clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: REMOTE_IDLE_MS,
      maxHeaderSize: REMOTE_HEADER_BYTES_MAX,
    })
  }

  /** @throws BrokenExchange; the signal's reason when it aborts. */
  async exchange(request: RemoteRequest, signal: AbortSignal): Promise<RemoteAnswer> {
    signal.throwIfAborted()
    // A signal of its own: Node takes more than ten listeners of one for a leak, and a request may make many calls.
    const ending = new AbortController()
    const off = onAbort(signal, () => ending.abort(signal.reason))
    try {
      const { statusCode, headers, body } = await this.#pool.request({ ...request, signal: ending.signal })
      const length = Number(headers['content-length'] ?? 0)
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length
        // Leaving the loop destroys the body, and with it the connection: the rest is not read.
        if (Math.max(bytes, length) > this.#bodyBytesMax) throw tooLarge(this.#bodyBytesMax)
        chunks.push(chunk)
      }
      const header = (name: string): string => {
        const value = headers[name]
        return Array.isArray(value) ? value.join(', ') : (value ?? '')
      }
      return { status: statusCode, header, body: Buffer.concat(chunks, bytes) }
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof BrokenExchange ? error : brokenBy(error)
    } finally {
      off()
    }
  }

  /** Cuts every connection; exchanges that are under way fail. */
  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

function tooLarge(bytesMax: number): BrokenExchange {
  return new BrokenExchange(
    'size',
    `answered more than ${bytesMax} bytes. Ask for less by maxRows, or allow more by bodyBytesMax`,
  )
}

/** Codes of errors that come before a request is sent: of names, connections and TLS. */
const connectCodes =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|EPROTO|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+)$/

function brokenBy(error: unknown): BrokenExchange {
  const { code: named, message = '' } = error as { code?: unknown; message?: string }
  const code = typeof named === 'string' ? named : ''
  if (connectCodes.test(code)) return new BrokenExchange('connect', `could not be reached (${code})`, error)
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return new BrokenExchange('size', `answered more than ${REMOTE_HEADER_BYTES_MAX} bytes of headers`, error)
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED')
    return new BrokenExchange(
      'exchange',
      'was let go while it answered, for its pipeline is not deployed any more',
      error,
    )
  // The parser's words and the socket's are for people already: "other side closed".
  return new BrokenExchange(
    'exchange',
    `broke off (${[code, message].filter((part) => part !== '').join(': ')})`,
    error,
  )
}
