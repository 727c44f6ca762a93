/**
 * The CLI's way to a running server: the control calls of penstock/client, with the CLI's own words for how they fail. An
 * answer that is no 2xx becomes a RefusedError with the server's own code and sentence; no answer at all becomes an
 * UnreachableError.
 */
import { type Command, Option } from 'commander'
import { isPenstockError } from '../../base/errors.js'
import { ControlCalls } from '../../client/control/calls.js'
import { type BytesAnswer, HttpCaller, Refusal } from '../../client/control/http.js'
import { RefusedError, UnreachableError, unreachableWayOut, UsageError } from './failures.js'

export interface ServerOptions {
  readonly url: string
  readonly apiKey?: string
  readonly json?: boolean
}

const DEFAULT_URL = 'http://127.0.0.1:8080'
/** An hour: whoever waits at a terminal ends it sooner. */
const TIMEOUT_MS = 3_600_000

/** Adds the options that every command has which talks to a server. */
export function withServerOptions(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'address of the server').env('PENSTOCK_URL').default(DEFAULT_URL))
    .addOption(new Option('--api-key <key>', 'API key, if the server asks for one').env('PENSTOCK_API_KEY'))
    .option('--json', 'print JSON, and errors as JSON on stderr')
}

/** The calls of the server that the options name. @throws UsageError */
export function serverOf(options: ServerOptions): ControlCalls {
  const url = expectUrl(options.url)
  if (options.apiKey !== undefined && !/^[\x21-\x7e]+$/.test(options.apiKey)) {
    throw new UsageError('Expected the API key to be printable ASCII without blanks, such as psk_…')
  }
  return new ControlCalls(new ServerCaller(url, options.apiKey))
}

class ServerCaller extends HttpCaller {
  readonly #shownUrl: string

  constructor(url: string, apiKey: string | undefined) {
    super(url, { timeoutMs: TIMEOUT_MS, ...(apiKey === undefined ? {} : { apiKey }) })
    this.#shownUrl = url
  }

  protected override async fetched(...call: Parameters<HttpCaller['fetched']>): Promise<BytesAnswer> {
    try {
      return await super.fetched(...call)
    } catch (error) {
      throw this.#shown(error)
    }
  }

  #shown(error: unknown): unknown {
    if (!isPenstockError(error)) return error
    if (error.cause instanceof Refusal) return refusalOf(error.cause, this.#shownUrl)
    return error.code === 'ERR_CONNECTION_LOST' ? unreachable(this.#shownUrl, error.cause) : error
  }
}

function expectUrl(text: string): string {
  const isHttp = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
  if (!isHttp)
    throw new UsageError(`Expected --url to be an address such as ${DEFAULT_URL} but received ${JSON.stringify(text)}.`)
  return text.replace(/\/+$/, '')
}

function refusalOf({ status, code, message }: Refusal, url: string): RefusedError {
  if (code !== null) return new RefusedError(code, message)
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
    : `Cannot reach a server at ${url}: ${reasonOf(error)}. ${unreachableWayOut}`
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
