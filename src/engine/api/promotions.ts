/** Promotions: an alias that moves if the answers of the new version are good enough. Types only. */
import type { CancelSignal } from './inference.js'
import type { PromotionProgress } from './generated/records.js'
import type { PredictRow } from './predictions.js'

export interface PromotionOptions {
  /** The alias. */
  readonly to: string
  /**
   * Rows by the names of the pipeline's contract, as `predict` takes them, with what was true of them in the fields whose
   * role is target.
   */
  readonly rows?: readonly PredictRow[] | undefined
  /** What has to hold, such as `accuracy>=0.9`, `f1(spam)>0.8`, `rmse<0.7`, `agreement>=0.98`; needs `rows`. */
  readonly require?: readonly string[] | undefined
  /** An alias or version of the model that has to be beaten. */
  readonly betterThan?: string | number | undefined
  /** The metric by which it has to be beaten; absent: the first that is required, else accuracy, or rmse of floats. */
  readonly by?: string | undefined
  /** A deployed pipeline that follows the alias; absent: the only one with a contract. */
  readonly pipeline?: string | undefined
  /** The field of the contract that is judged; absent: the only prediction. */
  readonly prediction?: string | undefined
  /**
   * Live rows, 1..1e9, by which it is judged in place of `rows`: it answers what callers send beside the version that serves, in the
   * background, until so many rows are compared. `require` may then have `agreement` alone.
   */
  readonly shadowRows?: number | undefined
  /** Milliseconds, 1..86400000, within which they have to come; absent: 240000. Fewer rows meet nothing. */
  readonly shadowLimitMs?: number | undefined
  /** Called some times a second while live rows are compared. */
  readonly onProgress?: ((progress: PromotionProgress) => void) | undefined
  readonly signal?: CancelSignal | undefined
}
