/**
 * Models and pipelines come and go: sessions, queues, batches, plans, inspection threads. After each round the server
 * serves what it served before, so it must hold what it held before. One operation here costs a load of the model into
 * every worker; what would leak is counted in hundreds of kilobytes.
 */
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { PenstockClient } from 'penstock'
import { describe, expect, test } from 'vitest'
import { ServerChild, type ChildSetup } from '../stress/testing/server-child.js'
import { HttpCaller, ramp } from '../stress/testing/load.js'
import { expectNoLeak, measureLeaks, printLeakRun, repeat } from './leak.js'

const setup: ChildSetup = {
  models: { m: ['add-one', 'times-two'] },
  pipelines: { p: [{ type: 'model', model: 'm@champion' }] },
  engine: { inferWorkers: 2 },
}

/** A session of these small models in one worker is about 300 kB, and compiled code still grows by some 1,000 a turn. */
const uploadLimits = { heap: 10_000, rss: 200_000 }

async function expectStatus(expected: number, answer: ReturnType<HttpCaller['call']>): Promise<void> {
  const { status, json } = await answer
  expect(`${status} ${JSON.stringify(json['error'])}`).toBe(`${expected} undefined`)
}

describe('leak: deploys', () => {
  test('alias moves and redeploys under traffic', async () => {
    const server = await ServerChild.start(setup)
    const control = new HttpCaller(server.url)
    await expectStatus(
      201,
      control.call('PUT', '/v1/pipelines/p', {
        steps: [
          { type: 'model', model: 'm@1' },
          { type: 'check', name: 'c', flag: 'out.y[0] > 3' },
        ],
      }),
    )
    const run = await measureLeaks(server, {
      warmRounds: 2,
      rounds: 6,
      round: async () => {
        const client = await PenstockClient.connect(server.url)
        let isStopped = false
        let answers = 0
        const traffic = Promise.all(
          Array.from({ length: 4 }, async () => {
            while (!isStopped) {
              expect((await client.infer('p', { x: ramp(2, 3, 1) })).rows).toBe(2)
              answers++
            }
          }),
        )
        // The versions have other checks, and deploys of what is loaded are as fast as requests: one that meets a deploy
        // each time that it is sent is given up after some.
        const answered = async (): Promise<void> => {
          for (const before = answers; answers === before;) await setImmediate()
        }
        for (let move = 0; move < 40; move++) {
          await expectStatus(200, control.call('PUT', '/v1/models/m/aliases/champion', { version: 1 + (move % 2) }))
          await expectStatus(200, control.call('POST', '/v1/pipelines/p/deploy', { version: 1 + (move % 2) }))
          await Promise.race([answered(), traffic])
        }
        isStopped = true
        await traffic
        await client.close()
        return 160
      },
    })
    control.close()
    expect(run.last.models).toHaveLength(1)
    expectNoLeak('redeploys', run, { heap: 2000, rss: 80_000 })
    expect(await server.close()).toBe(0)
  })

  test('models uploaded, deployed, asked, undeployed and removed', async () => {
    const server = await ServerChild.start(setup)
    const control = new HttpCaller(server.url)
    const files = ['constant-v1', 'double-tokens', 'gather-ten', 'upper-string'].map((name) =>
      readFileSync(new URL(`../models/${name}.onnx`, import.meta.url)),
    )
    const run = await measureLeaks(server, {
      warmRounds: 2,
      rounds: 6,
      round: async () => {
        for (let turn = 0; turn < 16; turn++) {
          await expectStatus(
            201,
            control.call('PUT', '/v1/models/fleeting/versions?alias=champion', files[turn % files.length]),
          )
          await expectStatus(
            201,
            control.call('PUT', '/v1/pipelines/fleeting?deploy=true', {
              steps: [{ type: 'model', model: 'fleeting@champion' }],
            }),
          )
          await control.call(
            'POST',
            '/v1/pipelines/fleeting/infer',
            turn % 4 === 3
              ? { label: ['a'] }
              : turn % 4 === 2
                ? { index: [[1]] }
                : turn % 4 === 1
                  ? { tokens: [[1, 2]] }
                  : { x: [[1, 2, 3]] },
          )
          await expectStatus(200, control.call('POST', '/v1/pipelines/fleeting/undeploy'))
          await expectStatus(204, control.call('DELETE', '/v1/pipelines/fleeting'))
          await expectStatus(204, control.call('DELETE', '/v1/models/fleeting'))
        }
        return 16
      },
    })
    control.close()
    expect(run.last.models).toHaveLength(1)
    expectNoLeak('uploads', run, uploadLimits)
    expect(await server.close()).toBe(0)
  })

  test('names: pipelines that come and go under ever new names leave no counters', async () => {
    const server = await ServerChild.start(setup)
    const control = new HttpCaller(server.url)
    let next = 0
    const run = await measureLeaks(server, {
      warmRounds: 2,
      rounds: 6,
      round: async () => {
        for (let turn = 0; turn < 50; turn++) {
          const path = `/v1/pipelines/fleeting-${next++}`
          await expectStatus(
            201,
            control.call('PUT', `${path}?deploy=true`, { steps: [{ type: 'model', model: 'm@1' }] }),
          )
          await expectStatus(200, control.call('POST', `${path}/undeploy`))
          await expectStatus(204, control.call('DELETE', path))
        }
        return 50
      },
    })
    control.close()
    expect(run.last.pipelines.map(({ pipeline }) => pipeline)).toEqual(['p'])
    // A pipeline's histograms alone are 8,000 bytes; what compiled code adds while it warms up is up to 700 a turn.
    expectNoLeak('names', run, { heap: 2000, rss: 60_000 })
    expect(await server.close()).toBe(0)
  })

  test('canary: 300 kB kept of each upload are noticed', async () => {
    const server = await ServerChild.start({ ...setup, canary: { kind: 'memory', bytes: 300_000, method: 'addModel' } })
    const control = new HttpCaller(server.url)
    const files = ['constant-v1', 'gather-ten'].map((name) =>
      readFileSync(new URL(`../models/${name}.onnx`, import.meta.url)),
    )
    const run = await measureLeaks(server, {
      warmRounds: 2,
      rounds: 4,
      round: async () => {
        for (let turn = 0; turn < 8; turn++) {
          await expectStatus(201, control.call('PUT', '/v1/models/fleeting/versions', files[turn % 2]))
          await expectStatus(204, control.call('DELETE', '/v1/models/fleeting'))
        }
        return 8
      },
    })
    control.close()
    printLeakRun('canary uploads', run)
    expect(run.heapSlope).toBeGreaterThan(uploadLimits.heap)
    expect(run.rssSlope).toBeGreaterThan(uploadLimits.rss)
  })

  test('refused uploads and definitions', async () => {
    const server = await ServerChild.start(setup)
    const http = new HttpCaller(server.url, 4)
    const invalid = ['future-opset', 'identity-bfloat16', 'missing-external-data'].map((name) =>
      readFileSync(new URL(`../models/${name}.onnx`, import.meta.url)),
    )
    const run = await measureLeaks(server, {
      warmRounds: 2,
      rounds: 5,
      round: () =>
        repeat(40, 4, async (index) => {
          if (index % 4 === 0) await http.call('PUT', '/v1/models/bad/versions', invalid[(index / 4) % 3])
          else if (index % 4 === 1) await http.call('PUT', '/v1/models/bad/versions', Buffer.alloc(1000 * index, index))
          else
            await http.call('PUT', `/v1/pipelines/bad?deploy=true`, {
              steps: [{ type: 'model', model: index % 4 === 2 ? 'nobody' : 'm@99' }],
            })
        }),
    })
    http.close()
    expectNoLeak('refusals', run, { heap: 4000, rss: 50_000 })
    expect(await server.close()).toBe(0)
  })
})
