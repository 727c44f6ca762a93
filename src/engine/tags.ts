/**
 * Tags of pipelines and model versions. The stores replace the tags of one record as a whole; adding and removing is
 * read, change, write in the control path's turn, so that two callers do not lose each other's tags.
 */
import { PenstockError } from '../base/errors.js'
import { argumentError, expectString } from '../base/expect.js'
import { TAG_CHARACTERS_MAX } from '../base/limits/limits.js'
import { expectTags, isFoundIn } from '../base/tags.js'
import type {
  ModelRecord,
  ModelStore,
  ModelVersion,
  PipelineRecord,
  PipelineStore,
  TagsApi,
  TagUse,
} from './api/api.js'
import { resolveReference } from './models/model-references.js'

export interface TagsDependencies {
  readonly models: ModelStore
  readonly pipelines: PipelineStore
  /** Runs one change of the registry at a time. */
  readonly inTurn: <T>(operation: () => Promise<T>) => Promise<T>
  /** @throws PenstockError ERR_PIPELINE_NOT_FOUND */
  readonly getPipeline: (name: string) => PipelineRecord
}

type Change = (present: readonly string[], tags: readonly string[]) => string[]

export class Tags implements TagsApi {
  readonly #dependencies: TagsDependencies

  constructor(dependencies: TagsDependencies) {
    this.#dependencies = dependencies
  }

  addToPipeline(pipeline: string, tags: readonly string[]): Promise<PipelineRecord> {
    return this.#changePipeline(pipeline, tags, united)
  }

  removeFromPipeline(pipeline: string, tags: readonly string[]): Promise<PipelineRecord> {
    return this.#changePipeline(pipeline, tags, without)
  }

  addToModel(model: string, tags: readonly string[], version?: number): Promise<ModelRecord> {
    return this.#changeModel(model, tags, version, united)
  }

  removeFromModel(model: string, tags: readonly string[], version?: number): Promise<ModelRecord> {
    return this.#changeModel(model, tags, version, without)
  }

  list(): TagUse[] {
    const uses = new Map<string, { tag: string; pipelines: string[]; models: { name: string; version: number }[] }>()
    const useOf = (tag: string) => {
      const use = uses.get(tag) ?? { tag, pipelines: [], models: [] }
      uses.set(tag, use)
      return use
    }
    for (const { name, tags } of this.#dependencies.pipelines.list())
      for (const tag of tags) useOf(tag).pipelines.push(name)
    for (const { name, version, tags } of this.#dependencies.models.list().flatMap(({ versions }) => versions))
      for (const tag of tags) useOf(tag).models.push({ name, version })
    return [...uses.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1))
  }

  searchPipelines(term: string): PipelineRecord[] {
    const wanted = expectTerm(term)
    return this.#dependencies.pipelines.list().filter(({ name, tags }) => isFoundIn(wanted, [name, ...tags]))
  }

  searchModels(term: string): ModelRecord[] {
    const wanted = expectTerm(term)
    return this.#dependencies.models.list().flatMap((record) => {
      if (isFoundIn(wanted, [record.name])) return [record]
      const versions = record.versions.filter(({ tags }) => isFoundIn(wanted, tags))
      return versions.length === 0 ? [] : [{ ...record, versions }]
    })
  }

  async #changePipeline(name: string, tags: readonly string[], change: Change): Promise<PipelineRecord> {
    const checked = expectTags('tags', tags)
    return this.#dependencies.inTurn(() => {
      const present = this.#dependencies.getPipeline(name).tags
      return this.#dependencies.pipelines.setTags(name, change(present, checked))
    })
  }

  async #changeModel(
    name: string,
    tags: readonly string[],
    version: number | undefined,
    change: Change,
  ): Promise<ModelRecord> {
    const checked = expectTags('tags', tags)
    return this.#dependencies.inTurn(() => {
      const found = this.#versionOf(name, version)
      return this.#dependencies.models.setTags(name, found.version, change(found.tags, checked))
    })
  }

  #versionOf(name: string, version: number | undefined): ModelVersion {
    const { models } = this.#dependencies
    if (models.get(expectString('model', name)) === undefined)
      throw new PenstockError('ERR_MODEL_NOT_FOUND', `There is no model ${name}`)
    return resolveReference(models, version === undefined ? name : `${name}@${version}`)
  }
}

function united(present: readonly string[], tags: readonly string[]): string[] {
  return expectTags('tags', [...present, ...tags])
}

function without(present: readonly string[], tags: readonly string[]): string[] {
  const unknown = tags.find((tag) => !present.includes(tag))
  if (unknown === undefined) return present.filter((tag) => !tags.includes(tag))
  const rule = present.length === 0 ? 'a tag that is there, and there is none,' : `one of ${present.join(', ')}`
  throw argumentError('each tag', rule, unknown)
}

function expectTerm(term: unknown): string {
  const text = expectString('search', term, TAG_CHARACTERS_MAX)
  if (text.trim() === '') throw argumentError('search', 'a part of a name or tag', term)
  return text.trim()
}
