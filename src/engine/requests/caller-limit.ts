/**
 * How many requests one caller (an API key) may make a second and have in flight, over every connection and dialect of a
 * server. The count is native (native/core/caller_limit.hpp), because that of WebSocket frames must be; what comes over
 * HTTP and gRPC is counted there too, one call a request.
 */
import { addon } from '../../../bindings/native.js'
import type { LimitHandle } from '../../../bindings/native.js'
import { PenstockError } from '../../base/errors.js'

export interface CallerLimitOptions {
  /** Requests a second, > 0, in a bucket of one second's worth (at least one request); null: any number. */
  readonly ratePerS: number | null
  /** Requests in flight, 1 or more; null: any number. */
  readonly concurrency: number | null
}

export interface CallerLimit {
  /** Counts a request that is answered later: `release` it then. @throws PenstockError ERR_RATE_LIMITED. */
  take(): void
  /** The request was answered, or its caller is gone. */
  release(): void
  /** The request was not made after all: its token is back as well. */
  giveBack(): void
}

const NS_PER_S = 1e9

export class NativeCallerLimit implements CallerLimit {
  readonly handle: LimitHandle

  constructor({ ratePerS, concurrency }: CallerLimitOptions) {
    const periodNs = ratePerS === null ? 0 : Math.max(1, Math.round(NS_PER_S / ratePerS))
    const burst = ratePerS === null ? 1 : Math.max(1, Math.round(ratePerS))
    this.handle = addon.makeLimit(periodNs, burst, concurrency ?? 0)
  }

  take(): void {
    const waitNs = addon.takeLimit(this.handle)
    if (waitNs !== 0) throw limitError(waitNs < 0, waitNs / 1e6)
  }

  release(): void {
    addon.releaseLimit(this.handle)
  }

  giveBack(): void {
    addon.giveBackLimit(this.handle)
  }
}

/** Milliseconds after which a caller with too many requests in flight may try again: nobody knows when one ends. */
const BUSY_RETRY_AFTER_MS = 100

/** @param waitMs until the next request is within the rate; of no account when too many are in flight. */
export function limitError(isBusy: boolean, waitMs: number): PenstockError {
  const retryAfterMs = isBusy ? BUSY_RETRY_AFTER_MS : Math.max(1, Math.ceil(waitMs))
  const text = isBusy
    ? 'The API key has as many requests in flight as it may; nothing was run. Wait for an answer, then try again'
    : `The API key has made as many requests as its rate allows; nothing was run. Try again in ${retryAfterMs} ms`
  return new PenstockError('ERR_RATE_LIMITED', text, { retryAfterMs })
}
