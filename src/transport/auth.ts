/**
 * Who may call. With keys: whoever shows one. Without: anyone on this machine, but not the web pages that a browser on
 * this machine has open; those can reach loopback addresses (and open WebSockets to them without asking), and they say
 * where they come from in `Origin`.
 */
import { PenstockError } from '../base/errors.js'
import { KEY_SUBPROTOCOL_PREFIX } from '../protocol/messages.js'
import type { Handshake } from './socket/seam.js'

/** The registry's ApiKeys fits. */
export interface KeyVerifier {
  /** 0: authentication is off. May change while the server runs. */
  readonly count: number
  /** Takes microseconds; constant time per key. */
  verify(key: string): { readonly name: string } | undefined
}

export interface AuthPolicy {
  readonly keys: KeyVerifier | null
  /** True: bound to a loopback address, so that without keys only this machine can call. */
  readonly isLoopback: boolean
}

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1'])

/** Whether a host to bind, or of an Origin, is this machine alone. */
export function isLoopbackHost(host: string): boolean {
  return loopbackNames.has(host) || host.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(host)
}

/** @throws PenstockError ERR_UNAUTHORIZED */
export function authorize(request: Handshake, policy: AuthPolicy): void {
  if (policy.keys !== null && policy.keys.count > 0) return expectKey(presentedKey(request), policy.keys)
  const origin = request.header('origin')
  if (!policy.isLoopback || origin === '' || isLoopbackOrigin(origin)) return
  throw new PenstockError(
    'ERR_UNAUTHORIZED',
    `Expected the page's origin to be on this machine, for no API key is set, but received ${origin.slice(0, 200)}. Create one with: penstock keys create <name>`,
  )
}

/** Of the key that a call shows; undefined where none is asked for. */
export function keyNameOf(request: Handshake, { keys }: AuthPolicy): string | undefined {
  return keys === null || keys.count === 0 ? undefined : keys.verify(presentedKey(request))?.name
}

function expectKey(key: string, keys: KeyVerifier): void {
  if (key === '')
    throw new PenstockError(
      'ERR_UNAUTHORIZED',
      'Expected an API key but received none. Send the header authorization: Bearer <key>',
    )
  if (keys.verify(key) === undefined)
    throw new PenstockError(
      'ERR_UNAUTHORIZED',
      'Expected a valid API key but received another. Create one with: penstock keys create <name>',
    )
}

/** From `Authorization: Bearer <key>`, or for WebSockets from an offered subprotocol; '' when there is none. */
function presentedKey(request: Handshake): string {
  const bearer = /^bearer +(\S+)$/i.exec(request.header('authorization'))?.[1]
  if (bearer !== undefined) return bearer
  const offered = request.header('sec-websocket-protocol').split(',')
  const carrier = offered.map((name) => name.trim()).find((name) => name.startsWith(KEY_SUBPROTOCOL_PREFIX))
  return carrier?.slice(KEY_SUBPROTOCOL_PREFIX.length) ?? ''
}

function isLoopbackOrigin(origin: string): boolean {
  try {
    return isLoopbackHost(new URL(origin).hostname)
  } catch {
    return false
  }
}
