/**
 * Who may call, and what. With keys: callers that show one that is valid and has the scope. Without: everybody that can
 * reach the port, but no web page that a browser there has open (hosts.ts).
 *
 *   head of a call ─► key? ─┬─ none asked for ─► host and origin ─► the grant of everybody
 *                           └─ verified, not expired ─► the key's grant ─► scope ─► (dialect: pipeline, limit)
 *
 * HTTP requests and gRPC calls are judged one by one. What stays open (WebSockets, gRPC streams) holds its grant; several
 * times a second every held grant is looked at, so that a key that was revoked or has expired ends what is open of it.
 */
import type { Logger } from 'pino'
import type { Scope } from '../../base/access.js'
import type { Clock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import { ACCESS_LOOK_MS, API_KEYS_MAX } from '../../base/limits/access-limits.js'
import { KEY_SUBPROTOCOL_PREFIX } from '../../protocol/messages.js'
import { Grant, type LimitMaker } from './grant.js'
import { HostRules, type HostOptions } from './hosts.js'
import type { CallHead, KeyVerifier, VerifiedKey } from './verifier.js'
import { WrongKeys } from './wrong-keys.js'

export interface AccessDependencies extends HostOptions {
  /** null: authentication is off for good. */
  readonly keys: KeyVerifier | null
  readonly clock: Clock
  readonly logger: Pick<Logger, 'warn'>
  readonly makeLimit: LimitMaker
}

export class Access {
  readonly #dependencies: AccessDependencies
  readonly #hosts: HostRules
  readonly #everybody: Grant
  readonly #wrongKeys: WrongKeys
  /** By the key's name. */
  readonly #grants = new Map<string, Grant>()
  readonly #timer: NodeJS.Timeout

  constructor(dependencies: AccessDependencies) {
    this.#dependencies = dependencies
    this.#hosts = new HostRules(dependencies)
    this.#everybody = new Grant(null, dependencies.makeLimit)
    this.#wrongKeys = new WrongKeys(dependencies.clock, (note) => dependencies.logger.warn(note, 'wrong API key'))
    this.#timer = setInterval(() => this.look(), ACCESS_LOOK_MS).unref()
  }

  get needsKey(): boolean {
    const { keys } = this.#dependencies
    return keys !== null && keys.count > 0
  }

  /**
   * @param anyOf scopes of which one is enough; none: any key is.
   * @throws PenstockError ERR_UNAUTHORIZED, ERR_FORBIDDEN; ERR_RATE_LIMITED after many wrong keys.
   */
  authorize(head: CallHead, anyOf: readonly Scope[]): Grant {
    const grant = this.needsKey ? this.#grantOf(presentedKey(head), head) : this.#open(head)
    grant.expectScope(anyOf)
    return grant
  }

  /** The same without a word and without a trace, for callers who let `authorize` say why: null for whoever may not. */
  find(head: CallHead, anyOf: readonly Scope[]): Grant | null {
    if (!this.needsKey) return this.#hosts.isOwn(head) ? this.#everybody : null
    const text = presentedKey(head)
    const key = text === '' ? undefined : this.#dependencies.keys?.verify(text)
    if (key === undefined || endOf(key, this.#dependencies.clock) !== null) return null
    const known = this.#grants.get(key.name)
    const grant = known?.key === key ? known : this.#renew(key, known)
    return grant.hasScope(anyOf) ? grant : null
  }

  /** The same for a key that did not come in the head. `key`: '' when there is none. */
  authorizeKey(key: string, head: CallHead, anyOf: readonly Scope[]): Grant {
    const grant = this.needsKey ? this.#grantOf(key, head) : this.#open(head)
    grant.expectScope(anyOf)
    return grant
  }

  /** Whether the call shows a key, valid or not. */
  hasKey(head: CallHead): boolean {
    return presentedKey(head) !== ''
  }

  /** Ends what is held by keys that are not valid any more. */
  look(): void {
    if (this.needsKey && this.#everybody.holderCount > 0) this.#everybody.end(missingKey())
    for (const grant of this.#grants.values()) {
      const error = grant.key === null ? null : endOf(grant.key, this.#dependencies.clock)
      if (error === null) continue
      this.#grants.delete(grant.key?.name ?? '')
      grant.end(error)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #open(head: CallHead): Grant {
    this.#hosts.expect(head)
    return this.#everybody
  }

  #grantOf(text: string, head: CallHead): Grant {
    if (text === '') throw missingKey()
    const key = this.#dependencies.keys?.verify(text)
    if (key === undefined) throw this.#wrongKey(head)
    const ended = endOf(key, this.#dependencies.clock)
    if (ended !== null) throw ended
    const known = this.#grants.get(key.name)
    return known?.key === key ? known : this.#renew(key, known)
  }

  /** A key that is seen for the first time, or is another object than before. */
  #renew(key: VerifiedKey, known: Grant | undefined): Grant {
    if (known?.key != null && known.key.isRevoked !== true && isSameKey(known.key, key)) {
      known.key = key
      return known
    }
    known?.end(revokedKey(key.name))
    const grant = new Grant(key, this.#dependencies.makeLimit)
    this.#grants.set(key.name, grant)
    this.#forgetOldest()
    return grant
  }

  /** Verifiers of an application may know any number of names. */
  #forgetOldest(): void {
    if (this.#grants.size <= API_KEYS_MAX) return
    for (const [name, grant] of this.#grants) {
      if (grant.holderCount > 0) continue
      this.#grants.delete(name)
      return
    }
  }

  #wrongKey(head: CallHead): PenstockError {
    const waitMs = this.#wrongKeys.add(head.address)
    if (waitMs > 0) {
      const text = 'Too many wrong API keys came from this address. Check the key, then try again later'
      return new PenstockError('ERR_RATE_LIMITED', text, { retryAfterMs: waitMs })
    }
    return new PenstockError(
      'ERR_UNAUTHORIZED',
      'Expected a valid API key but received another. Create one with: penstock keys create <name>',
    )
  }
}

/** From `Authorization: Bearer <key>`, or for WebSockets from an offered subprotocol; '' when there is none. */
function presentedKey(head: CallHead): string {
  const bearer = /^bearer +(\S+)$/i.exec(head.header('authorization'))?.[1]
  if (bearer !== undefined) return bearer
  const offered = head.header('sec-websocket-protocol').split(',')
  const carrier = offered.map((name) => name.trim()).find((name) => name.startsWith(KEY_SUBPROTOCOL_PREFIX))
  return carrier?.slice(KEY_SUBPROTOCOL_PREFIX.length) ?? ''
}

/** Why a key that was found is not valid; null: it is. */
function endOf(key: VerifiedKey, clock: Clock): PenstockError | null {
  if (key.isRevoked === true) return revokedKey(key.name)
  if (key.expiresAtMs === undefined || clock.nowMs() < key.expiresAtMs) return null
  const time = new Date(key.expiresAtMs).toISOString()
  return new PenstockError(
    'ERR_UNAUTHORIZED',
    `The API key ${key.name} expired at ${time}. Create another with: penstock keys create <name>`,
  )
}

function revokedKey(name: string): PenstockError {
  return new PenstockError(
    'ERR_UNAUTHORIZED',
    `The API key ${name} was revoked. Create another with: penstock keys create <name>`,
  )
}

function missingKey(): PenstockError {
  return new PenstockError(
    'ERR_UNAUTHORIZED',
    'Expected an API key but received none. Send the header authorization: Bearer <key>',
  )
}

function isSameKey(a: VerifiedKey, b: VerifiedKey): boolean {
  const of = ({ scopes, pipelines, expiresAtMs, ratePerS, concurrency }: VerifiedKey): string =>
    JSON.stringify([scopes, pipelines, expiresAtMs, ratePerS, concurrency])
  return of(a) === of(b)
}
