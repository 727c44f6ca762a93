import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { MUTATIONS_PENDING_MAX } from '../base/limits/limits.js'
import { Mutations } from './mutations.js'

describe('mutations', () => {
  it('run: runs one at a time, in order, and goes on after a failure', async () => {
    const mutations = new Mutations(async () => undefined)
    const order: string[] = []
    const step = (name: string, waitMs: number) => async () => {
      order.push(`${name} begins`)
      await sleep(waitMs)
      order.push(`${name} ends`)
      if (name === 'b') throw new Error('b fails')
      return name
    }
    const results = await Promise.allSettled([
      mutations.run(step('a', 10)),
      mutations.run(step('b', 1)),
      mutations.run(step('c', 0)),
    ])
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('run: refuses at its limit with a time to try again', async () => {
    const mutations = new Mutations(async () => undefined)
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    const waiting = Array.from({ length: MUTATIONS_PENDING_MAX }, () => mutations.run(() => gate))
    await expect(mutations.run(() => gate)).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL', retryAfterMs: 1000 })
    release()
    await Promise.all(waiting)
    await expect(mutations.run(async () => 'again')).resolves.toBe('again')
  })

  it('run: does not start what the guard refuses', async () => {
    let hasRun = false
    const mutations = new Mutations(() => Promise.reject(new Error('lost')))
    await expect(mutations.run(async () => (hasRun = true))).rejects.toThrow('lost')
    expect(hasRun).toBe(false)
  })

  it('close: waits for what is under way and refuses the rest', async () => {
    const mutations = new Mutations(async () => undefined)
    let isDone = false
    const first = mutations.run(async () => {
      await sleep(20)
      isDone = true
    })
    await mutations.close()
    expect(isDone).toBe(true)
    await first
    await expect(mutations.run(async () => 1)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})
