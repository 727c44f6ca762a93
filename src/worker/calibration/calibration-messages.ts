/** What the engine and a calibration thread say to each other, over the thread's message port. */
import type { HintedField } from '../sessions/sample-inputs.js'
import type { SessionSettings } from '../sessions/session-options.js'
import type { ModelSource } from '../worker-messages.js'

/** The model that is measured. */
export interface MeasuredModel extends ModelSource {
  readonly inputs: readonly HintedField[]
}

/** One way to run it in one thread. */
export interface MeasuredRun {
  readonly settings: SessionSettings
  readonly rows: number
  /** Size of free dims that are no rows. */
  readonly innerSize: number
}

export type CalibrationRequest =
  /** What was opened for the model before is released; answered with `done`. */
  | { readonly kind: 'begin'; readonly model: MeasuredModel }
  /** Opens the session and runs once, so that a slice measures neither; answered with `done`. */
  | { readonly kind: 'warm'; readonly run: MeasuredRun }
  /** Runs again and again for `sliceUs`, once at least; answered with `done`. */
  | { readonly kind: 'slice'; readonly run: MeasuredRun; readonly sliceUs: number }
  /** Releases everything and ends the thread. No answer. */
  | { readonly kind: 'end' }

export type CalibrationReply =
  /**
   * Microseconds of one run: the median, and the mean, whose inverse is the rate; and the share of the time that the
   * thread was ready to run and another had its core. All 0 when nothing ran.
   */
  | { readonly kind: 'done'; readonly medianUs: number; readonly meanUs: number; readonly waitedShare: number }
  | { readonly kind: 'refused'; readonly reason: string }
