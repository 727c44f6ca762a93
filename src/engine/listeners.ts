/** Who listens to an engine. */
import type { EngineEvents } from './api/api.js'

export class Listeners {
  readonly #byEvent = new Map<keyof EngineEvents, Set<(name: string) => void>>()

  /** @returns a function that stops listening. */
  on<K extends keyof EngineEvents>(event: K, listener: EngineEvents[K]): () => void {
    const listeners = this.#byEvent.get(event) ?? new Set()
    this.#byEvent.set(event, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit(event: keyof EngineEvents, name: string): void {
    for (const listener of this.#byEvent.get(event) ?? []) listener(name)
  }
}
