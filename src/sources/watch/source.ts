/**
 * What a place that models are taken from looks like to the reconciliation: models by name, their versions in order, and
 * where aliases are to point. A place says what there is; it never says that something is to go.
 */
import type { Lineage } from '../../base/lineage.js'

/** The files of a version, read or downloaded. */
export interface FetchedVersion {
  readonly bytes: Uint8Array
  /** By the paths that the model names. */
  readonly externalData: ReadonlyMap<string, Uint8Array>
  /** Its `source` means these bytes and no others. */
  readonly lineage: Lineage & { readonly source: string }
}

export interface SourceVersion {
  /** Changes whenever the files may have changed; nobody else's version has it. */
  readonly key: string
  /** How the place calls it, for messages: `wine/3/model.onnx`. */
  readonly label: string
  /** `lineage.source` of what will be fetched, where that is known before. */
  readonly source: string | null
  /** @throws PenstockError ERR_SOURCE: it cannot be read, or changed while it was. */
  fetch(signal: AbortSignal): Promise<FetchedVersion>
}

export interface SourceModel {
  /** In the registry here. */
  readonly name: string
  /** Oldest first. */
  readonly versions: readonly SourceVersion[]
  /** Alias → keys of the versions that it is to point to, the most wanted first: the first that is in the registry is taken. */
  readonly aliases: ReadonlyMap<string, readonly string[]>
}

/** Something at the place that cannot be taken, and stays where it is. */
export interface SourceProblem {
  /** What it is about, as the place calls it; one problem each. */
  readonly subject: string
  readonly message: string
}

export interface SourceListing {
  readonly models: readonly SourceModel[]
  readonly problems: readonly SourceProblem[]
  /** What is still being written there, and is taken when it is finished. */
  readonly unfinished: readonly string[]
}

export interface ModelSource {
  readonly kind: 'directory' | 's3' | 'mlflow'
  /** As the operator named it, without credentials. */
  readonly place: string
  /** @throws PenstockError ERR_SOURCE: the place cannot be looked at. */
  list(signal: AbortSignal): Promise<SourceListing>
}
