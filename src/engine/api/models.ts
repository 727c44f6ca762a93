/** Models as the engine keeps them: versions, aliases, and what an upload may say. Types only. */
import type { ExecutionProvider } from '../../base/providers.js'
import type { Calibration } from './calibration.js'
import type { ModelSignature } from './model-signature.js'

/** The file that was sent, where what is stored and served was made from it. */
export interface UploadedModel {
  /** SHA-256 of the .onnx file as it was sent, hex. */
  readonly sha256: string
  readonly sizeBytes: number
  /** What was changed, a sentence each. */
  readonly changes: readonly string[]
}

/** How a version is to run, where that differs from the engine's own options. */
export interface Placement {
  readonly providers?: readonly ExecutionProvider[]
  readonly deviceId?: number
}

export interface ModelVersion {
  readonly name: string
  /** 1, 2, 3 … in order of upload. */
  readonly version: number
  /** SHA-256 of the file that is stored and served, hex. */
  readonly sha256: string
  readonly sizeBytes: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly signature: ModelSignature
  readonly tags: readonly string[]
  /** What it runs on, the preferred one first; absent: what the engine was opened with. */
  readonly providers?: readonly ExecutionProvider[]
  /** The GPU, for `cuda`; absent: 0. */
  readonly deviceId?: number
  /** The last one, on whatever machine. */
  readonly calibration?: Calibration
  /** Absent: the stored bytes are those that were sent. */
  readonly uploaded?: UploadedModel
}

export interface ModelRecord {
  readonly name: string
  readonly versions: readonly ModelVersion[]
  readonly aliases: Readonly<Record<string, number>>
}

export interface AddModelOptions extends Placement {
  /** `rows`: rows share batches whatever the inspection finds; the operator's word is journalled. Absent: it decides. */
  readonly batching?: 'rows' | undefined
  /** Who says so; absent: the user of the process. */
  readonly operator?: string | undefined
  readonly alias?: string
  readonly tags?: readonly string[]
  /**
   * The data files of a model whose weights lie beside it, by their paths relative to the model. They are put into the
   * stored model; the engine itself opens no file that a model names.
   */
  readonly externalData?: Readonly<Record<string, Uint8Array>> | ReadonlyMap<string, Uint8Array>
}
