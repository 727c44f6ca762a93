/**
 * Why rows of a model version share batches, or why they do not: what its inspection read in the graph and saw in its
 * trial, what an operator decided, and what was seen since it serves. Types only; part of the engine's face.
 */

export interface BatchingProof {
  /** Counts changes of how rows are proven: one of an earlier revision is not trusted, the version is inspected again. */
  readonly revision: number
  /**
   * `graph`: the graph keeps rows apart, and so they were when tried · `trial`: as far as trying tells · `override`: an
   * operator says so · `none`: rows share no batches.
   */
  readonly basis: 'graph' | 'trial' | 'override' | 'none'
  /** The first node that makes rows depend on each other, or that is not known; null when there is none. */
  readonly culprit: BatchingCulprit | null
  /** Rows in company that were compared with themselves alone. */
  readonly comparisons: number
  /** What differed in the trial; '' when nothing did. */
  readonly difference: string
  /** Kinds of values that the model refuses, so that they were not tried: `amount: missing, infinite`. */
  readonly untried: readonly string[]
  /** Who had the rows share batches whatever the inspection says, and when (ISO 8601). */
  readonly override?: { readonly operator: string; readonly at: string }
  /** A row that got another answer in a shared batch while it served: its model's rows run one by one since. */
  readonly found?: { readonly at: string; readonly output: string }
}

/** What the live checks of a loaded model have counted since it was loaded. */
export interface BatchingCounts {
  /** Rows that were answered in company and run again alone. */
  readonly rowChecks: number
  /** Those among them whose answer was another. */
  readonly rowDifferences: number
  /** Shared runs that failed although each of their requests ran by itself. */
  readonly sharedFailures: number
}

export interface BatchingCulprit {
  /** Its name, or that of its first output where the file names the node not. '' when it is no node. */
  readonly node: string
  /** `MatMul`; of another domain `com.microsoft.Attention`. */
  readonly operator: string
  readonly reason: string
}
