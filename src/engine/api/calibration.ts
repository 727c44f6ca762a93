/** What calibration keeps of a measurement, beside what answers print of it. Types only. */
import type { ReportedCalibration, RunPlan } from './generated/records.js'

/** What measuring a model version on a machine has shown. */
export interface Calibration extends ReportedCalibration {
  readonly plan: RunPlan
  /** Bytes of the inputs of one row as it was measured: rows of other sizes get batches of as many bytes. */
  readonly rowBytes: number
}
