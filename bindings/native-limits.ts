/** What the addon exports for the limits of callers, 1:1. Types only; `native.ts` re-exports them. */
import type { PortHandle } from './native-handles.js'

export type LimitHandle = object & { readonly __limit: unique symbol }

export interface NativeLimits {
  /**
   * @param periodNs nanoseconds between two requests at the rate, 0..3.6e12; 0: any rate.
   * @param burst requests that a rested caller may make at once, 1..2^20.
   * @param inFlightMax 0: any number.
   */
  makeLimit(periodNs: number, burst: number, inFlightMax: number): LimitHandle
  /** Counts a request. @returns 0: it may be made · > 0: nanoseconds until it may · -1: too many are in flight. */
  takeLimit(limit: LimitHandle): number
  /** One request is no longer in flight. */
  releaseLimit(limit: LimitHandle): void
  /** The request that was taken last was not made: its token is back as well. */
  giveBackLimit(limit: LimitHandle): void
  /** Frames of the connection are counted from now on; before its first request. */
  setConnectionLimit(port: PortHandle, connection: number, limit: LimitHandle): void
}
