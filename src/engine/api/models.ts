/** Models as the engine keeps them: versions, aliases, and what an upload may say. Types only. */
import type { ExecutionProvider } from '../../base/providers.js'
import type { Lineage } from '../../base/lineage.js'
import type { Calibration } from './calibration.js'
import type { ReportedModel, ReportedModelVersion } from './generated/records.js'

/** How a version is to run, where that differs from the engine's own options. */
export interface Placement {
  readonly providers?: readonly ExecutionProvider[]
  readonly deviceId?: number
}

/** A version as the registry keeps it: what answers print of it, and how it was measured. */
export interface ModelVersion extends ReportedModelVersion {
  /** The last one, on whatever machine. */
  readonly calibration?: Calibration
}

export interface ModelRecord extends ReportedModel {
  readonly versions: readonly ModelVersion[]
}

export interface SetAliasOptions {
  /** With a stage: the version that it takes the place of is archived. Absent: false, it is in no stage any more. */
  readonly archiveExisting?: boolean | undefined
}

export interface AddModelOptions extends Placement {
  /** `rows`: rows share batches whatever the inspection finds; the operator's word is journalled. Absent: it decides. */
  readonly batching?: 'rows' | undefined
  /** Who says so; absent: the user of the process. */
  readonly operator?: string | undefined
  readonly alias?: string
  readonly tags?: readonly string[]
  /** Where it comes from. Absent: as it was said when the same bytes were added before, or nothing. */
  readonly lineage?: Lineage | undefined
  /**
   * The data files of a model whose weights lie beside it, by their paths relative to the model. They are put into the
   * stored model; the engine itself opens no file that a model names.
   */
  readonly externalData?: Readonly<Record<string, Uint8Array>> | ReadonlyMap<string, Uint8Array>
}
