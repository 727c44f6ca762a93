/**
 * Background workers: there when a pipeline has challengers, below everybody else for the kernel, the ones that run long
 * challengers, and no loss when they are gone.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { Engine } from 'penstock'
import { describe, expect, test, vi } from 'vitest'
import { addon } from '../../bindings/native.js'
import { loseWorker, newestRuntime } from '../support/engine-faults.js'
import { deploy, floats, openEngine, refusal, until } from '../support/engine-harness.js'
import { TestLog } from '../support/log-harness.js'

const shadow = [{ type: 'shadow', champion: 'fixed-one', challengers: ['slow'] }] as const
const rows = { x: [[1, 2, 3, 4]] }

/** CPU time, in the kernel's ticks, of each thread of this process that yields to all others. */
function yieldingThreads(): number[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    // The name, in brackets, may hold blanks; the fields that follow it are numbered from 3 on in proc(5).
    const fields = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    const [userTicks, systemTicks, nice] = [14, 15, 19].map((number) => Number(fields[number - 3]))
    return nice === 19 ? [Number(userTicks) + Number(systemTicks)] : []
  })
}

const ticks = (): number => yieldingThreads().reduce((sum, count) => sum + count, 0)

/** Sends requests, one at a time, until `holds()`. Returns how many. */
async function inferUntil(engine: Engine, what: string, holds: () => boolean): Promise<number> {
  for (let requests = 1; requests <= 20_000; requests++) {
    expect(floats(await engine.infer('p', { inputs: rows }), 'y')).toEqual([3, 5, 7, 9])
    if (holds()) return requests
  }
  throw new Error(`Expected within 20,000 requests: ${what}`)
}

describe.runIf(process.platform === 'linux')('background workers', () => {
  test('start with the first challenger, run it and yield to all others; when lost, nothing else is', async () => {
    const log = new TestLog()
    const engine = await openEngine(['slow', 'fixed-one'], { inferWorkers: 1, log })
    await deploy(engine, 'alone', [{ type: 'model', model: 'slow' }])
    expect(yieldingThreads()).toEqual([])
    const left = vi.spyOn(addon, 'offloadQueue')
    await deploy(engine, 'p', shadow)
    await until('a background worker has started', () => yieldingThreads().length > 0)
    let sent = await inferUntil(engine, 'it has loaded the challenger', () => left.mock.calls.length === 1)
    const ticksBefore = ticks()
    sent += await inferUntil(engine, 'it runs the challenger', () => ticks() >= ticksBefore + 10)

    loseWorker(newestRuntime(), 1)
    const sentLater = await inferUntil(engine, 'it was started again', () => engine.metrics().workers.restarts === 1)
    const records = await log.requestsWhen(engine, sent + sentLater)
    expect(records).toHaveLength(sent + sentLater)
    const missing = records.filter((record) => record.audited['slow'] === null).length
    const lost = engine.metrics().pipelines.find(({ pipeline }) => pipeline === 'p')?.background
    expect(lost).toMatchObject([{ model: 'slow', shedRows: missing, failedRows: 0, failures: {} }])
    expect(engine.metrics().workers).toMatchObject({ count: 1, ready: 1 })
    await until('nothing is in flight', () => engine.inFlight === 0)
  })

  test('0 of them: the inference workers run challengers, and no thread yields', async () => {
    const log = new TestLog()
    const engine = await openEngine(['slow', 'fixed-one'], { inferWorkers: 1, backgroundWorkers: 0, log })
    await deploy(engine, 'p', shadow)
    expect(floats(await engine.infer('p', { inputs: rows }), 'y')).toEqual([3, 5, 7, 9])
    const [record] = await log.requestsWhen(engine, 1)
    expect(record?.audited['slow']).not.toBeNull()
    expect(yieldingThreads()).toEqual([])
    expect((await refusal(Engine.open({ backgroundWorkers: -1 }))).message).toMatch(/Expected backgroundWorkers/)
  })

  test('a model that leaves its last pipeline leaves them as well, under load', async () => {
    const engine = await openEngine(['slow', 'fixed-one'])
    for (let round = 0; round < 3; round++) {
      await deploy(engine, 'p', shadow)
      const answers = await Promise.all(Array.from({ length: 30 }, () => engine.infer('p', { inputs: rows })))
      for (const answer of answers) expect(floats(answer, 'y')).toEqual([3, 5, 7, 9])
      await engine.undeployPipeline('p')
      await until('the models are unloaded', () => engine.metrics().models.length === 0)
    }
    expect(engine.metrics().pipelines[0]?.background ?? []).toEqual([])
  })
})
