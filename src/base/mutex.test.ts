import { expect, test } from 'vitest'
import { Mutex } from './mutex.js'

test('mutex: operations run one at a time, in order, past failures', async () => {
  const mutex = new Mutex()
  const seen: string[] = []
  const operation =
    (name: string, fails = false) =>
    async (): Promise<string> => {
      seen.push(`${name} begins`)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    }
  const outcomes = await Promise.allSettled([
    mutex.run(operation('a')),
    mutex.run(operation('b', true)),
    mutex.run(operation('c')),
  ])
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  await mutex.idle()
})
