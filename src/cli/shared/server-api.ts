/**
 * The CLI's way to a running server: HTTP with fetch, as docs/reference/http.md describes it. An answer that is no 2xx
 * becomes a RefusedError with the server's own code and sentence; no answer at all becomes an UnreachableError.
 */
import { type Command, Option } from 'commander'
import { Readable } from 'node:stream'
import { RefusedError, UnreachableError, UsageError } from './failures.js'

export interface ServerOptions {
  readonly url: string
  readonly apiKey?: string
  readonly json?: boolean
}

/** A body whose length is known although it is read piece by piece. */
export interface SizedStream {
  readonly sizeBytes: number
  /** Absent: application/octet-stream. */
  readonly contentType?: string
  readonly chunks: AsyncIterable<Uint8Array>
}

/** An answer that may be no text. */
export interface RawAnswer {
  readonly bytes: Uint8Array
  readonly headers: Headers
}

const DEFAULT_URL = 'http://127.0.0.1:8080'

/** The address of a listing, narrowed where the user said so. */
export function searchPath(path: string, term: string | undefined): string {
  return term === undefined ? path : `${path}?${new URLSearchParams({ search: term }).toString()}`
}

/** Adds the options that every command has which talks to a server. */
export function withServerOptions(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'address of the server').env('PENSTOCK_URL').default(DEFAULT_URL))
    .addOption(new Option('--api-key <key>', 'API key, if the server asks for one').env('PENSTOCK_API_KEY'))
    .option('--json', 'print JSON, and errors as JSON on stderr')
}

export class ServerApi {
  readonly #url: string
  readonly #headers: Record<string, string>

  constructor(options: ServerOptions) {
    this.#url = expectUrl(options.url)
    if (options.apiKey !== undefined && !/^[\x21-\x7e]+$/.test(options.apiKey)) {
      throw new UsageError('Expected the API key to be printable ASCII without blanks, such as psk_…')
    }
    this.#headers = options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }
  }

  /** Sends JSON, or nothing, and returns the parsed answer; undefined for an empty one. */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const text = await this.callText(method, path, body === undefined ? undefined : JSON.stringify(body))
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  }

  /** Sends JSON text as it stands and returns the answer's text as it stands: numbers beyond 2^53 survive. */
  async callText(method: string, path: string, body?: string): Promise<string> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    return this.#send(path, { method, headers, ...(body === undefined ? {} : { body }) })
  }

  /** Sends JSON text, or nothing, and returns the answer's bytes and headers. */
  async callRaw(method: string, path: string, body?: string, accept?: string): Promise<RawAnswer> {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(accept === undefined ? {} : { accept }),
    }
    return this.#exchange(path, { method, headers, ...(body === undefined ? {} : { body }) })
  }

  /** Sends bytes. */
  async upload(method: string, path: string, stream: SizedStream): Promise<unknown> {
    const { contentType = 'application/octet-stream', sizeBytes } = stream
    const headers = { 'content-type': contentType, 'content-length': String(sizeBytes) }
    const body = Readable.toWeb(Readable.from(stream.chunks)) as ReadableStream
    return JSON.parse(await this.#send(path, { method, headers, body, duplex: 'half' })) as unknown
  }

  async #send(path: string, request: RequestInit & { headers: Record<string, string> }): Promise<string> {
    return decoder.decode((await this.#exchange(path, request)).bytes)
  }

  async #exchange(path: string, request: RequestInit & { headers: Record<string, string> }): Promise<RawAnswer> {
    let response: Response
    let bytes: Uint8Array
    try {
      response = await fetch(`${this.#url}${path}`, { ...request, headers: { ...request.headers, ...this.#headers } })
      bytes = new Uint8Array(await response.arrayBuffer())
    } catch (error) {
      throw unreachable(this.#url, error)
    }
    if (response.ok) return { bytes, headers: response.headers }
    throw refusalOf(response.status, decoder.decode(bytes), this.#url)
  }
}

const decoder = new TextDecoder()

function expectUrl(text: string): string {
  const isHttp = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
  if (!isHttp)
    throw new UsageError(`Expected --url to be an address such as ${DEFAULT_URL} but received ${JSON.stringify(text)}.`)
  return text.replace(/\/+$/, '')
}

const WAY_OUT = 'Start one with `penstock serve`, or name another with --url or PENSTOCK_URL.'

function refusalOf(status: number, text: string, url: string): RefusedError {
  try {
    const body = JSON.parse(text) as { error?: unknown; code?: unknown } | null
    if (typeof body?.error === 'string' && typeof body.code === 'string') return new RefusedError(body.code, body.error)
  } catch {
    // Not JSON: handled as any other answer that is no Penstock error.
  }
  return new RefusedError(
    'ERR_INTERNAL',
    `${url} answered ${status}, not as Penstock does. Is --url the address of a Penstock server?`,
  )
}

function unreachable(url: string, error: unknown): UnreachableError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const isLost = code === 'EPIPE' || code === 'ECONNRESET' || code === 'UND_ERR_SOCKET'
  const sentence = isLost
    ? `The connection to ${url} was lost before the answer came: ${reasonOf(error)}. See the server's log, then try again.`
    : `Cannot reach a server at ${url}: ${reasonOf(error)}. ${WAY_OUT}`
  return new UnreachableError(sentence, { cause: error })
}

/** fetch says "fetch failed" and hides why in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error)) return String(cause)
  // Trying ::1 and 127.0.0.1 both fails with an AggregateError of empty message.
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
  return cause.message === '' ? code : cause.message
}
