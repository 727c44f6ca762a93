/** The places that a server watches for models: opened from what its operator wrote, started and stopped together. */
import { type Clock, systemClock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import { argumentError, expectInteger, expectModelName } from '../../base/expect.js'
import {
  WATCH_INTERVAL_MS,
  WATCH_INTERVAL_MS_MAX,
  WATCH_INTERVAL_MS_MIN,
  WATCH_PLACES_MAX,
} from '../../base/limits/source-limits.js'
import { type RandomSource, systemRandom } from '../../base/random.js'
import { didYouMean } from '../../base/suggest.js'
import type { ModelSourceStatus, ModelSourcesApi, Reconciliation } from '../../engine/api/api.js'
import { expectAlias } from '../../pipeline/model-reference.js'
import { sourceError } from '../imports/failures.js'
import { AppliedAliases } from './applied-aliases.js'
import { DirectorySource } from './directory.js'
import { MlflowAliasSource } from './mlflow-alias.js'
import type { ReconciledEngine } from './reconcile.js'
import { S3Source } from './s3.js'
import type { ModelSource } from './source.js'
import { type SourceNotice, Watcher } from './watcher.js'

export interface ModelSourcesOptions {
  readonly engine: ReconciledEngine
  /**
   * A folder; `s3://bucket/prefix`; or `models:/name@alias`, `models:/name/latest`, `models:/name/Production` of an MLflow
   * registry. At most 16.
   */
  readonly places: readonly string[]
  /** The alias that follows the newest version of folders and buckets; default `champion`. */
  readonly alias?: string | undefined
  /** Milliseconds between two looks, 100..3,600,000; default 15,000. */
  readonly intervalMs?: number | undefined
  /** Address of the MLflow server that `models:/` means. */
  readonly trackingUri?: string | undefined
  /** File that keeps which versions the places wanted; null: memory only, so that after a restart their word is new. */
  readonly statePath: string | null
  /** Keys and addresses: MLFLOW_TRACKING_…, AWS_…; default that of the process. */
  readonly environment?: NodeJS.ProcessEnv
  readonly onNotice: (notice: SourceNotice) => void
  readonly clock?: Clock
  readonly random?: RandomSource
}

const DEFAULT_ALIAS = 'champion'

export class ModelSources implements ModelSourcesApi {
  readonly #watchers: readonly Watcher[]

  private constructor(watchers: readonly Watcher[]) {
    this.#watchers = watchers
  }

  /**
   * Nothing is looked at before `start`.
   * @throws PenstockError ERR_ARGUMENT, ERR_SOURCE: a place that cannot be one.
   */
  static async open(options: ModelSourcesOptions): Promise<ModelSources> {
    const { engine, places, statePath, onNotice, clock = systemClock, random = systemRandom } = options
    if (places.length > WATCH_PLACES_MAX)
      throw argumentError('the places to watch', `at most ${WATCH_PLACES_MAX}`, places.length)
    const intervalMs = expectInteger(
      'the interval between two looks',
      options.intervalMs ?? WATCH_INTERVAL_MS,
      WATCH_INTERVAL_MS_MIN,
      WATCH_INTERVAL_MS_MAX,
    )
    const alias = expectAlias('the alias of watched models', options.alias ?? DEFAULT_ALIAS)
    const sources = places.map((place) => sourceOf(place, alias, clock, options))
    const twice = sources.find(({ place }, index) => sources.findIndex((other) => other.place === place) !== index)
    if (twice !== undefined) throw argumentError('the places to watch', 'different ones', twice.place)
    const applied = await AppliedAliases.open(statePath)
    return new ModelSources(
      sources.map((source) => new Watcher({ source, engine, applied, intervalMs, clock, random, onNotice })),
    )
  }

  start(): void {
    for (const watcher of this.#watchers) watcher.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()))
  }

  list(): ModelSourceStatus[] {
    return this.#watchers.map((watcher) => watcher.status())
  }

  async reconcile(name: string): Promise<Reconciliation[]> {
    expectModelName('model name', name)
    const found: Reconciliation[] = []
    for (const watcher of this.#watchers) {
      const one = await watcher.reconcile(name)
      if (one !== null) found.push(one)
    }
    if (found.length > 0) return found
    const known = this.#watchers.flatMap(({ models }) => models)
    const places = this.list().map(({ place }) => place)
    throw new PenstockError(
      'ERR_MODEL_NOT_FOUND',
      `No watched place has a model ${name}: ${places.join(', ')}${didYouMean(name, known)}`,
    )
  }
}

function sourceOf(place: string, alias: string, clock: Clock, options: ModelSourcesOptions): ModelSource {
  const { trackingUri: tracking, environment = process.env } = options
  if (place.startsWith('s3://')) return new S3Source({ uri: place, alias, environment })
  if (place.startsWith('models:/')) {
    if (tracking === undefined)
      throw sourceError(`Expected the MLflow server that has ${place}: MLFLOW_TRACKING_URI or --tracking-uri`)
    return new MlflowAliasSource({ uri: place, tracking, alias, environment })
  }
  if (/^[a-z][a-z0-9+.-]+:\//i.test(place))
    throw sourceError(
      `Expected a place to watch as a folder, s3://bucket/prefix or models:/name@alias but received ${place.slice(0, 200)}`,
    )
  return new DirectorySource({ path: place, alias, clock })
}
