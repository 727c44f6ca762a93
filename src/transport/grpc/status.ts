/**
 * How a call can end.
 *
 * @source https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
 */
import type { Field } from '../http2/frames.js'

export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

/** An end other than OK. */
export interface CallFailure {
  readonly code: number
  readonly details: string
  /** Trailers; for clients that retry, for instance. */
  readonly metadata?: readonly Field[]
}

/** The trailer that says when to try again: gRFC A6. */
export function pushback(retryAfterMs: number | undefined): readonly Field[] {
  return retryAfterMs === undefined ? [] : [['grpc-retry-pushback-ms', String(retryAfterMs)]]
}

/** `details` as a header carries it: bytes that are not printable ASCII, and the percent sign, are escaped. */
export function escapeDetails(details: string): string {
  if (/^[ -$&-~]*$/.test(details)) return details
  let text = ''
  for (const byte of Buffer.from(details))
    text +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return text
}
