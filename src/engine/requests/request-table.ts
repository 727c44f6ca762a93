/**
 * The promises of requests in flight, by tag: parallel arrays and a stack of free tags, so that a request costs no map
 * entry and no closure of ours. A tag is taken at submit and freed at the answer.
 *
 * Invariant: every tag is either on the free stack or in use, never both. Thread: the isolate's own.
 */
import type { PenstockError } from '../../base/errors.js'
import type { InferResult } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import type { AnswerLabels } from './request-options.js'

type Resolve = (result: InferResult) => void
type Reject = (error: PenstockError) => void

export class RequestTable {
  readonly #tagsMax: number
  #inUse = 0
  readonly #free: number[] = []
  readonly #deployments: (Deployment | null)[] = []
  readonly #labels: (AnswerLabels | null)[] = []
  /** null once the promise is settled. */
  readonly #resolves: (Resolve | null)[] = []
  readonly #rejects: (Reject | null)[] = []
  /** Detaches the abort signal, where there is one. */
  readonly #detaches: ((() => void) | null)[] = []

  /** @param tagsMax requests in flight at most; the arrays grow up to it and never shrink. */
  constructor(tagsMax: number) {
    this.#tagsMax = tagsMax
  }

  get inUse(): number {
    return this.#inUse
  }

  /** @returns a tag, or -1 when `tagsMax` are in use. */
  take(deployment: Deployment, labels: AnswerLabels, resolve: Resolve, reject: Reject): number {
    const tag = this.#free.pop() ?? this.#deployments.length
    if (tag >= this.#tagsMax) return -1
    this.#inUse++
    this.#deployments[tag] = deployment
    this.#labels[tag] = labels
    this.#resolves[tag] = resolve
    this.#rejects[tag] = reject
    this.#detaches[tag] = null
    return tag
  }

  setDetach(tag: number, detach: () => void): void {
    this.#detaches[tag] = detach
  }

  deploymentOf(tag: number): Deployment {
    const deployment = this.#deployments[tag]
    if (deployment === undefined || deployment === null) throw new Error(`Expected tag ${tag} to be in use`)
    return deployment
  }

  labelsOf(tag: number): AnswerLabels {
    return this.#labels[tag] as AnswerLabels
  }

  resolve(tag: number, result: InferResult): void {
    const resolve = this.#resolves[tag]
    this.#complete(tag)
    resolve?.(result)
  }

  reject(tag: number, error: PenstockError): void {
    const reject = this.#rejects[tag]
    this.#complete(tag)
    reject?.(error)
  }

  free(tag: number): void {
    this.#complete(tag)
    this.#inUse--
    this.#deployments[tag] = null
    this.#labels[tag] = null
    this.#free.push(tag)
  }

  /** Rejects every promise that is still open; tags stay taken, for late events. */
  rejectAll(makeError: () => PenstockError): void {
    for (let tag = 0; tag < this.#rejects.length; tag++) if (this.#rejects[tag] !== null) this.reject(tag, makeError())
  }

  #complete(tag: number): void {
    this.#detaches[tag]?.()
    this.#detaches[tag] = null
    this.#resolves[tag] = null
    this.#rejects[tag] = null
  }
}
