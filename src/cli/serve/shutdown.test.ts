import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { runUntilSignal } from './shutdown.js'

function harness(drain: () => Promise<boolean>, stuck = '', broken = '') {
  const source = new EventEmitter()
  const exits: number[] = []
  const order: string[] = []
  const closers = ['home', 'engine', 'server'].map((name) => async () => {
    if (name === broken) throw new Error(`${name} is broken`)
    await (name === stuck ? new Promise(() => undefined) : order.push(name))
  })
  const onNote = (line: string) => void order.push(line)
  const exit = (code: number) => void exits.push(code)
  const onFailure = (error: unknown) => void order.push(String(error))
  const result = runUntilSignal({ drain, closers, onNote, onFailure, exit, closeLimitMs: 20 }, source)
  return { source, exits, order, result }
}

describe('shutdown', () => {
  it.each(['SIGTERM', 'SIGINT'])('runUntilSignal: %s drains, closes in reverse and ends with 0', async (signal) => {
    const { source, exits, order, result } = harness(async () => true)
    await sleep(5)
    expect(order).toEqual([])
    source.emit(signal)
    expect(await result).toBe(0)
    expect(order).toEqual([`${signal}: draining; a second signal ends at once`, 'server', 'engine', 'home'])
    expect(exits).toEqual([])
  })

  it('runUntilSignal: ends with 1 and says so when the drain limit cut requests off', async () => {
    const { source, order, result } = harness(async () => false)
    source.emit('SIGTERM')
    expect(await result).toBe(1)
    expect(order[1]).toMatch(/drain limit has passed/)
    expect(order.slice(2)).toEqual(['server', 'engine', 'home'])
  })

  it('runUntilSignal: after the drain limit, a part that never closes does not keep the others open', async () => {
    const { source, order, result } = harness(async () => false, 'engine')
    source.emit('SIGTERM')
    expect(await result).toBe(1)
    expect(order.slice(2)).toEqual(['server', 'home'])
  })

  it('runUntilSignal: a part that fails to close is reported, ends with 1, and keeps no other open', async () => {
    const { source, order, result } = harness(async () => true, '', 'engine')
    source.emit('SIGTERM')
    expect(await result).toBe(1)
    expect(order.slice(1)).toEqual(['server', 'Error: engine is broken', 'home'])
  })

  it('runUntilSignal: a drain that fails is reported, and everything is closed nevertheless', async () => {
    const { source, order, result } = harness(() => Promise.reject(new Error('no drain')))
    source.emit('SIGTERM')
    expect(await result).toBe(1)
    expect(order[1]).toBe('Error: no drain')
    expect(order.slice(-3)).toEqual(['server', 'engine', 'home'])
  })

  it('runUntilSignal: a second signal, of either kind, ends at once with 1', async () => {
    const { source, exits } = harness(() => new Promise(() => undefined))
    source.emit('SIGTERM')
    source.emit('SIGINT')
    expect(exits).toEqual([1])
  })
})
