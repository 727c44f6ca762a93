/**
 * Keeps connections from taking the last file descriptors. Each connection takes one, and so does every model, log
 * segment, query and process that a server opens: when the table is full, none of those work any more, and a listener
 * that cannot accept is notified of the same waiting connection again and again, which costs a whole core
 * (uWebSockets.js) or drops it without a word (Node). So connections are refused while there is still room for
 * everything else:
 *
 *     │ threads, models, logs … │ connections …      ─►│ DESCRIPTORS_RESERVED, for everything else │ limit
 *
 * A refused connection is accepted and closed, for whoever waits in the listener's queue waits for nothing. Connections
 * are known exactly; what else is open is counted every second, at most one hundredth of the time. Rejected: a maximum of
 * connections, which knows nothing of the rest, and the lowest free number, which says nothing once there are holes.
 *
 * Should everything else fill the table, a few spare descriptors are closed, so that the listener can go on accepting and
 * closing. Thread: the I/O isolate; HTTP, WebSocket and gRPC share one guard.
 */
import type { Logger } from 'pino'
import {
  DESCRIPTOR_LOG_MS,
  DESCRIPTOR_LOOK_MS,
  DESCRIPTORS_RESERVED,
  DESCRIPTORS_SPARE,
} from '../base/limits/limits.js'
import { processTable, type DescriptorTable } from './descriptor-table.js'

export interface DescriptorGuardOptions {
  /** Descriptors that the process may have; Infinity: not known. */
  readonly limit: number
  /** Open connections, each a descriptor. */
  readonly connections: () => number
  readonly nowMs: () => number
  /** Once a while as long as connections are refused. @param count refused since the last call. */
  readonly onRefused: (count: number) => void
  /** There is room again. */
  readonly onRecovered: () => void
  readonly table?: DescriptorTable
}

/** The lines that the operator reads. */
export function guardLines(logger: Pick<Logger, 'warn' | 'info'>, limit: number) {
  return {
    onRefused: (count: number): void =>
      logger.warn(
        { refused: count, limit },
        `connections are refused: of the ${limit} files that this process may open, the last ${DESCRIPTORS_RESERVED} are for models and logs. Raise the limit (ulimit -n, LimitNOFILE=), or let clients share connections`,
      ),
    onRecovered: (): void => logger.info('connections are taken again'),
  }
}

/** The part of all time that counting may take: where each entry must be read, a full table takes a while. */
const countingShare = 0.01

export class DescriptorGuard {
  readonly #options: DescriptorGuardOptions
  readonly #table: DescriptorTable
  readonly #spares: number[] = []
  #timer: NodeJS.Timeout | undefined
  /** What is open beside connections and spares, as it was last counted. */
  #others = 0
  #nextCountMs = -Infinity
  #refused = 0
  /** Since the last line of the log. */
  #unreported = 0
  #reportedMs = -Infinity
  #isRefusing = false
  #refusedMs = -Infinity

  constructor(options: DescriptorGuardOptions) {
    this.#options = options
    this.#table = options.table ?? processTable
  }

  /** Begins to look. Until then everybody is admitted. */
  start(): void {
    this.#look()
    this.#timer = setInterval(() => this.#look(), DESCRIPTOR_LOOK_MS)
    this.#timer.unref()
  }

  /** Connections that were refused so far. */
  get refusedCount(): number {
    return this.#refused
  }

  /** To be asked about each connection that was accepted, which is counted by then. @returns false: it is to be closed at once. */
  admits(): boolean {
    if (this.#timer === undefined || this.#room() >= 0) return true
    this.#refused++
    this.#unreported++
    this.#isRefusing = true
    this.#refusedMs = this.#options.nowMs()
    if (this.#refusedMs - this.#reportedMs >= DESCRIPTOR_LOG_MS) this.#report()
    return false
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#giveUpSpares()
  }

  /** Descriptors that connections may still take. */
  #room(): number {
    return this.#options.limit - DESCRIPTORS_RESERVED - this.#others - this.#options.connections()
  }

  #look(): void {
    this.#count()
    const isNarrow = this.#room() <= DESCRIPTORS_SPARE
    if (isNarrow) this.#giveUpSpares()
    else this.#takeSpares()
    // Not at the first room: where connections come and go, that would be a line a second.
    if (isNarrow || !this.#isRefusing || this.#options.nowMs() - this.#refusedMs < DESCRIPTOR_LOG_MS) return
    this.#isRefusing = false
    if (this.#unreported > 0) this.#report()
    this.#options.onRecovered()
  }

  #count(): void {
    const { limit, connections, nowMs } = this.#options
    const beganMs = nowMs()
    if (limit === Infinity || beganMs < this.#nextCountMs) return
    const open = this.#table.count() ?? limit
    this.#others = Math.max(0, open - connections() - this.#spares.length)
    const tookMs = nowMs() - beganMs
    this.#nextCountMs = beganMs + tookMs / countingShare
  }

  #takeSpares(): void {
    while (this.#spares.length < DESCRIPTORS_SPARE) {
      const spare = this.#table.open()
      // Taken by somebody else in between: the next look tries again.
      if (spare === null) return
      this.#spares.push(spare)
    }
  }

  #giveUpSpares(): void {
    for (const descriptor of this.#spares.splice(0)) this.#table.close(descriptor)
  }

  #report(): void {
    this.#reportedMs = this.#options.nowMs()
    this.#options.onRefused(this.#unreported)
    this.#unreported = 0
  }
}
