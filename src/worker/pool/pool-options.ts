/** What a pool of inference workers is opened with. */
import type { Clock } from '../../base/clock.js'
import type { EngineNotice } from '../../engine/api/options.js'

export interface PoolOptions {
  /** Threads, 1..INFER_WORKERS_MAX. */
  readonly workerCount: number
  /** Threads more for long background batches, started when the first model wants them; absent: 0. */
  readonly backgroundWorkerCount?: number
  /** False: nothing is counted per request or batch. */
  readonly isMeasuring: boolean
  /** Microseconds that an idle worker spins for work before it sleeps. */
  readonly watchUs: number
  /** Bytes that callers may make the engine hold. */
  readonly budgetBytes: number
  /** Rows between two that are run again alone and compared; absent: none is. */
  readonly rowCheckEvery?: number
  /** Milliseconds after which a run counts as stuck; absent: a multiple of what its model is known to take. */
  readonly runLimitMs?: number | undefined
  /** Threads beyond those at most, for stuck ones and for a while; absent: SUBSTITUTE_WORKERS. */
  readonly substituteWorkers?: number | undefined
  readonly clock: Clock
  readonly onNotice: (notice: EngineNotice) => void
}
