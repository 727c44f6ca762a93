/**
 * What a model may run on. A version names its providers in order of preference: `['cuda']` runs on the GPU or not at
 * all, `['cuda', 'cpu']` says in so many words that the CPU may stand in. Nothing falls back silently.
 */
import { argumentError, expectArray, expectInteger, expectOneOf } from './expect.js'
import { DEVICES_MAX } from './limits/limits.js'

export const EXECUTION_PROVIDERS = ['cpu', 'cuda'] as const
export type ExecutionProvider = (typeof EXECUTION_PROVIDERS)[number]

/** @throws PenstockError ERR_ARGUMENT naming the argument. */
export function expectProviders(name: string, value: unknown): readonly ExecutionProvider[] {
  const providers = expectArray(name, value, EXECUTION_PROVIDERS.length).map((provider) =>
    expectOneOf(`each of ${name}`, provider, EXECUTION_PROVIDERS),
  )
  if (providers.length === 0 || new Set(providers).size < providers.length)
    throw argumentError(name, 'one or more different providers, the preferred one first', value)
  return providers
}

/** @throws PenstockError ERR_ARGUMENT naming the argument. */
export function expectDeviceId(name: string, value: unknown): number {
  return expectInteger(name, value, 0, DEVICES_MAX - 1)
}
