/**
 * What one caller may do on this server: an API key as it was found valid, or, where no key is asked for, everybody. A
 * grant is made once a key, shared by all its connections and calls, and ends with it: whoever holds a connection of it is
 * called back then.
 */
import { SCOPES, type Scope } from '../../base/access.js'
import { LOCAL_ACTOR } from '../../base/actor.js'
import { PenstockError } from '../../base/errors.js'
import type { CallerLimit, CallerLimitOptions } from '../../engine/requests/caller-limit.js'
import type { VerifiedKey } from './verifier.js'

export type LimitMaker = (options: CallerLimitOptions) => CallerLimit

export class Grant {
  /** null: no key is asked for. */
  key: VerifiedKey | null
  /** In whose name changes are journalled. */
  readonly actor: string
  /** null: any number of requests. */
  readonly limit: CallerLimit | null
  /** null: all. */
  readonly pipelines: ReadonlySet<string> | null
  readonly #name: string
  readonly #scopes: readonly Scope[]
  #ended: PenstockError | null = null
  readonly #holders = new Set<(error: PenstockError) => void>()

  constructor(key: VerifiedKey | null, makeLimit: LimitMaker) {
    const { ratePerS, concurrency, scopes = SCOPES, pipelines } = key ?? {}
    this.key = key
    this.#name = key?.name ?? ''
    this.actor = key === null ? LOCAL_ACTOR : `key:${key.name}`
    this.#scopes = scopes
    this.pipelines = pipelines === undefined ? null : new Set(pipelines)
    const isLimited = ratePerS !== undefined || concurrency !== undefined
    this.limit = isLimited ? makeLimit({ ratePerS: ratePerS ?? null, concurrency: concurrency ?? null }) : null
  }

  get holderCount(): number {
    return this.#holders.size
  }

  hasScope(anyOf: readonly Scope[]): boolean {
    if (anyOf.length === 0) return true
    for (const scope of anyOf) if (this.#scopes.includes(scope)) return true
    return false
  }

  /** @param anyOf one of them is enough; none: any key is. @throws PenstockError ERR_FORBIDDEN naming what is missing. */
  expectScope(anyOf: readonly Scope[]): void {
    if (this.hasScope(anyOf)) return
    throw new PenstockError(
      'ERR_FORBIDDEN',
      `Expected an API key with the scope ${anyOf.join(' or ')} but ${this.#name} has ${this.#scopes.join(', ')}. Create another with: penstock keys create <name> --scope ${anyOf[0]}`,
    )
  }

  allows(pipeline: string | null): boolean {
    return this.pipelines === null || (pipeline !== null && this.pipelines.has(pipeline))
  }

  /** @param pipeline null: the call is about more than one pipeline. @throws PenstockError ERR_FORBIDDEN */
  expectPipeline(pipeline: string | null): void {
    if (this.allows(pipeline)) return
    const bound = [...(this.pipelines ?? [])].join(', ')
    throw new PenstockError(
      'ERR_FORBIDDEN',
      pipeline === null
        ? `Expected an API key of all pipelines, for this is about more than one, but ${this.#name} is bound to ${bound}. Create another without --pipeline`
        : `Expected an API key of pipeline ${pipeline.slice(0, 100)} but ${this.#name} is bound to ${bound}. Create another with: penstock keys create <name> --pipeline <pipeline>`,
    )
  }

  /** @param onEnd is called once, with the reason, when the key ends. @returns what forgets it. */
  hold(onEnd: (error: PenstockError) => void): () => void {
    // The key ended while the connection was being made.
    const ended = this.#ended
    if (ended !== null) queueMicrotask(() => onEnd(ended))
    this.#holders.add(onEnd)
    return () => this.#holders.delete(onEnd)
  }

  /** Ends every connection that is held. */
  end(error: PenstockError): void {
    // Everybody may come back when no key is asked for again.
    if (this.key !== null) this.#ended = error
    const holders = [...this.#holders]
    this.#holders.clear()
    for (const onEnd of holders) onEnd(error)
  }
}
