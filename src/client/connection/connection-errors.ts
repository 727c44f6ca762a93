/** What the end of a connection means, in errors: of close codes, of handshakes, of servers that break the protocol. */
import { errorTable, PenstockError, type ErrorCode } from '../../base/errors.js'

export interface ConnectionEnd {
  /** The code in the close frame; 1006 when there was none. */
  readonly code: number
  readonly reason: string
  /** ERR_CONNECTION_LOST with the reason as cause; another when dialling again is no use (isFinal). */
  readonly error: PenstockError
}

/** Applications may close with 1000 and 3000..4999. */
export const NORMAL_CLOSE = 1000
export const SUBPROTOCOL_CLOSE = 3000
/** What a loss without a close frame reads as. */
export const ABNORMAL_CLOSE = 1006
export const FRAME_CLOSE = errorTable.ERR_FRAME.close ?? SUBPROTOCOL_CLOSE

export function lostError(message: string, cause: unknown): PenstockError {
  return new PenstockError('ERR_CONNECTION_LOST', message, cause === null ? {} : { cause })
}

/** @param event what onerror said, null when it said nothing. @param wasGreeted a Hello had come. */
export function endOfClose(
  url: string,
  code: number,
  reason: string,
  event: unknown,
  wasGreeted: boolean,
): ConnectionEnd {
  const text = textOf(event)
  // `ws` says the status; browsers and undici keep it to themselves, and the loss reads as any other.
  const refusal = wasGreeted ? undefined : /\b(401|403)\b/.exec(text)?.[1]
  if (refusal !== undefined) {
    const error =
      refusal === '401'
        ? new PenstockError('ERR_UNAUTHORIZED', `${url} refused the API key`, { cause: event })
        : new PenstockError('ERR_FORBIDDEN', `${url} does not let this API key, page or host infer`, { cause: event })
    return { code, reason, error }
  }
  const closed = errorOfClose(code, reason)
  // The key was revoked, has expired, or was refused after the handshake.
  if (closed !== null && isFinal(closed)) return { code, reason, error: closed }
  const cause = closed ?? event
  if (!wasGreeted) return { code, reason, error: lostError(`Could not connect to ${url}${text && `: ${text}`}`, cause) }
  return { code, reason, error: lostError(`The connection to ${url} ended (${code}${reason && `, ${reason}`})`, cause) }
}

/** Errors after which another try with the same options cannot succeed. */
export function isFinal({ code }: PenstockError): boolean {
  return code === 'ERR_UNAUTHORIZED' || code === 'ERR_FORBIDDEN' || code === 'ERR_SUBPROTOCOL'
}

/** A message that the protocol does not allow here. */
export function unexpected(what: string, where: string): PenstockError {
  return new PenstockError('ERR_FRAME', `Expected messages in their order but received ${what} ${where}`)
}

/** The error behind a close code of errors.json; null for the others. */
function errorOfClose(code: number, reason: string): PenstockError | null {
  const rows = Object.entries(errorTable) as [ErrorCode, { close?: number }][]
  const row = rows.find(([, { close }]) => close === code)
  return row === undefined ? null : new PenstockError(row[0], reason)
}

function textOf(event: unknown): string {
  const { message } = (event ?? {}) as { message?: unknown }
  return typeof message === 'string' ? message : ''
}
