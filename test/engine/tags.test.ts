/** Tags, get by version, models of a version, and deploys that nobody waits for: the engine's own calls. */
import { describe, expect, test } from 'vitest'
import { pipeline } from 'penstock'
import { deploy, openEngine, refusal, testModel, until } from '../support/engine-harness.js'

describe('engine: tags', () => {
  test('are added and removed on pipelines and versions of models, listed and searched by', async () => {
    const engine = await openEngine(['add-one', 'constant-v1'])
    await engine.addModel('add-one', testModel('times-two'), { tags: ['keras'] })
    await deploy(engine, 'plus', [{ type: 'model', model: 'add-one@1' }])
    await deploy(engine, 'other', [{ type: 'model', model: 'constant-v1' }])
    expect((await engine.tags.addToPipeline('plus', ['Team A', 'wine'])).tags).toEqual(['Team A', 'wine'])
    expect((await engine.tags.addToPipeline('plus', ['wine', 'x'])).tags).toEqual(['Team A', 'wine', 'x'])
    expect((await engine.tags.removeFromPipeline('plus', ['x'])).tags).toEqual(['Team A', 'wine'])
    // The newest version, unless one is named.
    expect((await engine.tags.addToModel('add-one', ['wine'])).versions.map(({ tags }) => tags)).toEqual([
      [],
      ['keras', 'wine'],
    ])
    expect((await engine.tags.addToModel('add-one', ['old'], 1)).versions[0]?.tags).toEqual(['old'])
    expect(engine.tags.list()).toEqual([
      { tag: 'Team A', pipelines: ['plus'], models: [] },
      { tag: 'keras', pipelines: [], models: [{ name: 'add-one', version: 2 }] },
      { tag: 'old', pipelines: [], models: [{ name: 'add-one', version: 1 }] },
      { tag: 'wine', pipelines: ['plus'], models: [{ name: 'add-one', version: 2 }] },
    ])
    expect(engine.tags.searchPipelines('team').map(({ name }) => name)).toEqual(['plus'])
    expect(engine.tags.searchPipelines('OTH').map(({ name }) => name)).toEqual(['other'])
    expect(engine.tags.searchPipelines('absent')).toEqual([])
    const found = (term: string) => engine.tags.searchModels(term).map(({ name, versions }) => [name, versions.length])
    expect(found('wine')).toEqual([['add-one', 1]])
    expect(found('add')).toEqual([['add-one', 2]])
    await engine.tags.removeFromModel('add-one', ['old'], 1)
    expect(found('old')).toEqual([])
  })

  test('of several callers at once are all kept', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'plus', [{ type: 'model', model: 'add-one' }])
    const tags = Array.from({ length: 20 }, (_, index) => `tag-${index}`)
    await Promise.all(tags.map((tag) => engine.tags.addToPipeline('plus', [tag])))
    expect(new Set(engine.getPipeline('plus').tags)).toEqual(new Set(tags))
  })

  test('that are none, not there or too many are refused, and change nothing', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'plus', [{ type: 'model', model: 'add-one' }])
    const many = Array.from({ length: 65 }, (_, index) => `tag-${index}`)
    for (const [promise, code, words] of [
      [engine.tags.addToPipeline('absent', ['x']), 'ERR_PIPELINE_NOT_FOUND', /no pipeline absent/],
      [engine.tags.addToModel('absent', ['x']), 'ERR_MODEL_NOT_FOUND', /no model absent/],
      [engine.tags.addToModel('add-one', ['x'], 2), 'ERR_MODEL_NOT_FOUND', /no version 2/],
      [engine.tags.addToPipeline('plus', ['']), 'ERR_ARGUMENT', /tags\[0\] to be printable text/],
      [engine.tags.addToPipeline('plus', many), 'ERR_ARGUMENT', /at most 64 texts/],
      [engine.tags.removeFromPipeline('plus', ['x']), 'ERR_ARGUMENT', /each tag.*there is none/],
    ] as const) {
      const error = await refusal(promise)
      expect(error.code, error.message).toBe(code)
      expect(error.message).toMatch(words)
    }
    expect(engine.getPipeline('plus').tags).toEqual([])
    expect(() => engine.tags.searchModels(' ')).toThrow(/search/)
  })
})

describe('engine: versions', () => {
  test('a version is fetched by number, loaded into a builder, changed and deployed', async () => {
    const engine = await openEngine(['add-one', 'times-two'])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    await deploy(engine, 'p', [{ type: 'model', model: 'times-two' }])
    const { definition } = engine.getPipelineVersion('p', 1)
    expect(definition.steps).toEqual([{ type: 'model', model: 'add-one' }])
    const changed = pipeline('p', engine).load(definition).check({ name: 'low', flag: 'out.y[0] < 0' })
    expect((await changed.deploy()).version).toBe(3)
    expect(engine.getPipelineVersion('p', 3).definition.steps).toHaveLength(2)
    expect(() => engine.getPipelineVersion('p', 9)).toThrow('Pipeline p has no version 9; it has 1, 2, 3')
    expect(() => engine.getPipelineVersion('q', 1)).toThrow(/There is no pipeline q/)
  })

  test('its models are those that it serves with, or those that its references mean now', async () => {
    const engine = await openEngine(['add-one', 'constant-v1'])
    await deploy(engine, 'p', [
      { type: 'model', model: 'add-one', tensorFields: ['x'] },
      { type: 'key-split', default: 'constant-v1@1', key: 'k', options: { b: 'constant-v1' } },
    ])
    await engine.addModel('constant-v1', testModel('constant-v2'))
    const shown = (version?: number) =>
      engine.pipelineModels('p', version).map(({ step, reference, model, tensorFields }) => ({
        step,
        reference,
        version: model?.version,
        tensorFields,
      }))
    const expected = [
      { step: 0, reference: 'add-one', version: 1, tensorFields: ['x'] },
      { step: 1, reference: 'constant-v1@1', version: 1, tensorFields: undefined },
      { step: 1, reference: 'constant-v1', version: 1, tensorFields: undefined },
    ]
    expect(shown()).toEqual(expected)
    await engine.undeployPipeline('p')
    expect(shown(1)[2]?.version).toBe(2)
    await engine.removeModel('add-one')
    expect(engine.pipelineModels('p')[0]?.model).toBeNull()
  })
})

describe('engine: beginDeploy', () => {
  test('does not wait; the status says that it starts, then that it runs', async () => {
    const engine = await openEngine(['add-one'])
    await engine.applyPipeline({ name: 'p', steps: [{ type: 'model', model: 'add-one' }] })
    expect(engine.pipelineStatus('p').state).toBe('undeployed')
    engine.beginDeploy('p')
    expect(engine.pipelineStatus('p').state).toBe('starting')
    await until('it runs', () => engine.pipelineStatus('p').state === 'running')
    expect(engine.pipelineStatus('p')).toMatchObject({ deployed: true, version: 1, failure: null })
    await engine.undeployPipeline('p')
    expect(engine.pipelineStatus('p').state).toBe('undeployed')
  })

  test('that fails is reported by the status, and what serves goes on', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    await engine.applyPipeline({ name: 'p', steps: [{ type: 'model', model: 'absent' }] })
    engine.beginDeploy('p')
    await until('it failed', () => engine.pipelineStatus('p').failure !== null)
    expect(engine.pipelineStatus('p')).toMatchObject({
      state: 'running',
      version: 1,
      failure: { version: 2, code: 'ERR_MODEL_NOT_FOUND', message: 'There is no model absent' },
    })
    await engine.undeployPipeline('p')
    engine.beginDeploy('p', 2)
    await until('it failed', () => engine.pipelineStatus('p').state === 'error')
    await engine.deployPipeline('p', 1)
    expect(engine.pipelineStatus('p')).toMatchObject({ state: 'running', failure: null })
    expect(() => engine.beginDeploy('p', 9)).toThrow(/has no version 9/)
  })
})
