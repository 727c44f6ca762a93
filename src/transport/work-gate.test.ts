import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { WorkGate } from './work-gate.js'

describe('the gate of heavy work', () => {
  it('lets few run, some wait in order, and refuses the rest', async () => {
    const gate = new WorkGate(2, 3)
    const ends: (() => void)[] = []
    const begun: number[] = []
    const work = (id: number) => () =>
      new Promise<number>((resolve) => {
        begun.push(id)
        ends.push(() => resolve(id))
      })
    const results = [0, 1, 2, 3, 4].map((id) => gate.run(work(id)))
    await expect(gate.run(work(5))).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL', retryAfterMs: 1000 })
    await Promise.resolve()
    expect(begun).toEqual([0, 1])
    for (let done = 0; done < 5; done++) {
      while (ends.length === 0) await setImmediate()
      ends.shift()?.()
    }
    expect(await Promise.all(results)).toEqual([0, 1, 2, 3, 4])
    expect(begun).toEqual([0, 1, 2, 3, 4])
    expect(await gate.run(() => Promise.resolve('free again'))).toBe('free again')
  })

  it('does not begin for callers who are gone, and goes on after work that fails', async () => {
    const gate = new WorkGate(1, 2)
    let isGone = false
    let isBegun = false
    const failing = gate.run(() => Promise.reject(new Error('no')))
    const abandoned = gate.run(
      () => {
        isBegun = true
        return Promise.resolve()
      },
      () => isGone,
    )
    isGone = true
    await expect(failing).rejects.toThrow('no')
    await expect(abandoned).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(isBegun).toBe(false)
    expect(await gate.run(() => Promise.resolve(1))).toBe(1)
  })

  it('lets others of the loop go on between two pieces of work that are done in one go', async () => {
    const gate = new WorkGate(1, 8)
    const order: string[] = []
    const works = Array.from({ length: 3 }, (_, id) =>
      gate.run(() => {
        order.push(`work ${id}`)
        if (id === 0)
          setImmediate().then(
            () => order.push('somebody else'),
            () => undefined,
          )
        return Promise.resolve()
      }),
    )
    await Promise.all(works)
    expect(order).toEqual(['work 0', 'somebody else', 'work 1', 'work 2'])
  })
})
