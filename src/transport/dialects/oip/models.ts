/**
 * What is served under `/v2/models/{name}`: pipelines by their names, and every model of the registry by its own.
 *
 *   name            the pipeline of that name; where there is none, the newest version of the model
 *   name@champion   a version of a model, written as in the steps of a pipeline (`models:/name/3` too): no pipeline's name
 *                   has an @ or a colon
 *
 * A pipeline serves the version that is deployed. A model is served by itself (Engine.serveModel), loaded at its first
 * use and kept until it is unloaded; what was unloaded stays so until it is loaded again. That a pipeline hides a model of
 * its name is decided by what is stored, not by what is deployed, so that undeploying never changes who answers.
 */
import { isPenstockError, PenstockError } from '../../../base/errors.js'
import type {
  EngineApi,
  EngineEvents,
  ModelRecord,
  PipelineDescription,
  PipelineRecord,
} from '../../../engine/api/api.js'
import { readReference, selectVersion, type ParsedReference } from '../../../pipeline/model-reference.js'
import { badRequest } from './failures.js'

/** What the dialect needs of an engine to find models. */
export type ModelEngine = Pick<
  EngineApi,
  | 'listModels'
  | 'getModel'
  | 'listPipelines'
  | 'getPipeline'
  | 'describePipeline'
  | 'serveModel'
  | 'retireModel'
  | 'deployPipeline'
  | 'undeployPipeline'
> & { on<K extends keyof EngineEvents>(event: K, listener: EngineEvents[K]): () => void }

export interface ServedModel {
  /** As the caller calls it. */
  readonly name: string
  readonly version: number
  /** The engine's name of what runs it. */
  readonly pipeline: string
  readonly kind: 'pipeline' | 'model'
  /** A model's name in the registry. */
  readonly model: string
  /** A pipeline's version that is stored and not deployed has false. */
  readonly isDeployable: boolean
}

export type ModelState = 'READY' | 'UNAVAILABLE'

export interface IndexEntry {
  readonly name: string
  readonly version: string
  readonly state: ModelState
  readonly reason: string
}

/** Names that were asked for and found; the oldest is forgotten. Names come from outside. */
const knownMax = 1024

export class V2Models {
  readonly #engine: ModelEngine
  readonly #known = new Map<string, ServedModel>()
  readonly #unloaded = new Set<string>()

  constructor(engine: ModelEngine) {
    this.#engine = engine
    const forget = (): void => this.#known.clear()
    engine.on('pipeline', forget)
    engine.on('model', forget)
  }

  /**
   * Finds without loading.
   * @param version digits, or '' for the one that answers by default.
   * @throws PenstockError ERR_MODEL_NOT_FOUND.
   */
  find(name: string, version: string): ServedModel {
    const key = version === '' ? name : `${name}/${version}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const found = this.#resolve(name, version)
    if (this.#known.size >= knownMax) this.#known.delete(this.#known.keys().next().value as string)
    this.#known.set(key, found)
    return found
  }

  /** The name itself where a pipeline answers to it; null: a model does, or nothing. */
  pipelineNamed(name: string): string | null {
    return found(() => this.find(name, ''))?.kind === 'pipeline' ? name : null
  }

  /** Whether a request would be taken: it is served, or a model that its first request loads. */
  isReady(served: ServedModel): boolean {
    return served.kind === 'pipeline' ? this.described(served) !== null : !this.#unloaded.has(served.model)
  }

  /** What is served now; null: nothing. */
  described(served: ServedModel): PipelineDescription | null {
    if (!served.isDeployable) return null
    return found(() => this.#engine.describePipeline(served.pipeline)) ?? null
  }

  /**
   * The description, after loading the model when this is its first use.
   * @throws PenstockError ERR_ARGUMENT when it is known and not ready.
   */
  async ready(served: ServedModel): Promise<PipelineDescription> {
    const present = this.described(served)
    if (present !== null) return present
    if (served.kind === 'pipeline' || !this.isReady(served)) throw notReady(served)
    return this.#engine.serveModel(served.model, served.version)
  }

  /** Deploys the newest version of a pipeline that is not deployed; loads the newest version of a model. */
  async load(name: string): Promise<void> {
    const served = this.find(name, '')
    if (served.kind === 'pipeline') {
      if (this.#engine.getPipeline(name).deployedVersion === null) await this.#engine.deployPipeline(name)
      return
    }
    await this.#engine.serveModel(served.model, served.version)
    this.#unloaded.delete(served.model)
  }

  /** Undeploys a pipeline; unloads every version of a model that is served by itself. */
  async unload(name: string): Promise<void> {
    const served = this.find(name, '')
    if (served.kind === 'pipeline') return this.#engine.undeployPipeline(name)
    this.#unloaded.add(served.model)
    for (const { version } of this.#engine.getModel(served.model).versions) {
      await this.#engine.retireModel(served.model, version)
    }
  }

  /** All that could be asked for, pipelines first. */
  list(): ServedModel[] {
    const pipelines = this.#engine.listPipelines()
    const hidden = new Set(pipelines.map((record) => record.name))
    return [
      ...pipelines.flatMap((record) => record.versions.map(({ version }) => ofPipeline(record, version))),
      ...this.#engine
        .listModels()
        .filter((record) => !hidden.has(record.name))
        .flatMap((record) => record.versions.map(({ version }) => ofModel(record.name, record, version))),
    ]
  }

  /** The repository index. */
  index(): IndexEntry[] {
    return this.list().map((served) => {
      const isReady = this.isReady(served)
      const reason = isReady ? '' : served.kind === 'pipeline' ? 'not deployed' : 'unloaded'
      return { name: served.name, version: String(served.version), state: isReady ? 'READY' : 'UNAVAILABLE', reason }
    })
  }

  /** The versions that could be asked for by number. */
  versionsOf(served: ServedModel): string[] {
    if (served.kind === 'pipeline') return [String(served.version)]
    return this.#engine.getModel(served.model).versions.map(({ version }) => String(version))
  }

  #resolve(name: string, version: string): ServedModel {
    const reference = /[@:]/.test(name) ? readReference(name) : null
    if (reference !== null && 'rule' in reference) throw unknown(name, version)
    if (reference !== null) return this.#resolveReference(name, reference, version)
    const pipeline = found(() => this.#engine.getPipeline(name))
    if (pipeline !== undefined) {
      const chosen = version === '' ? (pipeline.deployedVersion ?? pipeline.versions.at(-1)?.version) : Number(version)
      if (pipeline.versions.some((candidate) => candidate.version === chosen)) return ofPipeline(pipeline, chosen ?? 0)
      throw unknown(name, version)
    }
    const record = found(() => this.#engine.getModel(name))
    const chosen = version === '' ? record?.versions.at(-1)?.version : Number(version)
    if (record === undefined) throw unknown(name, '')
    return this.#expectVersion(name, record, chosen, version)
  }

  #resolveReference(name: string, { name: model, selector }: ParsedReference, version: string): ServedModel {
    const record = found(() => this.#engine.getModel(model))
    if (record === undefined) throw unknown(name, '')
    const chosen = selectVersion(record, selector)
    if (version !== '' && Number(version) !== chosen) throw unknown(name, version)
    return this.#expectVersion(name, record, chosen, version)
  }

  #expectVersion(name: string, record: ModelRecord, chosen: number | undefined, version: string): ServedModel {
    if (chosen === undefined || !record.versions.some((candidate) => candidate.version === chosen))
      throw unknown(name, version)
    return ofModel(name, record, chosen)
  }
}

function ofPipeline(record: PipelineRecord, version: number): ServedModel {
  const isDeployable = record.deployedVersion === version
  return { name: record.name, version, pipeline: record.name, kind: 'pipeline', model: '', isDeployable }
}

function ofModel(name: string, record: ModelRecord, version: number): ServedModel {
  const pipeline = `${record.name}@${version}`
  return { name, version, pipeline, kind: 'model', model: record.name, isDeployable: true }
}

/** undefined when it is not there. */
function found<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (isPenstockError(error)) return undefined
    throw error
  }
}

function unknown(name: string, version: string): PenstockError {
  const which = version === '' ? '' : ` version ${version}`
  return new PenstockError(
    'ERR_MODEL_NOT_FOUND',
    `Request for unknown model: '${name.slice(0, 200)}'${which} is not found`,
  )
}

export function notReady({ name, version }: ServedModel): PenstockError {
  return badRequest(`Request for unknown model: '${name}' version ${version} is not at ready state`)
}
