/** PenstockControl against a real server: every call of it, its errors, and that it answers what the engine itself does. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PenstockControl, pipeline } from 'penstock'
import { codeOf, Stage, testModel } from '../support/client-harness.js'

let stage: Stage
let control: PenstockControl
beforeAll(async () => {
  stage = await Stage.open({ plus: 'add-one', text: 'upper-string', whole: 'sum-rows' })
  control = new PenstockControl(stage.url)
})
afterAll(() => stage.close())

/** As JSON has it: without absent members and prototypes. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('control: answers what the engine answers', () => {
  test('control: models and pipelines, one and all', async () => {
    const { engine } = stage
    expect(plain(await control.listModels())).toEqual(plain(engine.listModels()))
    expect(plain(await control.getModel('add-one'))).toEqual(plain(engine.getModel('add-one')))
    expect(await control.listPipelines()).toEqual(plain(engine.listPipelines()))
    expect(await control.getPipeline('plus')).toEqual(plain(engine.getPipeline('plus')))
    expect(await control.getPipelineVersion('plus', 1)).toEqual(plain(engine.getPipelineVersion('plus', 1)))
    expect(plain(await control.pipelineModels('plus'))).toEqual(plain(engine.pipelineModels('plus')))
    for (const name of ['plus', 'text', 'whole'])
      expect(await control.describePipeline(name)).toEqual(plain(engine.describePipeline(name)))
    expect(await control.pipelineStatus('plus')).toEqual(plain(engine.pipelineStatus('plus')))
  })

  test('control: tags', async () => {
    const { engine } = stage
    expect((await control.tags.addToPipeline('plus', ['a/b', 'ä ö'])).tags).toEqual(['a/b', 'ä ö'])
    expect((await control.tags.addToModel('add-one', ['m'])).versions[0]?.tags).toEqual(['m'])
    expect(await control.tags.list()).toEqual(engine.tags.list())
    expect(plain(await control.tags.searchPipelines('A/B'))).toEqual(plain(engine.tags.searchPipelines('A/B')))
    expect(plain(await control.tags.searchModels('m'))).toEqual(plain(engine.tags.searchModels('m')))
    expect((await control.tags.addToPipeline('plus', [])).tags).toEqual(['a/b', 'ä ö'])
    expect((await control.tags.removeFromPipeline('plus', ['a/b', 'ä ö'])).tags).toEqual([])
    expect((await control.tags.removeFromModel('add-one', ['m'], 1)).versions[0]?.tags).toEqual([])
  })
})

describe('control: changes', () => {
  test('control: from the upload of a model to its removal', async () => {
    const added = await control.addModel('twice', testModel('times-two'), { alias: 'champion', tags: ['t', 'u'] })
    expect(added).toMatchObject({ name: 'twice', version: 1, tags: ['t', 'u'] })
    await control.addModel('twice', testModel('add-one'))
    expect((await control.setAlias('twice', 'challenger', 2)).aliases).toEqual({ champion: 1, challenger: 2 })
    const builder = pipeline('twice', control).model('twice@champion')
    expect((await builder.deploy()).version).toBe(1)
    const answer = await stage.engine.infer('twice', { inputs: { x: [[1, 2, 3]] } })
    expect(Array.from(answer.outputs['y']?.data as Float32Array)).toEqual([2, 4, 6])

    const stored = await control.getPipelineVersion('twice', 1)
    const changed = pipeline('twice', control).load(stored.definition).replaceWithModel(0, 'twice@challenger')
    expect(await control.applyPipeline(changed.definition())).toMatchObject({
      version: 2,
      definition: changed.definition(),
    })
    expect((await control.pipelineStatus('twice')).version).toBe(1)
    expect((await control.deployPipeline('twice')).models).toMatchObject([{ name: 'twice', version: 2 }])
    await control.deployPipeline('twice', 1)
    await control.beginDeploy('twice', 2)
    await expect.poll(async () => (await control.pipelineStatus('twice')).version).toBe(2)

    expect(await codeOf(control.removePipeline('twice'))).toBe('ERR_CONFLICT')
    await control.undeployPipeline('twice')
    await control.removePipeline('twice')
    expect((await control.removeAlias('twice', 'champion')).aliases).toEqual({ challenger: 2 })
    expect((await control.removeModelVersion('twice', 1)).versions).toHaveLength(1)
    await control.removeModel('twice')
    expect(await codeOf(control.getModel('twice'))).toBe('ERR_MODEL_NOT_FOUND')
  })

  test('control: uploads a model while it is read, under a name with underscores, with a mode that is journalled', async () => {
    const bytes = testModel('add-one')
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 10)
      yield bytes.subarray(10)
    }
    const stream = { sizeBytes: bytes.length, chunks: chunks() }
    const { version, signature } = await control.addModel('add_one', stream, { batching: 'rows' })
    expect([version, signature.batchingProof?.override?.operator]).toEqual([1, expect.any(String)])
    expect((await control.tags.addToModel('add_one', ['t'])).versions[0]?.tags).toEqual(['t'])
    expect(await codeOf(control.addModel('add_one', stream, { externalData: { w: bytes } }))).toBe('ERR_ARGUMENT')
    await control.removeModel('add_one')
  })
})

describe('control: errors', () => {
  test('control: carry the code and the sentence of the server', async () => {
    await expect(control.getPipelineVersion('plus', 7)).rejects.toMatchObject({
      name: 'PenstockError',
      code: 'ERR_PIPELINE_NOT_FOUND',
      message: 'Pipeline plus has no version 7; it has 1',
    })
    expect(await codeOf(control.deployPipeline('absent'))).toBe('ERR_PIPELINE_NOT_FOUND')
    expect(await codeOf(control.addModel('bad', new Uint8Array([1, 2, 3])))).toBe('ERR_MODEL_INVALID')
    expect(await codeOf(control.getModel('a/b'))).toBe('ERR_ARGUMENT')
    expect(await codeOf(control.tags.removeFromPipeline('plus', ['x']))).toBe('ERR_ARGUMENT')
  })

  test('control: refuses what is no address, key or option, and never shows a key', () => {
    for (const make of [
      () => new PenstockControl('127.0.0.1:8080'),
      () => new PenstockControl('ws://127.0.0.1'),
      () => new PenstockControl('http://x', { timeoutMs: 0 }),
      () => new PenstockControl('http://x', { apikey: 'x' } as never),
    ])
      expect(make).toThrow(/^Expected/)
    expect(() => new PenstockControl('http://x', { apiKey: 'secret key' })).toThrow(/received "10 characters"/)
  })

  test('control: says that a server is not there, too slow, or none of ours', async () => {
    expect(await codeOf(new PenstockControl('http://127.0.0.1:9').listModels())).toBe('ERR_CONNECTION_LOST')
    const odd = createServer((request, response) => {
      if (request.url?.startsWith('/v1/models') === true) return
      response.statusCode = 502
      response.end(request.url === '/v1/tags' ? '{"error":"from the future","code":"ERR_NOVEL"}' : '<html>')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => odd.once('listening', resolve))
    const url = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`
    const other = new PenstockControl(url, { timeoutMs: 100 })
    await expect(other.listPipelines()).rejects.toMatchObject({ code: 'ERR_INTERNAL', message: /answered 502/ })
    await expect(other.tags.list()).rejects.toMatchObject({ message: 'from the future (ERR_NOVEL)' })
    expect(await codeOf(other.listModels())).toBe('ERR_DEADLINE_EXCEEDED')
    odd.closeAllConnections()
    odd.close()
  })

  test('control: sends its key, and keeps the path of a proxy', async () => {
    const seen: [string, string][] = []
    const recording: typeof fetch = async (input, init) => {
      seen.push([new Request(input).url, new Headers(init?.headers).get('authorization') ?? ''])
      return new Response('{"models":[]}')
    }
    await new PenstockControl('https://host/penstock/', { apiKey: 'psk_x', fetch: recording }).listModels()
    expect(seen).toEqual([['https://host/penstock/v1/models', 'Bearer psk_x']])
  })
})
