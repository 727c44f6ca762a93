/**
 * Many callbacks on one AbortSignal, through one listener. Callers hand the same signal to thousands of requests, "stop all
 * of this"; Node takes more than ten listeners of one signal for a leak, and warns. A signal is held weakly, and
 * listened to only while a callback is there.
 */

/** An AbortSignal, or something lighter with its members. */
export interface AbortSource {
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

interface Hub {
  readonly callbacks: Set<() => void>
  readonly listener: () => void
}

const hubs = new WeakMap<AbortSignal, Hub>()

/**
 * Calls `callback` once when `signal` aborts. The caller has seen that it did not yet.
 * @returns takes the callback off again; harmless afterwards.
 */
export function onAbort(signal: AbortSource, callback: () => void): () => void {
  if (!(signal instanceof AbortSignal)) {
    signal.addEventListener('abort', callback, { once: true })
    return () => signal.removeEventListener('abort', callback)
  }
  const hub = hubs.get(signal) ?? openHub(signal)
  // A function of its own: one that is handed in twice is two callbacks.
  const own = (): void => callback()
  hub.callbacks.add(own)
  return () => {
    hub.callbacks.delete(own)
    if (hub.callbacks.size === 0) closeHub(signal, hub)
  }
}

function openHub(signal: AbortSignal): Hub {
  const callbacks = new Set<() => void>()
  const hub: Hub = {
    callbacks,
    listener: () => {
      hubs.delete(signal)
      // A copy: a callback may take others off, which are then not called, as with listeners of their own.
      for (const callback of [...callbacks]) if (callbacks.delete(callback)) callback()
    },
  }
  hubs.set(signal, hub)
  signal.addEventListener('abort', hub.listener, { once: true })
  return hub
}

function closeHub(signal: AbortSignal, hub: Hub): void {
  // Another hub may have taken its place after an abort.
  if (hubs.get(signal) !== hub) return
  hubs.delete(signal)
  signal.removeEventListener('abort', hub.listener)
}
