/** What loading does without room, and after failures; the rest goes over HTTP in test/invocations. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SAGEMAKER_MODELS_MAX } from '../../../../base/limits/limits.js'
import { SageMakerModels, type ModelsEngine } from './models.js'
import { sageMakerRoutes } from './routes.js'

const root = mkdtempSync(join(tmpdir(), 'penstock-models-'))
const url = join(root, 'model.onnx')
writeFileSync(url, Buffer.alloc(1000))
afterAll(() => rmSync(root, { recursive: true }))

function open(availableBytes: () => number, more: Partial<ModelsEngine> = {}) {
  const calls: string[] = []
  const note = (call: string): Promise<void> => Promise.resolve(void calls.push(call))
  const engine = {
    addModel: (name: string) => note(`add ${name}`).then(() => ({ version: 1 })),
    serveModel: (name: string) => note(`serve ${name}`),
    retireModel: (name: string) => note(`retire ${name}`),
    removeModel: (name: string) => note(`remove ${name}`),
    freeModelMemory: () => Promise.resolve(0),
    ...more,
  } as unknown as ModelsEngine
  return { models: new SageMakerModels({ engine, root, availableBytes }), calls }
}

const load = sageMakerRoutes.find(({ method, path }) => method === 'POST' && path === '/models')

describe('models of an endpoint', () => {
  it('without memory nothing is read, and the service hears 507', async () => {
    let available = 1999
    const { models, calls } = open(() => available)
    const refusal: unknown = await models.load('a', url).catch((error: unknown) => error)
    expect(refusal).toMatchObject({
      code: 'ERR_MODEL_MEMORY',
      message: expect.stringMatching(/2000 bytes of memory.*there are 1999/) as string,
    })
    expect(load?.failureStatus?.(refusal as never)).toBe(507)
    expect(calls).toEqual([])
    available = 2000
    await expect(models.load('a', url)).resolves.toEqual({ modelName: 'a', modelUrl: url })
  })

  it('where memory is short the engine unloads what nobody asks, and only then the service hears 507', async () => {
    let available = 100
    const asked: number[] = []
    const freeModelMemory = (bytes: number): Promise<number> => {
      asked.push(bytes)
      // Memory goes back to the system some time later.
      setTimeout(() => (available += 1900), 30)
      return Promise.resolve(bytes)
    }
    const { models } = open(() => available, { freeModelMemory })
    await expect(models.load('a', url)).resolves.toBeDefined()
    available = -5000
    await expect(models.load('b', url)).rejects.toMatchObject({ code: 'ERR_MODEL_MEMORY' })
    expect(asked).toEqual([1900, 7000])
  })

  it('so many models are loaded and no more, until one is unloaded', async () => {
    const { models } = open(() => Infinity)
    for (let index = 0; index < SAGEMAKER_MODELS_MAX; index++) await models.load(`m${index}`, url)
    await expect(models.load('more', url)).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' })
    await models.unload('m7')
    await expect(models.load('more', url)).resolves.toBeDefined()
  })

  it('more than a page of models is listed in pages, by name', async () => {
    const { models } = open(() => Infinity)
    const names = Array.from({ length: 201 }, (_, index) => `m-${String(index).padStart(3, '0')}`)
    for (const name of [...names].reverse()) await models.load(name, url)
    const listed: string[] = []
    let token: string | null = null
    for (const length of [100, 100, 1]) {
      const page: ReturnType<SageMakerModels['list']> = models.list(token)
      expect(page.models).toHaveLength(length)
      listed.push(...page.models.map(({ modelName }) => modelName))
      token = page.nextPageToken ?? null
    }
    expect([listed, token]).toEqual([names, null])
    // The place is a name, and that one may be gone.
    await models.unload('m-099')
    expect(models.list('m-099').models[0]).toEqual({ modelName: 'm-100', modelUrl: url })
    expect(models.list('z')).toEqual({ models: [] })
  })

  it('a model that is added and cannot be served leaves nothing', async () => {
    const fails = (): Promise<never> => Promise.reject(new Error('no worker'))
    const { models, calls } = open(() => Infinity, { serveModel: fails })
    await expect(models.load('a', url)).rejects.toThrow('no worker')
    expect(calls).toEqual(['add sagemaker-a', 'retire sagemaker-a', 'remove sagemaker-a'])
    expect(models.list(null)).toEqual({ models: [] })
    // Nor is its name taken.
    await expect(models.load('a', url)).rejects.toThrow('no worker')
  })

  it('a failure that has nothing to do with room keeps its status', () => {
    expect(load?.failureStatus?.({ code: 'ERR_CONFLICT', httpStatus: 409 } as never)).toBe(409)
    expect(load?.failureStatus?.({ code: 'ERR_STORAGE', httpStatus: 500 } as never)).toBe(507)
  })
})
