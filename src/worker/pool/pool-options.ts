/** What a pool of inference workers is opened with. */
import type { Clock } from '../../base/clock.js'
import type { EngineNotice } from '../../engine/api/options.js'
import type { RunWay } from '../sessions/run-ways.js'

export interface PoolOptions {
  /** Threads, 1..INFER_WORKERS_MAX. */
  readonly workerCount: number
  /** Threads more for long background batches, started when the first model wants them; absent: 0. */
  readonly backgroundWorkerCount?: number
  /** How runs reach ONNX Runtime; `native` where that cannot be had: the other way, which is said. Absent: `native`. */
  readonly runs?: RunWay | undefined
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
  /** Milliseconds after which a run is ended, whoever waits for it; absent: only what nobody waits for is. */
  readonly runStopMs?: number | undefined
  /** Threads beyond those at most, for stuck ones and for a while; absent: SUBSTITUTE_WORKERS. */
  readonly substituteWorkers?: number | undefined
  readonly clock: Clock
  readonly onNotice: (notice: EngineNotice) => void
}
