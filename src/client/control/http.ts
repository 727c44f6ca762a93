/**
 * Calls to a server over HTTP with fetch, in Node and in browsers. Whatever is no 2xx becomes a PenstockError with
 * the server's code and sentence; no answer at all is ERR_CONNECTION_LOST, for whether the call was carried out is unknown.
 */
import { onAbort } from '../../base/abort.js'
import { argumentError, expectInteger, expectNoOtherKeys, expectRecord, expectString } from '../../base/expect.js'
import type { CancelSignal } from '../../engine/api/api.js'
import { errorTable, isPenstockError, PenstockError, type ErrorCode, type FieldError } from '../../base/errors.js'

export interface ControlOptions {
  /** Sent as `authorization: Bearer …`. */
  readonly apiKey?: string
  /** Milliseconds from a call to the end of its answer, 1..3,600,000; default 600,000: a large model takes minutes to load. */
  readonly timeoutMs?: number
  /** Takes the place of the global `fetch`: a proxy's, an agent's. */
  readonly fetch?: typeof fetch
}

const TIMEOUT_MS = 600_000
const TIMEOUT_MS_MAX = 3_600_000

/** A body whose length is known although it is read piece by piece. */
export interface SizedStream {
  readonly sizeBytes: number
  /** Absent: application/octet-stream. */
  readonly contentType?: string
  readonly chunks: AsyncIterable<Uint8Array>
}

/** What a server said when it refused a call: the cause of the call's PenstockError. */
export class Refusal extends Error {
  /** @param code the server's, which a later release may have invented; null: it does not answer as Penstock does. */
  constructor(
    readonly status: number,
    readonly code: string | null,
    sentence: string,
  ) {
    super(sentence)
  }
}

export interface HttpRequest {
  /** Sent as JSON. */
  readonly json?: unknown
  /** JSON already. */
  readonly text?: string
  /** Sent as application/octet-stream. */
  readonly bytes?: Uint8Array
  /** Sent as multipart/form-data. */
  readonly form?: FormData
  /** Sent while it is read. */
  readonly stream?: SizedStream
}

/** A request whose answer has forms. */
export interface FormRequest extends HttpRequest {
  /** Absent: the server's own choice. */
  readonly accept?: string | undefined
  readonly signal?: CancelSignal | undefined
}

export interface BytesAnswer {
  readonly bytes: Uint8Array
  readonly headers: Headers
}

type FetchRequest = RequestInit & {
  readonly headers: Readonly<Record<string, string>>
  /** fetch asks for it where a body is a stream. */
  readonly duplex?: 'half'
}

export interface BytesRequest {
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

export class HttpCaller {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #timeoutMs: number
  readonly #fetch: typeof fetch

  /** @throws PenstockError ERR_ARGUMENT. */
  constructor(url: string, options: ControlOptions) {
    expectNoOtherKeys('options', expectRecord('options', options), ['apiKey', 'timeoutMs', 'fetch'])
    this.#url = baseUrl(url)
    this.#headers = options.apiKey === undefined ? {} : { authorization: `Bearer ${expectKey(options.apiKey)}` }
    this.#timeoutMs = expectInteger('timeoutMs', options.timeoutMs ?? TIMEOUT_MS, 1, TIMEOUT_MS_MAX)
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis)
  }

  /**
   * @param path from the root of the server, its parameters encoded.
   * @returns the parsed JSON of the answer; undefined for an empty one.
   * @throws PenstockError the server's; ERR_CONNECTION_LOST; ERR_DEADLINE_EXCEEDED after the timeout.
   */
  async call(method: string, path: string, request: HttpRequest = {}): Promise<unknown> {
    const text = await this.callText(method, path, request)
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  }

  /** The answer's text as the server sent it: numbers beyond 2^53 keep their digits. @throws as `call`. */
  async callText(method: string, path: string, request: HttpRequest = {}): Promise<string> {
    const init = { method, headers: typeOf(request), ...bodyOf(request) }
    return decoder.decode((await this.fetched(path, init, this.#timeoutMs)).bytes)
  }

  /** Sends bytes and returns the bytes of the answer. @throws as `call`. */
  async callBytes(method: string, path: string, request: BytesRequest): Promise<Uint8Array> {
    const { body, headers, timeoutMs } = request
    // fetch reads views of any buffer; its types ask for one that cannot be shared.
    const init = { method, headers, body: body as Uint8Array<ArrayBuffer> }
    return (await this.fetched(path, init, timeoutMs)).bytes
  }

  /** Asks for an answer in the form of `accept`, and for what its headers say. @throws as `call`. */
  async callForBytes(method: string, path: string, { accept, signal, ...request }: FormRequest): Promise<BytesAnswer> {
    const init = {
      method,
      headers: { ...typeOf(request), ...(accept === undefined ? {} : { accept }) },
      ...bodyOf(request),
    }
    return this.fetched(path, init, this.#timeoutMs, signal)
  }

  /** Every call comes through here. @returns an answer of 2xx. */
  protected async fetched(
    path: string,
    init: FetchRequest,
    timeoutMs: number,
    signal?: CancelSignal,
  ): Promise<BytesAnswer> {
    const ending = new AbortController()
    const cancel = (): void =>
      ending.abort(new PenstockError('ERR_ABORTED', 'The caller cancelled the call', { cause: signal?.reason }))
    const late = setTimeout(() => {
      ending.abort(new PenstockError('ERR_DEADLINE_EXCEEDED', `${this.#url} did not answer within ${timeoutMs} ms`))
    }, timeoutMs)
    if (signal?.aborted === true) cancel()
    const detach = signal === undefined ? null : onAbort(signal, cancel)
    try {
      const headers = { ...this.#headers, ...init.headers }
      const response = await this.#fetch(this.#url + path, { ...init, headers, signal: ending.signal })
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (response.ok) return { bytes, headers: response.headers }
      throw refusalOf(this.#url, response.status, decoder.decode(bytes))
    } catch (cause) {
      if (isPenstockError(cause)) throw cause
      // A fetch of the application's may say it in words of its own.
      if (ending.signal.aborted) throw ending.signal.reason
      throw new PenstockError('ERR_CONNECTION_LOST', `Cannot reach a server at ${this.#url}`, { cause })
    } finally {
      clearTimeout(late)
      detach?.()
    }
  }
}

const decoder = new TextDecoder()

function typeOf({ json, text, bytes, stream }: HttpRequest): Record<string, string> {
  if (stream !== undefined) {
    const { contentType = 'application/octet-stream', sizeBytes } = stream
    return { 'content-type': contentType, 'content-length': String(sizeBytes) }
  }
  if (bytes !== undefined) return { 'content-type': 'application/octet-stream' }
  return json === undefined && text === undefined ? {} : { 'content-type': 'application/json' }
}

function bodyOf({ json, text, bytes, form, stream }: HttpRequest): Pick<FetchRequest, 'body' | 'duplex'> {
  if (stream !== undefined) return { body: streamOf(stream.chunks), duplex: 'half' }
  // Its type, with the boundary, is fetch's to say.
  if (form !== undefined) return { body: form }
  // fetch reads views of any buffer; its types ask for one that cannot be shared.
  if (bytes !== undefined) return { body: bytes as Uint8Array<ArrayBuffer> }
  if (text !== undefined) return { body: text }
  return json === undefined ? {} : { body: JSON.stringify(json) }
}

/** Not ReadableStream.from, which not every browser has. */
function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const next = await iterator.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    cancel: async () => void (await iterator.return?.()),
  })
}

/** http and https; a path before /v1 (a reverse proxy's) is kept. */
function baseUrl(url: unknown): string {
  const text = expectString('url', url)
  const parsed = URL.canParse(text) ? new URL(text) : null
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return parsed.origin + parsed.pathname.replace(/\/+$/, '')
  throw argumentError('url', 'an http: or https: URL', text, 'For example http://127.0.0.1:8080')
}

function expectKey(apiKey: unknown): string {
  const key = expectString('apiKey', apiKey)
  // Never the key itself: errors end up in logs.
  if (!/^[\x21-\x7e]+$/.test(key))
    throw argumentError('apiKey', 'printable ASCII without blanks', `${key.length} characters`)
  return key
}

function refusalOf(url: string, status: number, text: string): PenstockError {
  const { error, code, retry_after_ms: retryAfterMs, errors, error_count: errorCount } = parseError(text)
  if (typeof error !== 'string' || typeof code !== 'string') {
    const sentence = `${url} answered ${status}, not as Penstock does. Is it a Penstock server?`
    return new PenstockError('ERR_INTERNAL', sentence, { cause: new Refusal(status, null, sentence) })
  }
  const cause = new Refusal(status, code, error)
  // A server of a later release may have codes that this one does not know.
  if (!Object.hasOwn(errorTable, code)) return new PenstockError('ERR_INTERNAL', `${error} (${code})`, { cause })
  return new PenstockError(code as ErrorCode, error, {
    cause,
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
    ...(Array.isArray(errors) ? { errors: errors.filter(isFieldError) } : {}),
    ...(typeof errorCount === 'number' ? { errorCount } : {}),
  })
}

function isFieldError(value: unknown): value is FieldError {
  const { field, code, message } = (value ?? {}) as Partial<Record<keyof FieldError, unknown>>
  return typeof field === 'string' && typeof message === 'string' && typeof code === 'string'
}

interface ErrorBody {
  readonly error?: unknown
  readonly code?: unknown
  readonly retry_after_ms?: unknown
  readonly errors?: unknown
  readonly error_count?: unknown
}

function parseError(text: string): ErrorBody {
  try {
    const body = JSON.parse(text) as unknown
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    // A proxy's page of HTML.
    return {}
  }
}
