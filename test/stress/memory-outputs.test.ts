/**
 * Answers that are far larger than their requests: four bytes in, 4 MiB out, 1,400 at a time. Without a bound on what
 * they hold that is 6 GB. What does not fit the budget is refused and says when to come again; whoever comes again is
 * answered, and the memory goes back.
 */
import { isPenstockError, PenstockClient } from 'penstock'
import { describe, expect, test } from 'vitest'
import { sleep } from './testing/load.js'
import { expectBounded, measureMemory, memoryFaults, MIB, printMemory } from './testing/memory.js'
import { ServerChild } from './testing/server-child.js'
import { wideModel } from './testing/wide-model.js'

const budgetBytes = 256 * MIB
const width = MIB
const requests = 1400

async function startWide(isDeclared: boolean, memoryBudgetBytes = budgetBytes): Promise<ServerChild> {
  return ServerChild.start({
    modelBytes: { wide: wideModel(width, isDeclared) },
    pipelines: { wide: [{ type: 'model', model: 'wide' }] },
    engine: { memoryBudgetBytes },
    isAsShipped: true,
  })
}

interface Outcomes {
  answered: number
  refused: number
  readonly others: string[]
}

/** Sends `count` requests at once over WebSocket; one that is refused waits longer than `retryAfterMs` and comes again, for so long. */
async function flood(server: ServerChild, count: number, comesAgainMs: number): Promise<Outcomes> {
  const client = await PenstockClient.connect(server.url)
  const outcomes: Outcomes = { answered: 0, refused: 0, others: [] }
  const endMs = performance.now() + comesAgainMs
  const ask = async (index: number): Promise<void> => {
    const x = { dtype: 'float32', shape: [1, 1], data: Float32Array.of(index) } as const
    for (;;) {
      try {
        const { outputs } = await client.infer('wide', { x })
        const { data } = outputs['y'] as { data: Float32Array }
        if (data.length !== width || data[0] !== index || data[width - 1] !== index)
          outcomes.others.push(`another answer than ${index}`)
        outcomes.answered++
        return
      } catch (error) {
        if (!isPenstockError(error) || error.code !== 'ERR_QUEUE_FULL') {
          outcomes.others.push(String(error))
          return
        }
        outcomes.refused++
        if (performance.now() > endMs) return
        await sleep((error.retryAfterMs ?? 1) * (5 + (index % 10)))
      }
    }
  }
  await Promise.all(Array.from({ length: count }, (_, index) => ask(index)))
  await client.close()
  return outcomes
}

describe('answers of 4 MiB to requests of four bytes', () => {
  for (const [name, isDeclared] of [
    ['of a known size', true],
    ['of a size that is known only after the run', false],
  ] as const)
    test(`${name} stay within the budget, and their memory returns`, async () => {
      const server = await startWide(isDeclared)
      await flood(server, 4, 5000)
      let outcomes: Outcomes | undefined
      const run = await measureMemory(server.pid, async () => {
        outcomes = await flood(server, requests, 15_000)
      })
      const { answered = 0, refused = 0, others = [] } = outcomes ?? {}
      printMemory(`large outputs ${name}`, run, budgetBytes, `${answered} answered, ${refused} refused`)
      expect(others).toEqual([])
      expect(answered).toBeGreaterThan(32)
      expect(refused).toBeGreaterThan(0)
      expectBounded(run, budgetBytes)
      expect((await server.observe()).inFlight).toBe(0)
    })

  test('a server without the bound is found out', async () => {
    const server = await startWide(true, 2 ** 40)
    await flood(server, 4, 0)
    const run = await measureMemory(server.pid, async () => void (await flood(server, 300, 0)))
    printMemory('canary, no bound', run, budgetBytes)
    expect(memoryFaults(run, budgetBytes)).toContainEqual(expect.stringContaining('above the start'))
  })
})
