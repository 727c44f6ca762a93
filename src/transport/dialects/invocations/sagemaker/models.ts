/**
 * The models of a multi-model endpoint: the service loads them by name and path, asks them, and unloads them to make room. Each is
 * a model of the registry under a name of its own, `sagemaker-…`, served by itself; what was unloaded is removed again.
 *
 * What is loaded here counts as any model of the engine: where memory is short the engine unloads what is asked least, and has it loaded
 * again when it is asked. The service hears 507, and unloads something itself, only when that does not help. Owner of the list: this
 * process; a container that starts anew has loaded nothing, and gets the calls again.
 */
import { createHash } from 'node:crypto'
import { freemem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPenstockError, PenstockError } from '../../../../base/errors.js'
import { describeValue, expectString } from '../../../../base/expect.js'
import { SAGEMAKER_MODELS_MAX } from '../../../../base/limits/limits.js'
import type { EngineApi } from '../../../../engine/api/api.js'
import { findModel, readModel } from './model-files.js'

export interface LoadedModel {
  readonly modelName: string
  readonly modelUrl: string
}

interface Loaded extends LoadedModel {
  /** The engine's name of what runs it. */
  readonly pipeline: string
  /** Its name in the registry. */
  readonly model: string
  readonly version: number
}

export type ModelsEngine = Pick<
  EngineApi,
  'addModel' | 'serveModel' | 'retireModel' | 'removeModel' | 'freeModelMemory'
>

export interface ModelsOptions {
  readonly engine: ModelsEngine
  /** Below it models may be loaded; null: none may. */
  readonly root: string | null
  /** Bytes of memory that could be had; tests bring their own. */
  readonly availableBytes?: () => number
}

/** A model takes its file, and as much again while it is loaded. */
const memoryTimes = 2
/** Milliseconds until memory that was freed can be had, at most: it is given back off the event loop. */
const freeingMs = 500
const freeingLookMs = 20
const pageModels = 100
const nameCharactersMax = 1024

export class SageMakerModels {
  readonly root: string | null
  readonly #engine: ModelsEngine
  readonly #availableBytes: () => number
  readonly #loaded = new Map<string, Loaded>()
  /** Names that are being loaded or unloaded. */
  readonly #busy = new Set<string>()

  constructor({ engine, root, availableBytes = memoryLeft }: ModelsOptions) {
    this.#engine = engine
    this.root = root
    this.#availableBytes = availableBytes
  }

  /**
   * Loads a model, and keeps it under `name`.
   * @throws PenstockError ERR_CONFLICT: it is loaded; ERR_MODEL_MEMORY: no memory; ERR_QUEUE_FULL: too many models; ERR_FORBIDDEN: the
   *   server allows no directory; ERR_ARGUMENT, ERR_MODEL_INVALID.
   */
  async load(name: string, url: string): Promise<LoadedModel> {
    if (this.root === null)
      throw new PenstockError(
        'ERR_FORBIDDEN',
        'This server loads no models from its disk. Start it with --sagemaker-models <directory>',
      )
    const { root } = this
    if (name === '' || name.length > nameCharactersMax)
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected model_name to have 1..${nameCharactersMax} characters but received ${name.length}`,
      )
    if (this.#loaded.has(name) || this.#busy.has(name))
      throw new PenstockError(
        'ERR_CONFLICT',
        `The model ${describeValue(name)} is loaded already. Unload it first, to load another under its name`,
      )
    if (this.#loaded.size + this.#busy.size >= SAGEMAKER_MODELS_MAX)
      throw new PenstockError(
        'ERR_QUEUE_FULL',
        `Expected at most ${SAGEMAKER_MODELS_MAX} models to be loaded but this would be one more. Unload another`,
      )
    return this.#whileBusy(name, async () => {
      const loaded = await this.#load(root, name, url)
      this.#loaded.set(name, loaded)
      return { modelName: name, modelUrl: url }
    })
  }

  async #load(root: string, name: string, url: string): Promise<Loaded> {
    const files = await findModel(root, url)
    const wanted = memoryTimes * files.sizeBytes
    const available = await this.#makeRoom(wanted)
    if (wanted > available)
      throw new PenstockError(
        'ERR_MODEL_MEMORY',
        `Expected ${wanted} bytes of memory for the model ${describeValue(name)} but there are ${Math.floor(available)}, with whatever nobody asks unloaded. Unload another`,
      )
    const { bytes, externalData } = await readModel(files)
    const model = registryName(name)
    const { version } = await this.#engine.addModel(model, bytes, { externalData })
    try {
      await this.#engine.serveModel(model, version)
    } catch (error) {
      await this.#remove(model, version)
      throw error
    }
    return { modelName: name, modelUrl: url, model, version, pipeline: `${model}@${version}` }
  }

  /** @returns the bytes that can be had, once the engine has unloaded what nobody asks, if it must. */
  async #makeRoom(wanted: number): Promise<number> {
    let available = this.#availableBytes()
    if (wanted <= available || (await this.#engine.freeModelMemory(Math.ceil(wanted - available))) === 0)
      return available
    for (let waitedMs = 0; waitedMs < freeingMs && wanted > available; waitedMs += freeingLookMs) {
      await sleep(freeingLookMs)
      available = this.#availableBytes()
    }
    return available
  }

  /** @throws PenstockError ERR_MODEL_NOT_FOUND. */
  async unload(name: string): Promise<void> {
    const { model, version } = this.#find(name)
    await this.#whileBusy(name, async () => {
      this.#loaded.delete(name)
      await this.#remove(model, version)
    })
  }

  /** @throws PenstockError ERR_MODEL_NOT_FOUND. */
  get(name: string): LoadedModel {
    const { modelName, modelUrl } = this.#find(name)
    return { modelName, modelUrl }
  }

  /** What answers for it. @throws PenstockError ERR_MODEL_NOT_FOUND. */
  pipelineOf(name: string): string {
    return this.#find(name).pipeline
  }

  /** @param after the token of the page before; null: the first page. */
  list(after: string | null): { readonly models: readonly LoadedModel[]; readonly nextPageToken?: string } {
    const names = [...this.#loaded.keys()].sort()
    const from = after === null ? 0 : names.findIndex((name) => name > after)
    const page = from < 0 ? [] : names.slice(from, from + pageModels)
    const models = page.map((name) => this.get(name))
    const last = page.at(-1)
    return last === undefined || last === names.at(-1) ? { models } : { models, nextPageToken: last }
  }

  #find(name: string): Loaded {
    const loaded = this.#loaded.get(expectString('model', name))
    if (loaded !== undefined) return loaded
    throw new PenstockError(
      'ERR_MODEL_NOT_FOUND',
      `There is no loaded model ${describeValue(name)}. Load it with POST /models`,
    )
  }

  async #whileBusy<Result>(name: string, run: () => Promise<Result>): Promise<Result> {
    this.#busy.add(name)
    try {
      return await run()
    } finally {
      this.#busy.delete(name)
    }
  }

  /** A pipeline that was made of it in the meantime keeps the model; it is not served by itself any more. */
  async #remove(model: string, version: number): Promise<void> {
    await this.#engine.retireModel(model, version)
    try {
      await this.#engine.removeModel(model)
    } catch (error) {
      if (!isPenstockError(error) || error.code !== 'ERR_CONFLICT') throw error
    }
  }
}

/** Names are opaque, and those of the registry are not. */
function registryName(name: string): string {
  const isName = /^[A-Za-z0-9_-]{1,100}$/.test(name)
  return `sagemaker-${isName ? name : createHash('sha256').update(name).digest('hex')}`
}

/** What the machine has, and what this process may still take of it. */
function memoryLeft(): number {
  const limit = process.constrainedMemory()
  const left = limit > 0 ? limit - process.memoryUsage.rss() : Infinity
  return Math.max(0, Math.min(freemem(), left))
}
