/**
 * The one operation in which every place ends: the registry gets what a place has of a model. Versions that are missing are
 * added, oldest first; then each alias moves to the version that the place wants, by the way of every promotion: load, check,
 * warm up, swap. Nothing is removed. Doing it again does nothing.
 *
 * A version is known by the source in its lineage, by what this process has seen, or by the SHA-256 of its file, so that a
 * model that was added by hand, or lies there twice, is not added again. An alias is moved when the place's word is new:
 * one that somebody moved by hand since stays, unless the caller asks by name.
 */
import { createHash } from 'node:crypto'
import { isPenstockError } from '../../base/errors.js'
import type { EngineApi, ModelRecord, MovedAlias, Reconciliation, TakenVersion } from '../../engine/api/api.js'
import { expectAlias, pointedVersion } from '../../pipeline/model-reference.js'
import { reasonOf } from '../imports/failures.js'
import type { AppliedAliases } from './applied-aliases.js'
import type { Retries } from './retries.js'
import type { FetchedVersion, SourceModel, SourceVersion } from './source.js'

/** What reconciling needs of an engine. */
export type ReconciledEngine = Pick<EngineApi, 'listModels' | 'addModel' | 'promote' | 'setLineage'>

export interface ReconcilerOptions {
  readonly engine: ReconciledEngine
  readonly place: string
  readonly applied: AppliedAliases
  readonly retries: Retries
}

export class Reconciler {
  readonly #options: ReconcilerOptions
  /** Numbers in the registry, by keys of the place's versions. */
  readonly #seen = new Map<string, number>()

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  /**
   * @param isTold somebody asks for this model now: what failed is tried again, and aliases that were moved by hand follow.
   * @throws only what ends watching: the signal's reason, ERR_CLOSED.
   */
  async reconcile(model: SourceModel, isTold: boolean, signal: AbortSignal): Promise<Reconciliation> {
    const { place } = this.#options
    const added: TakenVersion[] = []
    const problems: string[] = []
    const numbers = new Map<string, number>()
    for (const version of model.versions) {
      signal.throwIfAborted()
      const number = await this.#attempt(version.key, isTold, problems, version.label, async () => {
        const known = this.#known(model.name, version)
        if (known !== null) return known
        const fetched = await version.fetch(signal)
        return this.#take(model.name, fetched, added)
      })
      if (number === null) continue
      this.#seen.set(version.key, number)
      numbers.set(version.key, number)
    }
    const moved: MovedAlias[] = []
    for (const [alias, keys] of model.aliases) {
      signal.throwIfAborted()
      const wanted = keys.map((key) => numbers.get(key)).find((number) => number !== undefined)
      if (wanted === undefined) continue
      const key = aliasKey(model.name, alias, wanted)
      const move = await this.#attempt(key, isTold, problems, `${model.name}@${alias} to version ${wanted}`, () =>
        this.#follow(model.name, alias, wanted, isTold),
      )
      if (move !== null && move !== 'as it was') moved.push(move)
    }
    return { model: model.name, place, added, moved, problems }
  }

  /** Forgets the versions and failures that the place has no more. */
  keep(models: readonly SourceModel[]): void {
    const keys = new Set(models.flatMap(({ versions }) => versions.map(({ key }) => key)))
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key)
    for (const { name, versions, aliases } of models)
      for (const alias of aliases.keys())
        for (const { key } of versions) {
          const number = this.#seen.get(key)
          if (number !== undefined) keys.add(aliasKey(name, alias, number))
        }
    this.#options.retries.keep(keys)
  }

  /** null: it failed, now or before; the sentence is among the problems. */
  async #attempt<T>(
    key: string,
    isTold: boolean,
    problems: string[],
    label: string,
    work: () => Promise<T>,
  ): Promise<T | null> {
    const { retries } = this.#options
    const earlier = isTold ? null : retries.waiting(key)
    if (earlier !== null) {
      problems.push(earlier)
      return null
    }
    try {
      const result = await work()
      retries.succeeded(key)
      return result
    } catch (error) {
      // The engine is going away, and with it whoever watches.
      if (isPenstockError(error) && error.code === 'ERR_CLOSED') throw error
      const reason = reasonOfRefusal(error)
      const sentence = reason.includes(label) ? reason : `${label}: ${reason}`
      retries.failed(key, error, sentence)
      problems.push(sentence)
      return null
    }
  }

  #model(name: string): ModelRecord | undefined {
    return this.#options.engine.listModels().find((model) => model.name === name)
  }

  #known(name: string, { key, source }: SourceVersion): number | null {
    const versions = this.#model(name)?.versions ?? []
    const seen = this.#seen.get(key)
    const found = versions.find(
      ({ version, lineage }) => version === seen || (source !== null && lineage?.source === source),
    )
    return found?.version ?? null
  }

  async #take(name: string, fetched: FetchedVersion, added: TakenVersion[]): Promise<number> {
    const { bytes, externalData, lineage } = fetched
    const present = this.#model(name)?.versions ?? []
    const sha256 = externalData.size > 0 ? null : await sha256Of(bytes)
    const same = present.find(
      (version) =>
        version.lineage?.source === lineage.source ||
        (sha256 !== null && (version.uploaded?.sha256 ?? version.sha256) === sha256),
    )
    if (same !== undefined) return same.version
    const before = new Set(present.map(({ version }) => version))
    const { version } = await this.#options.engine.addModel(name, bytes, { externalData })
    // The newest version may have the same weights, which came in other files: it keeps its own word.
    if (before.has(version)) return version
    await this.#options.engine.setLineage(name, version, lineage)
    added.push({ version, source: lineage.source })
    return version
  }

  async #follow(name: string, alias: string, wanted: number, isTold: boolean): Promise<MovedAlias | 'as it was'> {
    const { engine, applied, place } = this.#options
    const model = this.#model(name)
    const canonical = expectAlias('the alias', alias)
    const from = model === undefined ? null : (pointedVersion(model, canonical) ?? null)
    const isHeld = !isTold && applied.get(place, name, canonical) === wanted
    if (from !== wanted && !isHeld) await engine.promote(name, wanted, { to: canonical })
    await applied.set(place, name, canonical, wanted)
    return from === wanted || isHeld ? 'as it was' : { alias: canonical, from, to: wanted }
  }
}

const CHUNK_BYTES = 1 << 20

/** Piece by piece: requests of others come in between. */
async function sha256Of(bytes: Uint8Array): Promise<string> {
  const digest = createHash('sha256')
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    if (start > 0) await new Promise((done) => setImmediate(done))
    digest.update(bytes.subarray(start, start + CHUNK_BYTES))
  }
  return digest.digest('hex')
}

function aliasKey(model: string, alias: string, version: number): string {
  return `${model}@${alias}\0${version}`
}

/** What went wrong inside is for the log: a sentence of an error without a code says nothing to an operator. */
function reasonOfRefusal(error: unknown): string {
  return isPenstockError(error) ? error.message.replace(/\.$/, '') : reasonOf(error)
}
