/**
 * What callers make an engine hold, in bytes: one budget for its requests, which the addon counts, and for what the
 * transports hold before and after. The addon's counter decides; /metrics shows what is charged here apart.
 *
 * Thread: the engine's. The code that charges releases the same number of bytes once.
 */
import { addon } from '../../../bindings/native.js'
import { IdleMemory } from './idle-memory.js'

/** requests: their inputs and expected outputs · bodies: that arrive, packed and unpacked · answers: not written yet. */
export type BudgetUse = 'requests' | 'bodies' | 'answers'
/** Those of the transports. */
export type TransportUse = Exclude<BudgetUse, 'requests'>

export class ByteBudget {
  readonly limitBytes: number
  readonly #runtime: number
  readonly #used: Record<TransportUse, number> = { bodies: 0, answers: 0 }
  readonly #idle: IdleMemory
  #isClosed = false

  constructor(runtime: number, limitBytes: number) {
    this.#runtime = runtime
    this.limitBytes = limitBytes
    this.#idle = new IdleMemory(runtime, limitBytes)
  }

  /** @returns false: it does not fit, and nothing was charged. While nothing is held, anything fits. */
  tryCharge(use: TransportUse, bytes: number): boolean {
    if (!this.#isClosed && !addon.tryChargeBytes(this.#runtime, bytes)) return false
    this.#used[use] += bytes
    return true
  }

  /** For a request that the addon does not know: those of the string path. @returns as tryCharge. */
  tryChargeRequest(bytes: number): boolean {
    return this.#isClosed || addon.tryChargeBytes(this.#runtime, bytes)
  }

  releaseRequest(bytes: number): void {
    if (!this.#isClosed) addon.releaseBytes(this.#runtime, bytes)
  }

  /** What is there already. */
  charge(use: TransportUse, bytes: number): void {
    if (!this.#isClosed) addon.chargeBytes(this.#runtime, bytes)
    this.#used[use] += bytes
  }

  release(use: TransportUse, bytes: number): void {
    if (!this.#isClosed) addon.releaseBytes(this.#runtime, bytes)
    this.#used[use] -= bytes
  }

  usedBytes(): Readonly<Record<BudgetUse, number>> {
    const { bodies, answers } = this.#used
    const total = this.#isClosed ? bodies + answers : addon.usedBytes(this.#runtime)
    return { requests: total - bodies - answers, bodies, answers }
  }

  /** The runtime ends: sockets that outlive it go on counting only here. */
  close(): void {
    this.#isClosed = true
    this.#idle.close()
  }
}
