/**
 * How the runs of one model are arranged, and what was measured to arrange them so: the words of calibration, which api.ts
 * hands on. Types only.
 */
/** The threads of one run. */
export interface RunThreads {
  /** Threads inside the run, 1..256. */
  readonly intraOpThreads: number
  /** True: those threads poll for work while the run lasts instead of sleeping. */
  readonly spinning: boolean
}

/** How the runs of one model are arranged. */
export interface RunPlan extends RunThreads {
  /** Batches that run at a time, over all workers. */
  readonly instances: number
  /** Rows of one run; a batch of more is run in parts. */
  readonly runRowsMax: number
  readonly batchRowsMax: number
  /** The threads of a batch that has all workers to itself; null: as the others. */
  readonly alone: RunThreads | null
}

/** Under what a calibration holds: all of it must be the same for the result to be used again. */
export interface CalibrationConditions {
  /** Version of the procedure. */
  readonly algorithm: number
  readonly cpu: string
  readonly cores: number
  readonly inferWorkers: number
  /** Threads inside a run, when an option fixes them, else null. */
  readonly intraOpThreads: number | null
  /** ONNX Runtime's version. */
  readonly runtime: string
  readonly latencyObjectiveMs: number
  readonly batchRowsMax: number
}

/** What measuring a model version on a machine has shown. */
export interface Calibration {
  readonly plan: RunPlan
  /** Bytes of the inputs of one row as it was measured: rows of other sizes get batches of as many bytes. */
  readonly rowBytes: number
  /** Microseconds of one row that has the machine to itself, and of a full batch. */
  readonly rowUs: number
  readonly batchUs: number
  readonly rowsPerS: number
  /** ISO 8601, UTC. */
  readonly measuredAt: string
  readonly conditions: CalibrationConditions
}
