/**
 * The Open Inference Protocol without a transport: every call but infer, for HTTP and gRPC alike. Each dialect reads its
 * own form, calls here, and writes its own form.
 */
import type { EngineMetrics } from '../../../engine/metrics.js'
import { PenstockError } from '../../../base/errors.js'
import {
  modelConfig,
  modelMetadata,
  serverMetadata,
  type ModelConfig,
  type ModelMetadata,
  type ServerMetadata,
} from './documents.js'
import { notSupported } from './failures.js'
import type { InferEngine } from './infer.js'
import { V2Models, type IndexEntry, type ModelEngine, type ServedModel } from './models.js'
import { SharedMemory } from './shared-memory.js'
import { modelStatistics, type ModelStatistics } from './statistics.js'

export interface V2Engine extends ModelEngine, InferEngine {
  readonly isReady: boolean
  readonly isMeasuring: boolean
  metrics(): EngineMetrics
}

export interface V2ServiceDependencies {
  readonly engine: V2Engine
  readonly product: { readonly name: string; readonly version: string }
  readonly isDraining: () => boolean
  /** Whether clients may register shared memory. */
  readonly allowsSharedMemory: boolean
  readonly nowMs: () => number
}

/** Names that were inferred on; the oldest is forgotten. */
const lastInferencesMax = 1024

export class V2Service {
  readonly engine: V2Engine
  readonly models: V2Models
  readonly memory: SharedMemory
  readonly #dependencies: V2ServiceDependencies
  readonly #lastInferences = new Map<string, number>()

  constructor(dependencies: V2ServiceDependencies) {
    this.#dependencies = dependencies
    this.engine = dependencies.engine
    this.models = new V2Models(dependencies.engine)
    this.memory = new SharedMemory(dependencies.allowsSharedMemory)
  }

  get isReady(): boolean {
    return this.engine.isReady && !this.#dependencies.isDraining()
  }

  /** @throws PenstockError ERR_DRAINING, ERR_NOT_READY. */
  expectReady(): void {
    if (this.#dependencies.isDraining()) throw new PenstockError('ERR_DRAINING', 'Server exiting')
    if (!this.engine.isReady) throw new PenstockError('ERR_NOT_READY', 'Server is not ready')
  }

  serverMetadata(): ServerMetadata {
    return serverMetadata(this.#dependencies.product, this.engine.isMeasuring, this.memory.isAllowed)
  }

  async modelMetadata(name: string, version: string): Promise<ModelMetadata> {
    const served = this.models.find(name, version)
    return modelMetadata(served, await this.models.ready(served), this.models)
  }

  async modelConfig(name: string, version: string): Promise<ModelConfig> {
    const served = this.models.find(name, version)
    return modelConfig(served, await this.models.ready(served))
  }

  /** An answer of the model is on its way. */
  noteInference({ pipeline }: ServedModel): void {
    const isNew = !this.#lastInferences.has(pipeline)
    if (isNew && this.#lastInferences.size >= lastInferencesMax)
      this.#lastInferences.delete(this.#lastInferences.keys().next().value as string)
    this.#lastInferences.set(pipeline, this.#dependencies.nowMs())
  }

  /** @param name '': every model that is ready. @throws PenstockError ERR_MODEL_NOT_FOUND, ERR_UNSUPPORTED. */
  statistics(name: string, version: string): ModelStatistics[] {
    if (!this.engine.isMeasuring)
      throw notSupported('statistics are off on this server: it was started with --metrics off')
    const wanted = name === '' ? this.models.list() : this.#versions(name, version)
    const metrics = this.engine.metrics()
    return wanted
      .filter((served) => name !== '' || this.models.isReady(served))
      .map((served) => {
        const last = this.#lastInferences.get(served.pipeline) ?? 0
        return modelStatistics(served, this.#modelsOf(served), metrics, last)
      })
  }

  /** @param isReadyOnly leaves out what is not ready. */
  index(isReadyOnly: boolean): IndexEntry[] {
    return this.models.index().filter(({ state }) => !isReadyOnly || state === 'READY')
  }

  /** Without a version, a model's statistics are those of all its versions. */
  #versions(name: string, version: string): ServedModel[] {
    const served = this.models.find(name, version)
    if (version !== '' || served.kind === 'pipeline' || name !== served.model) return [served]
    return this.models.versionsOf(served).map((each) => this.models.find(name, each))
  }

  #modelsOf(served: ServedModel): string[] {
    if (served.kind === 'model') return [served.pipeline]
    const described = this.models.described(served)
    return described?.models.map(({ name, version }) => `${name}@${version}`) ?? []
  }
}
