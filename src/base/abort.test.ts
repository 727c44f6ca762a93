/** One listener of a signal, however many callbacks: no warning, and each is called or not as with a listener of its own. */
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { onAbort } from './abort.js'

const warnings: Error[] = []
const note = (warning: Error): void => void warnings.push(warning)
beforeEach(() => {
  warnings.length = 0
  process.on('warning', note)
})
afterEach(() => {
  process.off('warning', note)
})
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('one signal, many callbacks', () => {
  it('listens once, calls each once, and warns nobody', async () => {
    const abort = new AbortController()
    const calls: number[] = []
    for (let index = 0; index < 5000; index++) onAbort(abort.signal, () => calls.push(index))
    expect(listenersOf(abort.signal)).toBe(1)
    abort.abort()
    abort.abort()
    expect(calls).toEqual(Array.from({ length: 5000 }, (_, index) => index))
    await tick()
    expect(warnings).toEqual([])
  })

  it('warns where each has a listener of its own: the canary', async () => {
    const abort = new AbortController()
    for (let index = 0; index < 50; index++) abort.signal.addEventListener('abort', () => index)
    await tick()
    expect(warnings.map(({ name }) => name)).toEqual(['MaxListenersExceededWarning'])
  })

  it('listens no longer than somebody waits, and again afterwards', () => {
    const abort = new AbortController()
    const calls: string[] = []
    const stop = [onAbort(abort.signal, () => calls.push('a')), onAbort(abort.signal, () => calls.push('b'))]
    stop[0]?.()
    stop[0]?.()
    expect(listenersOf(abort.signal)).toBe(1)
    stop[1]?.()
    expect(listenersOf(abort.signal)).toBe(0)
    onAbort(abort.signal, () => calls.push('c'))
    stop[1]?.()
    abort.abort()
    expect(calls).toEqual(['c'])
  })

  it('does not call what an earlier callback took off', () => {
    const abort = new AbortController()
    const calls: string[] = []
    onAbort(abort.signal, () => {
      calls.push('a')
      stopB()
    })
    const stopB = onAbort(abort.signal, () => calls.push('b'))
    const same = (): void => void calls.push('same')
    onAbort(abort.signal, same)
    onAbort(abort.signal, same)
    abort.abort()
    expect(calls).toEqual(['a', 'same', 'same'])
  })

  it('takes what only looks like a signal as it is', () => {
    const listeners = new Set<() => void>()
    const signal = {
      addEventListener: (_type: 'abort', listener: () => void) => void listeners.add(listener),
      removeEventListener: (_type: 'abort', listener: () => void) => void listeners.delete(listener),
    }
    const stop = onAbort(signal, () => undefined)
    expect(listeners.size).toBe(1)
    stop()
    expect(listeners.size).toBe(0)
  })
})
