/**
 * What an API key may do, in the words that the key file, the route table and the command line share. A scope is a plain
 * member of a set: none includes another, so that a list of scopes says all there is to say.
 */
import { argumentError, expectArray, expectOneOf } from './expect.js'

/**
 * `infer`: run pipelines and models, and read their signatures · `read`: definitions, status, metrics, logged rows ·
 * `write`: models, pipelines, tags, aliases, deploys · `admin`: what reaches the machine itself, such as exports to its
 * disk and shared memory.
 */
export const SCOPES = ['infer', 'read', 'write', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** Scopes of a key that is bound to pipelines: the others are about more than those. */
const boundScopes: readonly Scope[] = ['infer', 'read']

/** At least one scope, each once, in the order of SCOPES. @throws PenstockError ERR_ARGUMENT. */
export function expectScopes(name: string, value: unknown): readonly Scope[] {
  const given = expectArray(name, value, SCOPES.length).map((scope) => expectOneOf(`each of ${name}`, scope, SCOPES))
  if (given.length === 0) throw argumentError(name, `one or more of ${SCOPES.join(', ')}`, 'none')
  return SCOPES.filter((scope) => given.includes(scope))
}

/** The scopes of a key that says nothing of them: all, or all that a bound key may have. */
export function defaultScopes(isBound: boolean): readonly Scope[] {
  return isBound ? boundScopes : SCOPES
}

/** @throws PenstockError ERR_ARGUMENT: such a key could change what it is not bound to. */
export function expectBoundScopes(scopes: readonly Scope[]): void {
  const beyond = scopes.find((scope) => !boundScopes.includes(scope))
  if (beyond !== undefined)
    throw argumentError(
      'each scope of a key that is bound to pipelines',
      `one of ${boundScopes.join(', ')}`,
      beyond,
      'Leave the pipelines out, or create a second key',
    )
}
