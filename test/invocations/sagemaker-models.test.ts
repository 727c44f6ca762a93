/** The contract of multi-model endpoints over HTTP: load, list, ask, unload, and paths that lead elsewhere. */
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine, PenstockServer } from 'penstock'
import { testModelsPath } from '../support/goldens.js'

let folder = ''
let root = ''
let engine: Engine
let server: PenstockServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-sagemaker-'))
  root = join(folder, 'models')
  for (const name of ['plus', 'twice', 'none', 'broken', 'links', 'models-beside', 'outside'])
    await mkdir(join(name === 'outside' || name === 'models-beside' ? folder : root, name, 'model'), {
      recursive: true,
    })
  const model = (name: string): string => `${testModelsPath}${name}.onnx`
  await copyFile(model('add-one'), join(root, 'plus', 'model', 'model.onnx'))
  await copyFile(model('add-one'), join(root, 'twice', 'model', 'a.onnx'))
  await copyFile(model('add-one'), join(root, 'twice', 'model', 'b.onnx'))
  await copyFile(model('add-one'), join(folder, 'outside', 'model', 'model.onnx'))
  await copyFile(model('add-one'), join(folder, 'models-beside', 'model', 'model.onnx'))
  await symlink(join(folder, 'outside', 'model', 'model.onnx'), join(root, 'links', 'model', 'model.onnx'))
  await symlink(join(folder, 'outside'), join(root, 'way-out'))
  await writeFile(join(root, 'broken', 'model', 'model.onnx'), 'no model')
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  server = await PenstockServer.start({ engine, port: 0, invocations: 'sagemaker', sageMakerModelsPath: root })
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await rm(folder, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly text: string
  readonly json: unknown
}

async function call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
  const sent =
    body === undefined
      ? {}
      : { headers: { 'content-type': type }, body: typeof body === 'string' ? body : JSON.stringify(body) }
  const response = await fetch(server.url + path, { method, ...sent })
  const text = await response.text()
  return { status: response.status, text, json: text.startsWith('{') ? JSON.parse(text) : null }
}
const load = (name: string, url: string): Promise<Answer> => call('POST', '/models', { model_name: name, url })
const plusUrl = (): string => join(root, 'plus', 'model')

describe('SageMaker: many models', () => {
  it('answers ping before anything is loaded, and lists nothing', async () => {
    expect((await call('GET', '/ping')).status).toBe(200)
    expect((await call('GET', '/models')).json).toEqual({ models: [] })
  })

  it('a model is loaded once, asked, listed, unloaded and loaded again', async () => {
    const one = { modelName: 'plus', modelUrl: plusUrl() }
    expect(await load('plus', plusUrl())).toMatchObject({ status: 200, json: one })
    expect(await load('plus', plusUrl())).toMatchObject({ status: 409, json: { code: 'ERR_CONFLICT' } })
    expect((await call('GET', '/models')).json).toEqual({ models: [one] })
    expect((await call('GET', '/models/plus')).json).toEqual(one)
    expect((await call('GET', '/models?next_page_token=plus')).json).toEqual({ models: [] })
    expect((await call('GET', '/models?page=2')).status).toBe(400)
    const asked = await call('POST', '/models/plus/invoke', '1,2,3\n', 'text/csv')
    expect([asked.status, asked.text]).toEqual([200, '2,3,4\n'])
    expect(engine.listModels().map(({ name }) => name)).toEqual(['sagemaker-plus'])
    expect((await call('DELETE', '/models/plus')).status).toBe(200)
    expect(engine.listModels()).toEqual([])
    for (const [method, path, body] of [
      ['DELETE', '/models/plus', undefined],
      ['GET', '/models/plus', undefined],
      ['POST', '/models/plus/invoke', [[1, 2, 3]]],
    ] as const)
      expect(await call(method, path, body)).toMatchObject({ status: 404, json: { code: 'ERR_MODEL_NOT_FOUND' } })
    expect((await load('plus', plusUrl())).status).toBe(200)
    expect((await call('DELETE', '/models/plus')).status).toBe(200)
  })

  it('names are opaque, and two at the same time are one load', async () => {
    const name = 'a/b.tar.gz \u00e9'
    const path = `/models/${encodeURIComponent(name)}`
    const statuses = (await Promise.all([load(name, plusUrl()), load(name, plusUrl())])).map(({ status }) => status)
    expect(statuses.sort()).toEqual([200, 409])
    expect((await call('POST', `${path}/invoke`, [[1, 2, 3]])).text).toBe('[[2,3,4]]')
    expect((await call('DELETE', path)).status).toBe(200)
  })

  it('the file itself may be named, and a pipeline that uses the model keeps it', async () => {
    expect((await load('kept', join(plusUrl(), 'model.onnx'))).status).toBe(200)
    const steps = [{ type: 'model', model: 'sagemaker-kept' }] as const
    await engine.applyPipeline({ name: 'mine', steps }, { deploy: true })
    expect((await call('DELETE', '/models/kept')).status).toBe(200)
    expect((await call('POST', '/invocations', [[1, 2, 3]])).text).toBe('[[2,3,4]]')
    await engine.undeployPipeline('mine')
    await engine.removePipeline('mine')
    await engine.removeModel('sagemaker-kept')
  })

  it.each([
    ['a directory outside', () => join(folder, 'outside', 'model'), 400, /below/],
    ['one that begins alike', () => join(folder, 'models-beside', 'model'), 400, /below/],
    ['dots that lead out', () => `${root}/plus/../../outside/model`, 400, /below/],
    ['a link that leads out', () => join(root, 'way-out', 'model'), 400, /below/],
    ['a model that is a link', () => join(root, 'links', 'model'), 400, /below/],
    ['the directory itself', () => root, 400, /below/],
    ['nothing', () => join(root, 'nowhere'), 400, /below/],
    ['a relative path', () => 'plus/model', 400, /below/],
    ['an address', () => 's3://bucket/model', 400, /below/],
    ['a file of the system', () => '/etc/passwd', 400, /below/],
    ['a zero byte', () => `${root}/plus\u0000`, 400, /below/],
    ['two models', () => join(root, 'twice', 'model'), 400, /one \.onnx file but it holds a\.onnx, b\.onnx/],
    ['no model', () => join(root, 'none', 'model'), 400, /holds none/],
    ['what is no model', () => join(root, 'broken', 'model'), 400, /ERR_MODEL_INVALID/],
  ])('%s is not loaded', async (_, url, status, says) => {
    const refused = await load('bad', url())
    expect([refused.status, refused.text]).toEqual([status, expect.stringMatching(says)])
    expect((await call('GET', '/models')).json).toEqual({ models: [] })
    expect(engine.listModels()).toEqual([])
  })

  it.each([
    ['no name', { url: '/x' }, /model_name/],
    ['an empty name', { model_name: '', url: '/x' }, /1\.\.1024 characters/],
    ['a long name', { model_name: 'a'.repeat(1025), url: '/x' }, /1\.\.1024 characters/],
    ['no url', { model_name: 'a' }, /url/],
    ['another member', { model_name: 'a', url: '/x', alias: 'b' }, /alias/],
    ['a list', [], /the body/],
    ['no JSON', 'x', /ERR_BODY/],
  ])('a load with %s is refused by name', async (_, body, says) => {
    const refused = await call('POST', '/models', body)
    expect([refused.status, refused.text]).toEqual([400, expect.stringMatching(says)])
  })
})
