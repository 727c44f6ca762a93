/**
 * Secrets of remote steps: a definition names environment variables, never values, so that nothing that stores, lists or
 * journals definitions has a secret. They are read when the step is deployed, and cut out of whatever a remote says back.
 */
import { PenstockError } from '../base/errors.js'
import type { RemoteSecret } from '../pipeline/remote-step.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** Shorter ones would take letters out of every sentence. */
const secretCharactersMin = 4

export class Secrets {
  readonly #environment: Environment
  readonly #values: string[] = []

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** Whether there is such a variable. */
  has(env: string): boolean {
    return Object.hasOwn(this.#environment, env) && this.#environment[env] !== ''
  }

  /** @throws PenstockError ERR_PIPELINE_INVALID: there is no such variable, or its value is no header. */
  resolve(where: string, { env, prefix = '' }: RemoteSecret): string {
    const value = this.has(env) ? this.#environment[env] : undefined
    if (value === undefined)
      throw new PenstockError(
        'ERR_PIPELINE_INVALID',
        `Expected ${where} to name an environment variable of the server but ${env} is not set. Start the server with it, or name another`,
      )
    // Line ends would end the header; the value itself stays out of the sentence.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new PenstockError(
        'ERR_PIPELINE_INVALID',
        `Expected ${env}, which ${where} names, to be one line of Latin-1 text but it has other characters`,
      )
    if (value.length >= secretCharactersMin) this.#values.push(value)
    return prefix + value
  }

  /** The text without any value that was resolved. */
  redact(text: string): string {
    return this.#values.reduce((rest, value) => rest.replaceAll(value, '***'), text)
  }
}

/** Headers whose values are secrets by their names. */
export function isSecretHeader(name: string): boolean {
  return /^(proxy-)?authorization$|^cookie$|key|token|secret|passw|credential|signature|auth/i.test(name)
}
