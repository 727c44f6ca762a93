/**
 * The tutorials' way through a pipeline, from outside the process: every add…, replaceWith… and remove of the builder is
 * deployed to a running server by PenstockControl and asked for an answer.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PenstockControl, pipeline, type PipelineBuilder, type PipelineVersion } from 'penstock'
import { Stage } from '../support/client-harness.js'

let stage: Stage
let control: PenstockControl
beforeAll(async () => {
  stage = await Stage.open({}, ['constant-v1', 'constant-v2', 'add-one', 'times-two'])
  control = new PenstockControl(stage.url)
})
afterAll(() => stage.close())

const one = 'constant-v1'
const two = 'constant-v2'

/** Deploys, then gives the answer to x = 5 and its route. */
async function answerOf(builder: PipelineBuilder<PipelineVersion>, meta?: Record<string, string | number>) {
  await builder.deploy()
  const response = await fetch(`${stage.url}/v1/pipelines/${builder.name}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: { x: [[5, 5, 5]] }, ...(meta === undefined ? {} : { meta }) }),
  })
  const answer = (await response.json()) as {
    outputs: Record<string, number[][]>
    check_failures: { check: string }[]
    metadata: { route?: string[]; pipeline_version: number }
  }
  return {
    y: answer.outputs['y']?.[0]?.[0],
    outputs: Object.keys(answer.outputs),
    route: answer.metadata.route?.[0],
    failed: answer.check_failures.map(({ check }) => check),
    version: answer.metadata.pipeline_version,
  }
}

describe('wallaroo flow: from a program elsewhere', () => {
  test('models, several models, audit and select', async () => {
    const builder = pipeline('steps', control).model('add-one')
    expect(await answerOf(builder)).toMatchObject({ y: 6, version: 1 })
    expect(await answerOf(builder.model('times-two'))).toMatchObject({ y: 12, version: 2 })
    // Replaced while it serves: the next answer is the new model's.
    expect(await answerOf(builder.replaceWithModel(0, one))).toMatchObject({ y: 2, version: 3 })
    expect(await answerOf(builder.removeStep(1))).toMatchObject({ y: 1, version: 4 })
    const both = await answerOf(builder.replaceWithMultiModel(0, [one, two]))
    expect(both).toMatchObject({ y: 1, outputs: ['y', `${two}.y`] })
    expect((await answerOf(builder.audit('1:'))).outputs).toHaveLength(2)
    expect(await answerOf(builder.replaceWithAudit(1, ':1').select(1))).toMatchObject({ y: 2, outputs: ['y'] })
    expect(await answerOf(builder.replaceWithSelect(2, 0))).toMatchObject({ y: 1 })
    expect(builder.modelConfigs()).toEqual([{ model: one }, { model: two }])
    expect((await control.pipelineModels('steps')).map(({ reference }) => reference)).toEqual([one, two])
    expect((await control.getPipeline('steps')).versions.map(({ version }) => version)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ])
  })

  test('splits by key and at random, and back to a version before', async () => {
    const builder = pipeline('splits', control).keySplit({ default: one, key: 'region', options: { eu: two } })
    expect(await answerOf(builder, { region: 'eu' })).toMatchObject({ y: 2, route: two })
    expect(await answerOf(builder, { region: 'us' })).toMatchObject({ y: 1, route: one })
    const weighted = [
      { weight: 1, model: one },
      { weight: 1, model: two },
    ]
    builder.replaceWithRandomSplit(0, weighted, { hashKey: 'u' })
    expect(await answerOf(builder, { u: 0.4 })).toMatchObject({ y: 1, version: 2 })
    expect(await answerOf(builder, { u: 0.6 })).toMatchObject({ y: 2 })
    builder.clear().randomSplit(weighted, { seed: '7' })
    expect([one, two]).toContain((await answerOf(builder)).route)
    const { definition } = await control.getPipelineVersion('splits', 1)
    const earlier = pipeline('splits', control).load(definition)
    expect(await answerOf(earlier, { region: 'eu' })).toMatchObject({ y: 2, version: 4 })
    builder
      .clear()
      .model(one)
      .replaceWithKeySplit(0, { default: two, key: 'k', options: { a: one } })
    expect((await answerOf(builder)).route).toBe(two)
  })

  test('shadow and validations, status and undeploy', async () => {
    const builder = pipeline('watched', control).shadow(one, [two])
    expect(builder.steps().map(({ type }) => type)).toEqual(['multi-model', 'audit', 'select'])
    expect(await answerOf(builder)).toMatchObject({ y: 1, outputs: ['y'] })
    builder.check({ name: 'low', flag: 'out.y[0] < 2' })
    expect((await answerOf(builder)).failed).toEqual(['low'])
    builder.replaceWithCheck(3, { name: 'positive', require: 'out.y[0] > 0' })
    expect((await answerOf(builder)).failed).toEqual([])
    builder.clear().model(two).replaceWithShadow(0, two, [one])
    expect(await answerOf(builder)).toMatchObject({ y: 2 })
    await control.tags.addToPipeline('watched', ['shadow'])
    expect((await control.tags.searchPipelines('shad')).map(({ name }) => name)).toEqual(['watched'])
    expect(await control.pipelineStatus('watched')).toMatchObject({ state: 'running', version: 4, requestCount: 4 })
    await control.undeployPipeline('watched')
    expect((await control.pipelineStatus('watched')).state).toBe('undeployed')
    expect((await control.listPipelines()).map(({ name, deployedVersion }) => [name, deployedVersion])).toContainEqual([
      'watched',
      null,
    ])
  })
})
