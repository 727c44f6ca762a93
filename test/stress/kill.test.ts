/**
 * Ends that nobody planned: `kill -9` of the server in the middle of uploads and deploys, SIGTERM under load, and an
 * inference thread that dies with a batch in hand. What was acknowledged is there after a restart; what was accepted is
 * answered before a polite end; a lost thread costs its batch and nothing more.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Table } from 'apache-arrow'
import { isPenstockError, PenstockClient } from 'penstock'
import { readParquet } from 'penstock/results'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.js'
import { serve, temporaryDirectory, type Server } from '../support/cli-process.js'
import { atRest, ServerChild } from './testing/server-child.js'
import { HttpCaller, loop, ramp, rampRows, sleep, suiteSeed } from './testing/load.js'
import { readSegment, segmentPaths } from '../support/log-harness.js'

const seed = suiteSeed('kill', 20_263)
const killRounds = 8
const modelFile = (name: string): Buffer => readFileSync(new URL(`../models/${name}.onnx`, import.meta.url))
/** Two models of one signature, uploaded in turn, so that each upload is a new version: odd ones add 1, even ones double. */
const bytesOfVersion = (version: number): Buffer => modelFile(version % 2 === 1 ? 'add-one' : 'times-two')
const answerOfVersion = (version: number, x: number): number => (version % 2 === 1 ? x + 1 : 2 * x)

/** What the server acknowledged, and the one operation that it was busy with when it was killed. */
interface Ledger {
  modelVersion: number
  /** Where the alias points, and which pipeline version serves: both follow their versions by one more change. */
  champion: number
  pipelineVersion: number
  deployed: number
  /** By pipeline version: the model version that it names. */
  readonly models: Map<number, number>
  underWay: 'upload' | 'apply' | null
}

/** Uploads and deploys in turn until the connection breaks. */
async function mutate(http: HttpCaller, ledger: Ledger): Promise<void> {
  for (;;) {
    ledger.underWay = 'upload'
    const upload = await http.call(
      'PUT',
      '/v1/models/m/versions?alias=champion',
      bytesOfVersion(ledger.modelVersion + 1),
    )
    expect(upload).toMatchObject({ status: 201, json: { version: ledger.modelVersion + 1 } })
    ledger.champion = ++ledger.modelVersion
    ledger.underWay = 'apply'
    // Written down before it is known to have happened: it may have, without an acknowledgement.
    ledger.models.set(ledger.pipelineVersion + 1, ledger.modelVersion)
    const steps = [{ type: 'model', model: `m@${ledger.modelVersion}` }]
    const apply = await http.call('PUT', '/v1/pipelines/p?deploy=true', { steps })
    expect(apply).toMatchObject({ status: 201, json: { version: ledger.pipelineVersion + 1, deployed: true } })
    ledger.deployed = ++ledger.pipelineVersion
    ledger.underWay = null
  }
}

/** The state after a restart is the ledger's, or the ledger's and the operation under way: whole, never half of it. */
async function expectKept(http: HttpCaller, ledger: Ledger): Promise<void> {
  const models = (await http.call('GET', '/v1/models')).json['models'] as {
    name: string
    versions: { version: number; sha256: string }[]
    aliases: Record<string, number>
  }[]
  const versions = models[0]?.versions.map(({ version }) => version) ?? []
  const newest = versions.at(-1) ?? 0
  expect(versions).toEqual(Array.from({ length: newest }, (_, index) => index + 1))
  expect(newest - ledger.modelVersion).toBeGreaterThanOrEqual(0)
  expect(newest - ledger.modelVersion).toBeLessThanOrEqual(ledger.underWay === 'upload' ? 1 : 0)
  // An upload with an alias is two changes: the version may stand without the alias, never the other way round.
  const champion = models[0]?.aliases['champion'] ?? 0
  expect([ledger.champion, newest]).toContain(champion)
  ledger.champion = champion
  ledger.modelVersion = newest

  const pipelines = (await http.call('GET', '/v1/pipelines')).json['pipelines'] as {
    deployed_version: number | null
    versions: { version: number }[]
  }[]
  const pipeline = pipelines[0]
  const applied = pipeline?.versions.at(-1)?.version ?? 0
  expect(pipeline?.versions.map(({ version }) => version) ?? []).toEqual(
    Array.from({ length: applied }, (_, index) => index + 1),
  )
  expect(applied - ledger.pipelineVersion).toBeGreaterThanOrEqual(0)
  expect(applied - ledger.pipelineVersion).toBeLessThanOrEqual(ledger.underWay === 'apply' ? 1 : 0)
  const deployed = pipeline?.deployed_version ?? 0
  expect([ledger.deployed, applied]).toContain(deployed)
  ledger.deployed = deployed
  ledger.pipelineVersion = applied
  if (deployed === 0) return
  const answer = await http.infer('p', [[20, 30, 40]])
  const version = ledger.models.get(deployed) ?? 0
  expect(answer).toMatchObject({
    status: 200,
    json: { outputs: { y: [[20, 30, 40].map((x) => answerOfVersion(version, x))] } },
  })
}

async function killed({ child, ended }: Server): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

describe('kill', () => {
  test('kill -9 during uploads and deploys: a restart finds all that was acknowledged, and nothing half done', async () => {
    const random = seededRandom(seed)
    const home = temporaryDirectory()
    const ledger: Ledger = {
      modelVersion: 0,
      champion: 0,
      pipelineVersion: 0,
      deployed: 0,
      models: new Map(),
      underWay: null,
    }
    for (let round = 0; round < killRounds; round++) {
      const server = await serve(['--home', home, '--infer-workers', '1', '--log-level', 'warn'])
      const http = new HttpCaller(server.url)
      await expectKept(http, ledger)
      // The home is whole: nothing had to be repaired, no blob is missing.
      expect(server.output.stderr).toBe('')
      const mutating = mutate(http, ledger).then(
        () => null,
        (error: NodeJS.ErrnoException) => error,
      )
      // A slow machine needs longer to acknowledge anything: the kill is random, but not before something is at stake.
      const acknowledged = ledger.modelVersion + ledger.pipelineVersion
      for (let waited = 0; waited < 100 && ledger.modelVersion + ledger.pipelineVersion < acknowledged + 2; waited++)
        await sleep(20)
      await sleep(random() * 300)
      await killed(server)
      const error = await mutating
      expect(['ECONNRESET', 'ECONNREFUSED', 'EPIPE']).toContain(error?.code ?? String(error))
      http.close()
    }
    console.info(
      `kill: ${killRounds} kills, ${ledger.modelVersion} model versions, ${ledger.pipelineVersion} pipeline versions`,
    )
    expect(ledger.pipelineVersion).toBeGreaterThan(2)
    const server = await serve(['--home', home, '--infer-workers', '1', '--log-level', 'warn'])
    const http = new HttpCaller(server.url)
    await expectKept(http, ledger)
    http.close()
    server.child.kill('SIGTERM')
    expect([await server.ended, server.child.signalCode]).toEqual([0, null])
  })

  test('SIGTERM at the moment of the greeting ends as any other: with 0', async () => {
    const home = temporaryDirectory()
    for (let round = 0; round < 3; round++) {
      const server = await serve(['--home', home, '--infer-workers', '1', '--log-level', 'warn'])
      server.child.kill('SIGTERM')
      expect([await server.ended, server.child.signalCode]).toEqual([0, null])
      expect(server.output.stderr).toBe('')
    }
  })

  test('committed rows survive every kill -9, no row is there twice, and after SIGTERM every answered row is', async () => {
    const random = seededRandom(seed + 1)
    const home = temporaryDirectory()
    // The server that runs turns what the killed one has left into Parquet, and removes the original after that.
    const tablesOf = (pipeline: string): Promise<Table[]> => {
      const folder = join(home, 'log')
      const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.startsWith(pipeline),
      )
      const parquet = names.filter((name) => name.endsWith('.parquet'))
      const arrows = segmentPaths(folder, pipeline).filter(
        (path) => !parquet.some((name) => path.endsWith(name.replace(/parquet$/, 'arrows'))),
      )
      const read = parquet.map((name) => readParquet(readFileSync(join(folder, name))))
      return Promise.all([...read, ...arrows.map((path) => Promise.resolve(readSegment(path)))])
    }
    const rowsOf = (table: Table): { x: number; y: number; shadow: number }[] => {
      // null: the challenger was shed.
      const firsts = (name: string): number[] =>
        [...(table.getChild(name) ?? [])].map((list) =>
          Number((list as { get(i: number): unknown } | null)?.get(0) ?? 0),
        )
      const [xs, ys, shadows] = ['in.x', 'out.y', 'out_double.y'].map(firsts)
      return (xs ?? []).map((x, row) => ({ x, y: ys?.[row] ?? NaN, shadow: shadows?.[row] ?? NaN }))
    }
    const logged = async (pipeline: string): Promise<{ x: number; y: number; shadow: number }[]> =>
      (await tablesOf(pipeline)).flatMap(rowsOf)
    const answered = { async: [] as number[], committed: [] as number[] }
    let next = 1
    const rounds = 4
    for (let round = 0; round <= rounds; round++) {
      const server = await serve(['--home', home, '--infer-workers', '1', '--log-level', 'warn'])
      const http = new HttpCaller(server.url)
      if (round === 0) {
        await http.call('PUT', '/v1/models/add/versions', modelFile('add-one'))
        await http.call('PUT', '/v1/models/double/versions', modelFile('times-two'))
        const shadow = { type: 'shadow', champion: 'add', challengers: ['double'] }
        for (const durability of ['async', 'committed']) {
          const body = { steps: [shadow], log: { durability } }
          expect((await http.call('PUT', `/v1/pipelines/${durability}?deploy=true`, body)).status).toBe(201)
        }
      }
      const client = await PenstockClient.connect(server.url, { reconnect: false })
      let isStopped = false
      const before = answered.async.length
      const callers = Promise.all(
        Array.from({ length: 16 }, (_, index) =>
          loop(
            () => isStopped,
            async () => {
              const pipeline = index % 2 === 0 ? 'async' : 'committed'
              const x = next++
              await client.infer(pipeline, { x: ramp(1, 3, x) })
              answered[pipeline].push(x)
            },
          ),
        ),
      ).catch(() => 'killed')
      // Long enough for some writes, so that kills fall into them.
      await sleep(300 + random() * 700)
      const isLast = round === rounds
      if (isLast) isStopped = true
      if (isLast) await callers
      server.child.kill(isLast ? 'SIGTERM' : 'SIGKILL')
      expect([await server.ended, server.child.signalCode]).toEqual(isLast ? [0, null] : [null, 'SIGKILL'])
      await callers
      await client.close()
      http.close()
      expect(answered.async.length - before).toBeGreaterThan(10)
      const rows = { async: await logged('async'), committed: await logged('committed') }
      for (const pipeline of ['async', 'committed'] as const) {
        expect(new Set(rows[pipeline].map(({ x }) => x)).size).toBe(rows[pipeline].length)
        expect(rows[pipeline].filter(({ x, y, shadow }) => y !== x + 1 || (shadow !== 2 * x && shadow !== 0))).toEqual(
          [],
        )
      }
      // An answer was given, so its row is there, whatever ended the process.
      const committed = new Set(rows.committed.map(({ x }) => x))
      expect(answered.committed.filter((x) => !committed.has(x))).toEqual([])
      if (!isLast) continue
      const seen = new Set(rows.async.map(({ x }) => x))
      expect(answered.async.slice(before).filter((x) => !seen.has(x))).toEqual([])
      console.info(
        `kill: ${rounds} kills, ${next - 1} requests, ${rows.async.length} of ${answered.async.length} asynchronous rows and ` +
          `all ${answered.committed.length} committed ones in the log`,
      )
    }
  })

  test('SIGTERM under load: what was accepted is answered, the exit code is 0, and it ends within the limit', async () => {
    const home = temporaryDirectory()
    const server = await serve(['--home', home, '--infer-workers', '1', '--drain-limit', '20s'])
    const http = new HttpCaller(server.url)
    await http.call('PUT', '/v1/models/slow/versions', modelFile('slow'))
    await http.call('PUT', '/v1/pipelines/slow?deploy=true', { steps: [{ type: 'model', model: 'slow' }] })
    const client = await PenstockClient.connect(server.url, { reconnect: false })
    const channel = await client.open('slow')
    const socketAnswers = Array.from({ length: 40 }, (_, index) =>
      channel.infer({ x: ramp(1 + (index % 4), 4, index) }),
    )
    const httpAnswers = Array.from({ length: 20 }, (_, index) => http.infer('slow', rampRows(2, 4, index)))
    // All of them are with the server, most still waiting.
    await expect
      .poll(async () => (await http.call('GET', '/v1/pipelines/slow/status')).json['in_flight'], { interval: 5 })
      .toBeGreaterThan(20)
    const startMs = performance.now()
    server.child.kill('SIGTERM')
    const settled = await Promise.allSettled<unknown>([
      ...socketAnswers,
      ...httpAnswers.map((answer) => answer.then(({ status }) => expect(status).toBe(200))),
    ])
    expect(settled.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))).toEqual([])
    expect([await server.ended, server.child.signalCode]).toEqual([0, null])
    expect(performance.now() - startMs).toBeLessThan(20_000)
    http.close()
    await client.close()
  })

  test('an inference thread that dies fails its batch with ERR_WORKER_LOST, and is replaced', async () => {
    const server = await ServerChild.start({
      models: { m: 'add-one', other: 'times-two' },
      pipelines: { p: [{ type: 'model', model: 'm' }], other: [{ type: 'model', model: 'other' }] },
      engine: { inferWorkers: 2 },
    })
    const client = await PenstockClient.connect(server.url)
    const http = new HttpCaller(server.url)
    const deaths = 5
    let lost = 0
    let answers = 0
    const infer = async (index: number): Promise<void> => {
      const y =
        index % 3 === 0
          ? await inferOverHttp(http, index)
          : (await client.infer('p', { x: ramp(2, 3, index) })).outputs['y']?.data[0]
      expect(y).toBe(index + 1)
      answers++
    }
    for (let death = 0; death < deaths; death++) {
      await server.doomWorker()
      const settled = await Promise.allSettled(Array.from({ length: 60 }, (_, index) => infer(index)))
      const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
      // Every request in the batch fails with that reason, and the error says that trying again may help.
      expect(
        reasons.map((reason) => (isPenstockError(reason) ? [reason.code, reason.retryable] : String(reason))),
      ).toEqual(reasons.map(() => ['ERR_WORKER_LOST', true]))
      expect(reasons.length).toBeGreaterThan(0)
      lost += reasons.length
      // The other worker serves on; a retry is answered.
      await infer(death)
    }
    await expect
      .poll(async () => (await server.observe()).workers, { timeout: 15_000 })
      .toMatchObject({ count: 2, ready: 2, restarts: deaths })
    await Promise.all(Array.from({ length: 200 }, (_, index) => infer(index)))
    expect((await client.infer('other', { x: ramp(1, 3, 5) })).outputs['y']?.data[0]).toBe(10)
    console.info(`kill: ${deaths} threads died, ${lost} requests were lost with them, ${answers} answered`)
    await client.close()
    http.close()
    const rest = await atRest(server)
    expect(rest.pipelines.find(({ pipeline }) => pipeline === 'p')?.failures).toEqual({ ERR_WORKER_LOST: lost })
    expect(rest.notices.filter((notice) => notice.includes('was lost'))).toHaveLength(deaths)
    expect(await server.close()).toBe(0)
  })
})

/** @throws what the server answered, as the client would. */
async function inferOverHttp(http: HttpCaller, first: number): Promise<number | undefined> {
  const { status, json } = await http.infer('p', rampRows(2, 3, first))
  if (status === 200) return (json['outputs'] as { y: number[][] }).y[0]?.[0]
  const { code, error, retry_after_ms: retryAfterMs } = json as { code: string; error: string; retry_after_ms?: number }
  const { PenstockError } = await import('penstock')
  throw new PenstockError(code as never, error, retryAfterMs === undefined ? {} : { retryAfterMs })
}
