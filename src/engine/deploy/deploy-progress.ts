/**
 * How the deploys of each pipeline go: what is under way, and why the last one failed. Only for `pipelineStatus`; the
 * caller that waits for a deploy gets its failure anyway.
 */
import { toPenstockError } from '../../base/errors.js'
import type { DeployFailure, PipelineState } from '../api/api.js'

export class DeployProgress {
  /** Deploys under way or waiting for their turn, by pipeline. */
  readonly #starting = new Map<string, number>()
  readonly #failures = new Map<string, DeployFailure>()

  /** Runs a deploy of `version` and keeps how it ended. */
  async track<T>(pipeline: string, version: number, deploy: () => Promise<T>): Promise<T> {
    this.#starting.set(pipeline, (this.#starting.get(pipeline) ?? 0) + 1)
    try {
      const result = await deploy()
      this.#failures.delete(pipeline)
      return result
    } catch (thrown) {
      const { code, message } = toPenstockError(thrown)
      this.#failures.set(pipeline, { version, code, message })
      throw thrown
    } finally {
      const left = (this.#starting.get(pipeline) ?? 1) - 1
      if (left === 0) this.#starting.delete(pipeline)
      else this.#starting.set(pipeline, left)
    }
  }

  /** An undeployed or removed pipeline has no failure to report. */
  forget(pipeline: string): void {
    this.#failures.delete(pipeline)
  }

  failureOf(pipeline: string): DeployFailure | null {
    return this.#failures.get(pipeline) ?? null
  }

  stateOf(pipeline: string, isServing: boolean): PipelineState {
    if (this.#starting.has(pipeline)) return 'starting'
    if (isServing) return 'running'
    return this.#failures.has(pipeline) ? 'error' : 'undeployed'
  }
}
