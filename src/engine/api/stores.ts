/** The stores of models and pipelines, which src/registry implements for the engine. Types only. */
import type { Lineage } from '../../base/lineage.js'
import type { ExplainConfig } from '../../explain/index.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'
import type { Calibration } from './calibration.js'
import type { ModelSignature, PipelineRecord, PipelineVersion, UploadedModel } from './generated/records.js'
import type { ModelRecord, ModelVersion, Placement } from './models.js'

/** What a store keeps beside a blob because it was costly to derive. */
export interface PreparedModel {
  /** Where the files are; null: known not to pay for this model. */
  readonly directory: string | null
  /** Why there are no files, or ''. */
  readonly remark: string
}

/** Derived files of blobs, by what they were made from and by: lost ones are made again. Implemented by src/registry. */
export interface PreparedStore {
  /** undefined: nothing usable is there (none, of another key, or damaged). The first look of a process hashes the files. */
  find(sha256: string, key: string): Promise<PreparedModel | undefined>
  /** @param make fills an empty directory and returns the remark; an empty directory is remembered as "does not pay". */
  make(sha256: string, key: string, make: (directory: string) => Promise<string>): Promise<PreparedModel>
}

/** Implemented by src/registry. Every mutation is durable when its promise settles. */
export interface ModelStore {
  list(): ModelRecord[]
  get(name: string): ModelRecord | undefined
  /** Absent: the store has no disk for derived files. */
  readonly prepared?: PreparedStore
  /** `path` of the blob on disk. */
  blobPath(sha256: string): string
  /** Adds the next version; the same bytes as the newest version, to run on the same providers, return that version. */
  add(
    name: string,
    bytes: Uint8Array,
    signature: ModelSignature,
    tags: readonly string[],
    placement?: Placement,
    /** What was sent, where `bytes` were made from it. */
    uploaded?: UploadedModel,
  ): Promise<ModelVersion>
  /** @param isArchiving with a stage: the version that it takes the place of is archived. */
  setAlias(name: string, alias: string, version: number, isArchiving?: boolean): Promise<ModelRecord>
  removeAlias(name: string, alias: string): Promise<ModelRecord>
  remove(name: string): Promise<void>
  removeVersion(name: string, version: number): Promise<ModelRecord>
  /** Keeps what another inspection found, or what was seen live, in place of the version's signature. */
  setSignature(name: string, version: number, signature: ModelSignature): Promise<ModelRecord>
  /** Keeps the calibration with the version, in place of an earlier one. */
  setCalibration(name: string, version: number, calibration: Calibration): Promise<ModelRecord>
  /** Takes the place of the version's lineage; an empty one takes it away. */
  setLineage(name: string, version: number, lineage: Lineage): Promise<ModelRecord>
  /** Takes the place of all tags of the version. */
  setTags(name: string, version: number, tags: readonly string[]): Promise<ModelRecord>
}

export interface PipelineStore {
  list(): PipelineRecord[]
  get(name: string): PipelineRecord | undefined
  /** Adds the next version; a definition equal to the newest returns that version. */
  put(definition: PipelineDefinition): Promise<PipelineVersion>
  setDeployed(name: string, version: number | null): Promise<PipelineRecord>
  /** Takes the place of all tags. */
  setTags(name: string, tags: readonly string[]): Promise<PipelineRecord>
  /** Takes the place of all of them. */
  setExplainConfigs(name: string, configs: readonly ExplainConfig[]): Promise<PipelineRecord>
  remove(name: string): Promise<void>
}
