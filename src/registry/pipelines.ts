/**
 * The registry of pipelines: immutable numbered definitions and which of them serves, one record file per pipeline.
 * As with models, version numbers are never given twice: the audit log lies under <pipeline>/<version>. A removed
 * pipeline leaves a record without versions, which is not listed.
 * Whether a definition makes sense is checked by pipeline/plan.ts before it comes here.
 */
import type { Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { argumentError, expectArray, expectInteger, expectName, expectRecord, expectString } from '../base/expect.js'
import { RECORDS_MAX, STEPS_MAX, VERSIONS_MAX } from '../base/limits/limits.js'
import { expectTags } from '../base/tags.js'
import type { ExplainConfig, PipelineRecord, PipelineStore, PipelineVersion } from '../engine/api/api.js'
import { parseExplainConfig } from '../explain/index.js'
import type { PipelineDefinition } from '../pipeline/definition.js'
import type { Journal, JournalKind } from './journal.js'
import type { Mutations } from './mutations.js'
import { checkEach, checkPipelineVersion, checkTime, checkVersions } from './record-check.js'
import { isEqualJson, type RecordTable, type StoredRecord } from './records.js'
import { fullError } from './versioned-records.js'

export interface StoredPipeline extends StoredRecord {
  readonly nextVersion: number
  readonly versions: readonly PipelineVersion[]
  readonly deployedVersion: number | null
  readonly tags: readonly string[]
  readonly explainConfigs: readonly ExplainConfig[]
  /** When this record changed last; ISO 8601, UTC. */
  readonly updatedAt: string
}

export interface PipelinesDependencies {
  readonly table: RecordTable<StoredPipeline>
  readonly journal: Journal
  readonly mutations: Mutations
  readonly clock: Clock
}

export class Pipelines implements PipelineStore {
  readonly #dependencies: PipelinesDependencies

  constructor(dependencies: PipelinesDependencies) {
    this.#dependencies = dependencies
  }

  list(): PipelineRecord[] {
    return this.#dependencies.table.values().filter(isListed).map(toRecord)
  }

  get(name: string): PipelineRecord | undefined {
    const stored = this.#dependencies.table.get(name)
    return stored !== undefined && isListed(stored) ? toRecord(stored) : undefined
  }

  /**
   * Adds the next version; a definition equal to the newest returns that version. The order of keys does not matter.
   * @throws PenstockError ERR_ARGUMENT, ERR_STORAGE; ERR_CONFLICT at a limit of the registry.
   */
  async put(definition: PipelineDefinition): Promise<PipelineVersion> {
    expectName('name', definition.name)
    expectArray('steps', definition.steps, STEPS_MAX)
    // Through JSON: what is compared and listed is exactly what a restart will read.
    const plain = JSON.parse(JSON.stringify(definition)) as PipelineDefinition
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#dependencies.table.get(plain.name) ?? this.#newPipeline(plain.name)
      const newest = stored.versions.at(-1)
      if (newest !== undefined && isEqualJson(newest.definition, plain)) return newest
      if (stored.versions.length >= VERSIONS_MAX) throw fullError(`versions of ${plain.name}`, VERSIONS_MAX)
      const createdAt = new Date(this.#dependencies.clock.nowMs()).toISOString()
      const version: PipelineVersion = { version: stored.nextVersion, definition: plain, createdAt }
      const next = { ...stored, nextVersion: stored.nextVersion + 1, versions: [...stored.versions, version] }
      await this.#commit(next, 'pipeline.put', { version: version.version })
      return version
    })
  }

  async setDeployed(name: string, version: number | null): Promise<PipelineRecord> {
    if (version !== null) expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      const previous = stored.deployedVersion
      if (previous === version) return toRecord(stored)
      const isKnown = version === null || stored.versions.some((candidate) => candidate.version === version)
      if (!isKnown) {
        const known = stored.versions.map((candidate) => candidate.version).join(', ')
        const text = `Pipeline ${name} has no version ${version}. It has the versions ${known}.`
        throw new PenstockError('ERR_PIPELINE_NOT_FOUND', text)
      }
      const kind = version === null ? 'pipeline.undeploy' : 'pipeline.deploy'
      return this.#commit({ ...stored, deployedVersion: version }, kind, { version, previous })
    })
  }

  /** @throws PenstockError ERR_CONFLICT while the pipeline is deployed. */
  async remove(name: string): Promise<void> {
    await this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      if (stored.deployedVersion !== null) {
        const text = `Pipeline ${name} is deployed (version ${stored.deployedVersion}). Undeploy it first.`
        throw new PenstockError('ERR_CONFLICT', text)
      }
      const versions = stored.versions.map(({ version }) => version)
      await this.#commit({ ...stored, versions: [], tags: [], explainConfigs: [] }, 'pipeline.remove', { versions })
    })
  }

  async setTags(name: string, tags: readonly string[]): Promise<PipelineRecord> {
    const checked = expectTags('tags', tags)
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      const previous = stored.tags
      if (isEqualJson(previous, checked)) return toRecord(stored)
      return this.#commit({ ...stored, tags: checked }, 'pipeline.tags', { tags: checked, previous })
    })
  }

  async setExplainConfigs(name: string, configs: readonly ExplainConfig[]): Promise<PipelineRecord> {
    // Through JSON: what is listed is exactly what a restart will read.
    const plain = JSON.parse(JSON.stringify(configs)) as ExplainConfig[]
    return this.#dependencies.mutations.run(async () => {
      const stored = this.#existing(name)
      if (isEqualJson(stored.explainConfigs, plain)) return toRecord(stored)
      const names = plain.map((config) => config.name)
      return this.#commit({ ...stored, explainConfigs: plain }, 'pipeline.explain-configs', { names })
    })
  }

  #newPipeline(name: string): StoredPipeline {
    if (this.#dependencies.table.count >= RECORDS_MAX) throw fullError('pipelines, removed ones included,', RECORDS_MAX)
    const lists = { versions: [], tags: [], explainConfigs: [] }
    return { name, revision: 0, nextVersion: 1, deployedVersion: null, updatedAt: '', ...lists }
  }

  async #commit(next: StoredPipeline, kind: JournalKind, detail: Readonly<Record<string, unknown>>) {
    const updatedAt = new Date(this.#dependencies.clock.nowMs()).toISOString()
    const written = await this.#dependencies.table.write({ ...next, updatedAt, revision: next.revision + 1 })
    await this.#dependencies.journal.append(kind, `pipelines/${next.name}`, written.revision, detail)
    return toRecord(written)
  }

  #existing(name: string): StoredPipeline {
    const stored = this.#dependencies.table.get(name)
    if (stored !== undefined && isListed(stored)) return stored
    const text = `There is no pipeline ${name}. Add it with \`penstock pipeline apply\`.`
    throw new PenstockError('ERR_PIPELINE_NOT_FOUND', text)
  }
}

/** A record file's content. */
export function checkStoredPipeline(value: unknown): StoredPipeline {
  const fields = expectRecord('the file', value)
  const name = expectName('name', fields['name'])
  const nextVersion = expectInteger('nextVersion', fields['nextVersion'], 1, Number.MAX_SAFE_INTEGER)
  const versions = checkVersions(fields['versions'], nextVersion, checkPipelineVersion)
  const deployed = fields['deployedVersion']
  const deployedVersion = versions.find(({ version }) => version === deployed)?.version ?? null
  if (deployedVersion !== deployed) throw argumentError('deployedVersion', 'null or one of the versions', deployed)
  return {
    name,
    revision: expectInteger('revision', fields['revision'], 1, Number.MAX_SAFE_INTEGER),
    nextVersion,
    versions,
    deployedVersion,
    // Releases before these fields wrote none.
    tags: fields['tags'] === undefined ? [] : checkEach('tags', fields['tags'], expectString),
    explainConfigs:
      fields['explainConfigs'] === undefined ? [] : checkEach('explainConfigs', fields['explainConfigs'], checkConfig),
    updatedAt:
      fields['updatedAt'] === undefined
        ? (versions.at(-1)?.createdAt ?? '')
        : checkTime('updatedAt', fields['updatedAt']),
  }
}

function checkConfig(path: string, value: unknown): ExplainConfig {
  return parseExplainConfig(expectName(`${path}.name`, expectRecord(path, value)['name']), value)
}

function isListed(stored: StoredPipeline): boolean {
  return stored.versions.length > 0
}

function toRecord(stored: StoredPipeline): PipelineRecord {
  const { name, versions, deployedVersion, tags, explainConfigs, updatedAt } = stored
  // A listed pipeline has a version, and versions are removed only all together.
  const createdAt = versions[0]?.createdAt ?? ''
  return Object.freeze({ name, versions, deployedVersion, tags, createdAt, updatedAt, explainConfigs })
}
