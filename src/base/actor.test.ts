import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { currentActor, runAs } from './actor.js'

it('actor: each of several at once has its own through every wait, and nobody afterwards', async () => {
  const names = ['key:a', 'key:b', 'key:c']
  const seen = await Promise.all(
    names.map((name, index) =>
      runAs(name, async () => {
        await sleep(5 * (3 - index))
        return currentActor()
      }),
    ),
  )
  expect(seen).toEqual(names)
  expect(currentActor()).toBe('local')
  await expect(runAs('key:a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await runAs('key:d', () => Promise.resolve(currentActor()))).toBe('key:d')
})

it('actor: work that outlives its caller keeps the name when it enters a context of its own', async () => {
  let detached: Promise<string> = Promise.resolve('')
  await runAs('key:a', () => {
    detached = runAs(currentActor(), () => sleep(20).then(() => currentActor()))
    return Promise.resolve()
  })
  expect(await detached).toBe('key:a')
})

it('actor: promises cost what they did before once nobody is inside', async () => {
  await runAs('key:a', () => sleep(1))
  const settled = Promise.resolve()
  const timeOf = async (): Promise<number> => {
    const startNs = process.hrtime.bigint()
    for (let index = 0; index < 200_000; index++) await settled
    return Number(process.hrtime.bigint() - startNs)
  }
  await timeOf()
  const outside = Math.min(await timeOf(), await timeOf(), await timeOf())
  const inside = await runAs('key:a', async () => Math.min(await timeOf(), await timeOf(), await timeOf()))
  // Newer releases of Node carry contexts for nothing: then there is no difference.
  expect(outside).toBeLessThan(inside * 1.5)
})
