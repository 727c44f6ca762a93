/**
 * The one error that callers see. Clients match `code`, never the message; each code's class, HTTP status, WebSocket
 * close code and sentence come from protocol/errors.json (generated, so that C++, docs and clients cannot disagree).
 *
 * The brand is a registered symbol, not `instanceof`: an application may hold two copies of the package (embedding
 * engine and client, ESM and bundled), and an error may have crossed from a worker. Bugs have no code: they are
 * assertions, or plain Errors that transports answer as ERR_INTERNAL.
 */
import { errorTable, type ErrorCode, type ErrorRow } from './generated/error-codes.js'

export { errorTable }
export type { ErrorClass, ErrorCode, ErrorRow } from './generated/error-codes.js'

const brand = Symbol.for('penstock.error')

/** One of several mistakes in a request, by the input, column or member that it is about. */
export interface FieldError {
  readonly field: string
  readonly code: ErrorCode
  readonly message: string
  /** Where in the body, as a JSON Pointer; with ERR_CONTRACT. */
  readonly path?: string
  /** The rule that is broken; with ERR_CONTRACT. */
  readonly rule?: string
  /** What was received; with ERR_CONTRACT, unless it is a list, an object, a long text, or nothing. */
  readonly value?: string | number | boolean | null
}

export interface PenstockErrorOptions {
  /** The error underneath, kept for the operator's log; never sent to a client. */
  readonly cause?: unknown
  /** When to try again, whole milliseconds from now; only with retryable codes. */
  readonly retryAfterMs?: number | undefined
  /** The mistakes one by one, of a request that was read to its end in spite of the first. */
  readonly errors?: readonly FieldError[]
  /** How many mistakes there are, where `errors` may have fewer. */
  readonly errorCount?: number
}

export class PenstockError extends Error {
  readonly code: ErrorCode
  /** True: the same call may succeed later without a change. */
  readonly retryable: boolean
  declare readonly retryAfterMs?: number
  declare readonly errors?: readonly FieldError[]
  declare readonly errorCount?: number

  /**
   * @param code a row of errors.json.
   * @param message a sentence: argument, rule, value, then the way out. '' takes the code's own sentence.
   */
  constructor(code: ErrorCode, message = '', options: PenstockErrorOptions = {}) {
    super(
      message === '' ? errorTable[code].sentence : message,
      'cause' in options ? { cause: options.cause } : undefined,
    )
    this.name = 'PenstockError'
    this.code = code
    this.retryable = errorTable[code].retryable
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
    if (options.errors !== undefined) this.errors = options.errors
    if (options.errorCount !== undefined) this.errorCount = options.errorCount
    Object.defineProperty(this, brand, { value: true })
  }

  get httpStatus(): number {
    return errorTable[this.code].http
  }
}

/** True for a PenstockError of this or another copy of the package. */
export function isPenstockError(error: unknown): error is PenstockError {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[brand] === true
}

/**
 * The error itself when it is a PenstockError, else an ERR_INTERNAL that keeps it as `cause` and hides its message:
 * what went wrong inside is for the log, not for the caller.
 */
export function toPenstockError(error: unknown): PenstockError {
  return isPenstockError(error) ? error : new PenstockError('ERR_INTERNAL', '', { cause: error })
}

const codeByNative: ReadonlyMap<number, ErrorCode> = new Map(
  (Object.entries(errorTable) as [ErrorCode, ErrorRow][]).flatMap(([code, row]) =>
    row.native === undefined ? [] : [[row.native, code]],
  ),
)

/** Whether a server with less to do would have taken the request: no fault of its own, and nothing for the log. */
export function isForLoad(code: ErrorCode): boolean {
  return code === 'ERR_QUEUE_FULL' || code === 'ERR_DEADLINE_EXCEEDED'
}

/** The code of a status number of the addon (1..255); a number that is none of them is a bug and answers ERR_INTERNAL. */
export function errorCodeOfNative(status: number): ErrorCode {
  return codeByNative.get(status) ?? 'ERR_INTERNAL'
}
