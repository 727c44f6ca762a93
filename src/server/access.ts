/**
 * Whether a server may be started as it is asked for, and the Access that decides on every call from then on. A host that
 * others can reach needs keys, or the word of the operator.
 */
import { PenstockError } from '../base/errors.js'
import { Access, type AccessDependencies } from '../transport/access/access.js'
import { expectAllowedHosts, isLoopbackHost } from '../transport/access/hosts.js'
import type { KeyVerifier } from '../transport/access/verifier.js'

export interface AccessOptions extends Pick<AccessDependencies, 'clock' | 'logger' | 'makeLimit'> {
  readonly host: string
  readonly keys: KeyVerifier | undefined
  readonly insecure: boolean | undefined
  readonly allowedHosts: readonly string[] | undefined
}

/** @throws PenstockError ERR_ARGUMENT */
export function openAccess(options: AccessOptions): Access {
  const { host, keys = null, insecure = false, allowedHosts = [], clock, logger, makeLimit } = options
  const isLoopback = isLoopbackHost(host.toLowerCase())
  const names = [...expectAllowedHosts(allowedHosts), host.toLowerCase()]
  if (isLoopback || insecure || (keys !== null && keys.count > 0))
    return new Access({ keys, isLoopback, names, clock, logger, makeLimit })
  throw new PenstockError(
    'ERR_ARGUMENT',
    `Expected an API key before listening on ${host}, which others can reach, but there is none. Create one with: penstock keys create <name>, or allow it with insecure`,
  )
}
