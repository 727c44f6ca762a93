/**
 * A model that is not taken leaves nothing behind: the files of the home, byte for byte, are those from before, and so
 * are the lists. And a model that is taken but fails its requests does not fill the operator's log, by any dialect.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine, Home, PenstockServer } from 'penstock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelBytes } from '../support/served.js'

/** Path → hash of every file under the folder. */
function filesOf(path: string): Record<string, string> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    files
      .map((file) => join(file.parentPath, file.name))
      .sort()
      .map((file) => [file.slice(path.length), createHash('sha256').update(readFileSync(file)).digest('hex')]),
  )
}

// Not retried: a second attempt would find what the first has left, and take it for what was there before.
describe('a model add that is refused', { retry: 0 }, () => {
  const path = mkdtempSync(join(tmpdir(), 'penstock-refused-'))
  let home: Home
  let engine: Engine
  let server: PenstockServer
  beforeAll(async () => {
    home = await Home.open({ path })
    engine = await Engine.open({ inferWorkers: 1, calibration: 'off', models: home.models, pipelines: home.pipelines })
    await engine.addModel('first', modelBytes('add-one'), { alias: 'champion' })
    await engine.addModel('times-two', modelBytes('times-two'))
    const steps = [
      { type: 'model', model: 'first@champion' },
      { type: 'model', model: 'times-two' },
    ] as const
    await engine.applyPipeline({ name: 'chain', steps }, { deploy: true })
    server = await PenstockServer.start({ engine, port: 0 })
  })
  afterAll(async () => {
    await server.close()
    await engine.close()
    await home.close()
    rmSync(path, { recursive: true, force: true })
  })

  const good = modelBytes('sum-rows')
  const refused: [string, string, Uint8Array, object][] = [
    ['bytes that are no model', 'other', new TextEncoder().encode('not a model'), {}],
    ['half a file', 'other', good.subarray(0, good.length >> 1), {}],
    ['no bytes', 'other', new Uint8Array(0), {}],
    ['external data that is not there', 'other', modelBytes('missing-external-data'), {}],
    ['external data of a path that leaves', 'other', good, { externalData: { '../w.bin': new Uint8Array(4) } }],
    ['an opset of the future', 'other', modelBytes('future-opset'), {}],
    ['a name that is none', 'no/name', good, {}],
    ['an alias that is none', 'other', good, { alias: 'a b' }],
    ['a tag that is none', 'other', good, { tags: [''] }],
    ['a provider that is none', 'other', good, { providers: ['abacus'] }],
    ['half a file for a model that is there', 'first', good.subarray(0, 40), {}],
  ]
  test.each(refused)('in the library: %s', async (_what, name, bytes, options) => {
    const files = filesOf(path)
    const models = engine.listModels()
    await expect(engine.addModel(name, bytes, options)).rejects.toMatchObject({ code: expect.any(String) as string })
    expect(engine.listModels()).toEqual(models)
    expect(filesOf(path)).toEqual(files)
  })

  test.each([
    ['bytes that are no model', 'other', '', Buffer.from('not a model')],
    ['external data that is not there', 'other', '', modelBytes('missing-external-data')],
    ['a name that is none', 'no%2Fname', '', good],
    ['an alias that is none', 'other', '?alias=a%20b', good],
    ['a parameter that is none', 'other', '?alais=champion', good],
  ])('over HTTP: %s', async (_what, name, query, body) => {
    const files = filesOf(path)
    const url = `${server.url}/v1/models/${name}/versions${query}`
    const headers = { 'content-type': 'application/octet-stream' }
    const answer = await fetch(url, { method: 'POST', headers, body })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(filesOf(path)).toEqual(files)
  })

  test('with an alias that a serving pipeline cannot follow: no version, no blob, the alias where it was', async () => {
    const blobs = (): string[] => Object.keys(filesOf(join(path, 'blobs')))
    const before = { blobs: blobs(), models: engine.listModels() }
    const other = modelBytes('add-one-more-features')
    const adding = engine.addModel('first', other, { alias: 'champion' })
    await expect(adding).rejects.toMatchObject({ code: 'ERR_PIPELINE_INVALID' })
    expect({ blobs: blobs(), models: engine.listModels() }).toEqual(before)
    // What was there before stays, also where the bytes are those of the newest version.
    const newest = await engine.addModel('first', other)
    await expect(engine.addModel('first', other, { alias: 'champion' })).rejects.toMatchObject({
      code: 'ERR_PIPELINE_INVALID',
    })
    expect(engine.getModel('first').versions.map(({ version }) => version)).toEqual([1, newest.version])
    expect(engine.getModel('first').aliases).toEqual({ champion: 1 })
  })
})

test('a loaded model that fails is logged once, with its stack, however many requests and by whichever dialect', async () => {
  const lines: { facts: Record<string, unknown>; message: string }[] = []
  const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  const logger = {
    error: (facts: Record<string, unknown>, message: string) => lines.push({ facts, message }),
    warn: () => undefined,
    info: () => undefined,
  }
  let server: PenstockServer | undefined
  try {
    await engine.addModel('table', modelBytes('gather-ten'))
    await engine.applyPipeline({ name: 'table', steps: [{ type: 'model', model: 'table' }] }, { deploy: true })
    server = await PenstockServer.start({ engine, port: 0, logger: logger as never })
    const post = async (path: string, body: unknown): Promise<number> => {
      const headers = { 'content-type': 'application/json' }
      const init = { method: 'POST', headers, body: JSON.stringify(body) }
      return (await fetch(`${server?.url}${path}`, init)).status
    }
    const inputs = [{ name: 'index', datatype: 'INT64', shape: [1, 1], data: [77] }]
    const ways: [string, unknown][] = [
      ['/v1/pipelines/table/infer', { index: [[77]] }],
      ['/v2/models/table/infer', { inputs }],
    ]
    for (const [path, body] of ways) {
      for (let i = 0; i < 20; i++) expect(await post(path, body)).toBe(500)
      const own = lines.filter(({ facts }) => facts['path'] === path)
      expect(own).toHaveLength(1)
      expect(own[0]).toMatchObject({ message: 'request failed', facts: { code: 'ERR_RUN_FAILED' } })
      expect(String(own[0]?.facts['err'])).toContain('out of')
    }
    expect(lines).toHaveLength(ways.length)
  } finally {
    await server?.close()
    await engine.close()
  }
})
