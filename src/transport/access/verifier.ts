/**
 * What a server asks of whoever knows its API keys (the registry's ApiKeys fits, and so does a function over a company's
 * own), and of a call that may carry one. Types only.
 */
import type { Scope } from '../../base/access.js'
import type { ReadHeader } from '../request-headers.js'

export interface VerifiedKey {
  readonly name: string
  /** Absent: all. */
  readonly scopes?: readonly Scope[]
  /** The only pipelines that it may infer on and read of; absent: all. */
  readonly pipelines?: readonly string[]
  /** Milliseconds since 1970; absent: it does not expire. */
  readonly expiresAtMs?: number
  /** Requests a second; absent: any number. */
  readonly ratePerS?: number
  /** Requests in flight; absent: any number. */
  readonly concurrency?: number
  /** Becomes true when the key is not valid any more. It is looked at while connections are open; absent: they stay. */
  readonly isRevoked?: boolean
}

export interface KeyVerifier {
  /** 0: authentication is off. May change while the server runs. */
  readonly count: number
  /** Takes microseconds. @returns the same object for the same key while nothing about it changes, where it can. */
  verify(key: string): VerifiedKey | undefined
}

/** The head of a call, of whatever dialect. */
export interface CallHead {
  readonly header: ReadHeader
  /** The IP address that it came from; '' when it is not known. Asked for when a key was wrong. */
  readonly address: string
}
