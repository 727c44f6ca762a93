/**
 * Redeploys, alias moves and rollbacks, one after another, under load from WebSocket and HTTP callers. What must hold:
 * every request is answered, each answer comes from exactly one version, and what was deployed before a request was sent
 * is what answers it.
 */
import { PenstockClient } from 'penstock'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.js'
import { atRest, ServerChild } from './testing/server-child.js'
import { HttpCaller, loop, ramp, rampRows, sleep, suiteSeed } from './testing/load.js'

const seed = suiteSeed('redeploy-under-load', 20_261)
const loadMs = 8000
/** In the order of upload: version n of model `m` is versions[n - 1]. */
const versions = ['constant-v1', 'constant-v2', 'add-one', 'times-two'] as const
/** Far from the constants, and large enough that x + 1 and 2·x never meet. */
const firstValue = 1000

/** Which version gave y for x, both [rows, 3]: 1..4. @throws when no single version gives all of it. */
function versionOf(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const formulas = [() => 1, () => 2, (value: number) => value + 1, (value: number) => 2 * value]
  const version = formulas.findIndex((formula) => Array.from(x).every((value, index) => formula(value) === y[index]))
  if (version >= 0 && y.length === x.length) return version + 1
  throw new Error(
    `no single version answers ${Array.from(x).slice(0, 8).join()}… with ${Array.from(y).slice(0, 8).join()}…`,
  )
}

/** Rows of a request: mostly few, some more than a batch holds, so that they are split and put together again. */
function rowsOf(random: () => number): number {
  const draw = random()
  return draw < 0.6 ? 1 : draw < 0.95 ? 2 + Math.floor(random() * 60) : 1500 + Math.floor(random() * 1500)
}

interface Counters {
  answers: number
  readonly byVersion: Map<number, number>
  readonly failures: string[]
}

const newCounters = (): Counters => ({ answers: 0, byVersion: new Map(), failures: [] })

function count(counters: Counters, version: number): void {
  counters.answers++
  counters.byVersion.set(version, (counters.byVersion.get(version) ?? 0) + 1)
}

function socketCaller(client: PenstockClient, random: () => number, isStopped: () => boolean, counters: Counters) {
  return loop(isStopped, async () => {
    const x = ramp(rowsOf(random), 3, firstValue)
    try {
      const { outputs } = await client.infer('swap', { x })
      count(counters, versionOf(x.data as Float32Array, outputs['y']?.data as Float32Array))
    } catch (error) {
      counters.failures.push(String(error))
      await sleep(5)
    }
  })
}

/** @param allowed the model's versions that a pipeline version may mean, by pipeline version. */
function httpCaller(
  http: HttpCaller,
  random: () => number,
  isStopped: () => boolean,
  counters: Counters,
  allowed: Map<number, readonly number[]>,
) {
  return loop(isStopped, async () => {
    const x = rampRows(Math.min(rowsOf(random), 400), 3, firstValue)
    try {
      const { status, json } = await http.infer('swap', x)
      if (status !== 200) throw new Error(`${status} ${JSON.stringify(json)}`)
      const { outputs, metadata } = json as { outputs: { y: number[][] }; metadata: { pipeline_version: number } }
      const version = versionOf(x.flat(), outputs.y.flat())
      const meant = allowed.get(metadata.pipeline_version)
      if (meant?.includes(version) !== true)
        throw new Error(
          `pipeline version ${metadata.pipeline_version} answered with model version ${version}, expected ${meant?.join()}`,
        )
      count(counters, version)
    } catch (error) {
      counters.failures.push(String(error))
      await sleep(5)
    }
  })
}

describe('redeploy under load', () => {
  test('no request is lost, and each is answered by one version, while plans are swapped all the time', async () => {
    const random = seededRandom(seed)
    const step = (reference: string) => [{ type: 'model' as const, model: reference }]
    const server = await ServerChild.start({
      models: { m: versions },
      pipelines: { swap: step('m@champion') },
      engine: { inferWorkers: 2 },
    })
    const http = new HttpCaller(server.url)
    const control = new HttpCaller(server.url)
    const clients = await Promise.all(Array.from({ length: 4 }, () => PenstockClient.connect(server.url)))
    const counters = newCounters()
    // Definitions of the pipeline, by version: the first follows the alias, the others name a version each.
    const allowed = new Map<number, readonly number[]>([[1, [1, 2, 3, 4]]])
    let isStopped = false
    const stopped = (): boolean => isStopped
    const callers = [
      ...clients.flatMap((client) => Array.from({ length: 6 }, () => socketCaller(client, random, stopped, counters))),
      ...Array.from({ length: 8 }, () => httpCaller(http, random, stopped, counters, allowed)),
    ]

    let swaps = 0
    const expectServed = async (version: number): Promise<void> => {
      const x = ramp(2, 3, firstValue)
      const { outputs } = await (clients[swaps % 4] as PenstockClient).infer('swap', { x })
      expect(versionOf(x.data as Float32Array, outputs['y']?.data as Float32Array), `after swap ${swaps}`).toBe(version)
      swaps++
    }
    const endMs = performance.now() + loadMs
    while (performance.now() < endMs) {
      const version = 1 + Math.floor(random() * 4)
      if (random() < 0.5) {
        expect((await control.call('POST', '/v1/pipelines/swap/deploy', { version: 1 })).status).toBe(200)
        for (let move = 0; move < 3; move++) {
          const moved = 1 + ((version + move) % 4)
          expect((await control.call('PUT', '/v1/models/m/aliases/champion', { version: moved })).status).toBe(200)
          await expectServed(moved)
        }
      } else {
        // Known before it can answer: put first, deploy after.
        const put = await control.call('PUT', '/v1/pipelines/swap', { steps: step(`m@${version}`) })
        expect(put.status).toBe(201)
        allowed.set(put.json['version'] as number, [version])
        expect((await control.call('POST', '/v1/pipelines/swap/deploy', { version: put.json['version'] })).status).toBe(
          200,
        )
        await expectServed(version)
      }
    }
    isStopped = true
    await Promise.all(callers)
    console.info(
      `redeploy-under-load: ${counters.answers} answers over ${swaps} swaps, by version ${JSON.stringify([...counters.byVersion])}`,
    )
    expect(counters.failures).toEqual([])
    expect(swaps).toBeGreaterThan(20)
    expect([...counters.byVersion.keys()].toSorted()).toEqual([1, 2, 3, 4])

    for (const client of clients) await client.close()
    http.close()
    control.close()
    const rest = await atRest(server)
    // Retired plans let go of their models: only what the last definition names stays loaded.
    expect(rest.models).toHaveLength(1)
    expect(rest.pipelines[0]?.failures).toEqual({})
    expect(rest.notices).toEqual([])
    expect(await server.close()).toBe(0)
  })

  test('channels follow a pipeline whose checks change with each deploy', async () => {
    const random = seededRandom(seed + 1)
    const model = { type: 'model' as const, model: 'm' }
    const check = (name: string) => ({ type: 'check' as const, name, flag: 'out.y[0] > 0' })
    const definitions = [[model], [model, check('positive')], [model, check('other'), check('positive')]]
    const server = await ServerChild.start({
      models: { m: 'add-one' },
      pipelines: { swap: definitions[0] ?? [] },
      engine: { inferWorkers: 1 },
    })
    const control = new HttpCaller(server.url)
    const clients = await Promise.all(Array.from({ length: 3 }, () => PenstockClient.connect(server.url)))
    const failures: string[] = []
    const seen = new Set<string>()
    let isStopped = false
    const callers = [
      ...clients.flatMap((client) =>
        Array.from({ length: 4 }, () =>
          loop(
            () => isStopped,
            async () => {
              const x = ramp(1 + Math.floor(random() * 4), 3, firstValue)
              await client.infer('swap', { x }).then(
                ({ outputs, checkFailures, rows }) => {
                  if (outputs['y']?.data[0] !== firstValue + 1) failures.push('wrong answer')
                  if (checkFailures.some((failed) => failed.rows.length !== rows))
                    failures.push(`rows of ${JSON.stringify(checkFailures)}`)
                  seen.add(checkFailures.map(({ check: name }) => name).join())
                },
                (error: unknown) => failures.push(String(error)),
              )
            },
          ),
        ),
      ),
      ...Array.from({ length: 3 }, () =>
        loop(
          () => isStopped,
          async () => {
            const { status, json } = await control.infer('swap', rampRows(2, 3, firstValue))
            if (status !== 200) failures.push(`${status} ${JSON.stringify(json)}`)
            else seen.add((json['check_failures'] as { check: string }[]).map(({ check: name }) => name).join())
          },
        ),
      ),
    ]
    for (let swap = 1; swap <= 40; swap++) {
      const { status } = await control.call('PUT', '/v1/pipelines/swap?deploy=true', { steps: definitions[swap % 3] })
      expect(status).toBe(201)
      await sleep(swap % 4 === 0 ? 50 : 2)
    }
    isStopped = true
    await Promise.all(callers)
    expect(failures).toEqual([])
    expect([...seen].toSorted()).toEqual(['', 'other,positive', 'positive'])
    for (const client of clients) await client.close()
    control.close()
    await atRest(server)
    expect(await server.close()).toBe(0)
  })
})
