/**
 * Sessions that all workers of a pool share. They are made on threads of their own, so that no request waits for a load, and
 * held here until the model is unloaded; workers adopt them by number.
 *
 *     open ──► a thread loads the file, runs it warm ──► held, by model and settings ──► workers adopt ──► close
 *
 * One session serves all workers, and weights exist once, unless its runs have several threads each and go side by side: the
 * threads inside a session are one pool, so each run that is to have all of its own needs a session of its own.
 *
 * Thread: the engine's. Callers do one thing with a model at a time.
 */
import { addon } from '../../../bindings/native.js'
import type { SessionHandle, SessionSpec } from '../../../bindings/native.js'
import type { ExecutionProvider } from '../../base/providers.js'
import type { LoadableModel, SharedSessionIds } from '../worker-messages.js'
import { cudaRefused, expectCudaLibrary, isCudaRefusal, ProviderRefused } from './cuda.js'
import { runtimeReason } from './runtime-reason.js'
import type { SessionSettings } from './session-options.js'

interface Held {
  readonly session: SessionHandle
  readonly provider: ExecutionProvider
}

export class SharedSessions {
  readonly #held = new Map<number, Map<string, Held>>()

  /**
   * Opens what the model's settings ask for; what is held with the same settings is taken.
   * @throws ProviderRefused when the last provider cannot be used; Error with ONNX Runtime's reason. What was held stays.
   */
  async open(model: LoadableModel): Promise<LoadableModel & { readonly shared: SharedSessionIds }> {
    const { settings, latencySettings } = model
    const held = await Promise.all(keysOf(model).map((key) => this.#one(model, settings, key)))
    const [{ provider }] = held as [Held]
    const latency = latencySettings === null ? null : await this.#one(model, latencySettings, keyOf(latencySettings, 0))
    const shared = {
      provider,
      sessionIds: held.map(({ session }) => addon.sessionId(session)),
      latencySessionId: latency === null ? null : addon.sessionId(latency.session),
    }
    return { ...model, shared }
  }

  /** The workers have these forms of the model from now on: what none of them needs is closed. */
  keepOnly(modelKey: number, forms: readonly LoadableModel[]): void {
    const wanted = new Set(
      forms.flatMap((form) => [
        ...keysOf(form),
        ...(form.latencySettings === null ? [] : [keyOf(form.latencySettings, 0)]),
      ]),
    )
    const held = this.#held.get(modelKey)
    for (const [key, { session }] of held ?? []) {
      if (wanted.has(key)) continue
      held?.delete(key)
      addon.closeSession(session)
    }
    if (held?.size === 0) this.#held.delete(modelKey)
  }

  close(): void {
    for (const modelKey of [...this.#held.keys()]) this.keepOnly(modelKey, [])
  }

  async #one(model: LoadableModel, settings: SessionSettings, key: string): Promise<Held> {
    const present = this.#held.get(model.modelKey)?.get(key)
    if (present !== undefined) return present
    const opened = await openOnFirst(model, settings)
    const held = this.#held.get(model.modelKey) ?? new Map<string, Held>()
    this.#held.set(model.modelKey, held.set(key, opened))
    return opened
  }
}

const keyOf = (settings: SessionSettings, copy: number): string => `${copy} ${JSON.stringify(settings)}`

/** One for all, or one for each run that has several threads beside others. */
function keysOf({ settings, instances }: LoadableModel): string[] {
  const copies = settings.intraOpThreads > 1 && settings.executionProviders.includes('cpu') ? instances : 1
  return Array.from({ length: copies }, (_, copy) => keyOf(settings, copy))
}

async function openOnFirst(model: LoadableModel, settings: SessionSettings): Promise<Held> {
  const { executionProviders } = settings
  for (const [index, provider] of executionProviders.entries()) {
    try {
      const session = provider === 'cpu' ? await openOnCpu(model, settings) : await openOnCuda(model, settings)
      return { session, provider }
    } catch (error) {
      if (!(error instanceof ProviderRefused) || index === executionProviders.length - 1) throw error
    }
  }
  throw new Error(`Expected ${model.label} to name a provider`)
}

/** From the prepared files where there are any; they may be removed meanwhile. */
async function openOnCpu(model: LoadableModel, settings: SessionSettings): Promise<SessionHandle> {
  if (model.preparedPath !== null) {
    const session = await addon.createSession({
      ...specOf(model, settings),
      path: model.preparedPath,
      bytes: null,
      isPrepared: true,
    })
    // The blob gives the same answers and its own reason, should it not load either.
    if (typeof session !== 'string') return session
  }
  const session = await addon.createSession(specOf(model, settings))
  if (typeof session === 'string') throw new Error(session)
  return session
}

async function openOnCuda(model: LoadableModel, settings: SessionSettings): Promise<SessionHandle> {
  expectCudaLibrary()
  const session = await addon.createSession({ ...specOf(model, settings), cudaDevice: settings.deviceId })
  if (typeof session !== 'string') return session
  const reason = runtimeReason(session)
  throw isCudaRefusal(reason) ? cudaRefused(`ONNX Runtime refuses it (${reason})`) : new Error(session)
}

function specOf({ path, bytes, warmUpRuns, label }: LoadableModel, settings: SessionSettings): SessionSpec {
  if (path === null && bytes === null) throw new Error(`Expected ${label} to come with a path or with its bytes`)
  const { intraOpThreads, spinning } = settings
  return { path, bytes, intraOpThreads, spinning, isPrepared: false, cudaDevice: -1, warmUpRuns }
}
