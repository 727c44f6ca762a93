/** What background models lose: no answer mentions it, pipelineStatus does. Types only. */

/** Rows of a background model without an answer: answers of requests do not mention them. */
export interface BackgroundLosses {
  readonly model: string
  /** That a full queue refused. */
  readonly shedRows: number
  /** All of `failures`. */
  readonly failedRows: number
  /** By error code. */
  readonly failures: Readonly<Record<string, number>>
  /** The newest failure of the model version since it was loaded; null: no run of it has failed. */
  readonly lastFailure: BackgroundFailure | null
}

export interface BackgroundFailure {
  readonly code: string
  /** ONNX Runtime's words, of a run. */
  readonly message: string
  readonly at: string
}
