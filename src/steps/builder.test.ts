import { describe, expect, it } from 'vitest'
import type { PipelineDefinition } from '../pipeline/definition.js'
import { pipeline } from './index.js'

const refusal = (message: RegExp, code = 'ERR_PIPELINE_INVALID') =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('pipeline', () => {
  it('writes each kind of step', () => {
    const definition = pipeline('p')
      .multiModel(['a@1', 'b'], { tensorFields: ['x'] })
      .audit('1:')
      .select(0)
      .keySplit({ default: 'a', key: 'region', options: { eu: 'b' } })
      .randomSplit(
        [
          { weight: 2, model: 'a' },
          { weight: 1, model: 'b' },
        ],
        { hashKey: 'session', seed: '1' },
      )
      .shadow('a@champion', ['b'])
      .model('c')
      .check({ name: 'high', flag: 'out.y[0] > 1' })
      .check({ name: 'low', require: 'out.y[0] > 0' })
      .definition()
    expect(definition.name).toBe('p')
    expect(definition.steps).toEqual([
      { type: 'multi-model', models: ['a@1', 'b'], tensorFields: ['x'] },
      { type: 'audit', slice: '1:' },
      { type: 'select', index: 0 },
      { type: 'key-split', default: 'a', key: 'region', options: { eu: 'b' } },
      {
        type: 'random-split',
        options: [
          { weight: 2, model: 'a' },
          { weight: 1, model: 'b' },
        ],
        hashKey: 'session',
        seed: '1',
      },
      { type: 'multi-model', models: ['a@champion', 'b'] },
      { type: 'audit', slice: '1:' },
      { type: 'select', index: 0 },
      { type: 'model', model: 'c' },
      { type: 'check', name: 'high', flag: 'out.y[0] > 1' },
      { type: 'check', name: 'low', require: 'out.y[0] > 0' },
    ])
  })

  it('writes and replaces steps that another server answers', () => {
    const oip = { kind: 'oip', url: 'http://h:8000', model: 'm' } as const
    const { steps } = pipeline('p').remote(oip).definition()
    expect(steps).toEqual([{ type: 'remote', ...oip }])
    const replaced = pipeline('p')
      .model('a')
      .replaceWithRemote(0, { ...oip, keep: true })
    expect(replaced.steps()).toEqual([{ type: 'remote', ...oip, keep: true }])
    expect(() => pipeline('p').remote({ ...oip, url: 'h:8000' })).toThrow(/url to be an address/)
  })

  it('replaces any step by any kind, in place', () => {
    const start = () => pipeline('p').multiModel(['a', 'b']).select(0)
    expect(start().replaceWithModel(0, 'c').steps()).toEqual([
      { type: 'model', model: 'c' },
      { type: 'select', index: 0 },
    ])
    expect(start().replaceWithMultiModel(0, ['c', 'd']).steps()[0]).toEqual({ type: 'multi-model', models: ['c', 'd'] })
    expect(start().replaceWithAudit(1, ':1').steps()[1]).toEqual({ type: 'audit', slice: ':1' })
    expect(start().replaceWithSelect(1, 1).steps()[1]).toEqual({ type: 'select', index: 1 })
    expect(
      start()
        .replaceWithKeySplit(0, { default: 'a', key: 'k', options: { x: 'b' } })
        .steps()[0]?.type,
    ).toBe('key-split')
    expect(
      start()
        .replaceWithRandomSplit(0, [{ weight: 1, model: 'a' }], { hashKey: 'h' })
        .steps()[0],
    ).toMatchObject({ hashKey: 'h' })
    expect(start().replaceWithCheck(1, { name: 'c', flag: 'out.x' }).steps()[1]?.type).toBe('check')
    const shadowed = pipeline('p').model('a').replaceWithShadow(0, 'a', ['b']).steps()
    expect(shadowed.map(({ type }) => type)).toEqual(['multi-model', 'audit', 'select'])
  })

  it('inserts, removes and clears', () => {
    const builder = pipeline('p')
      .model('a')
      .insert(0, { type: 'model', model: 'first' })
      .insert(2, { type: 'model', model: 'last' })
    expect(builder.modelConfigs()).toEqual([{ model: 'first' }, { model: 'a' }, { model: 'last' }])
    expect(builder.removeStep(1).modelConfigs()).toEqual([{ model: 'first' }, { model: 'last' }])
    expect(builder.clear().steps()).toEqual([])
    expect(() => builder.definition()).toThrow(refusal(/at least one step that runs a model/))
  })

  it('lists the models of splits with the names under which their inputs are bound', () => {
    const builder = pipeline('p').keySplit({ default: 'a', key: 'k', options: { x: 'b' }, tensorFields: ['t'] })
    expect(builder.modelConfigs()).toEqual([
      { model: 'a', tensorFields: ['t'] },
      { model: 'b', tensorFields: ['t'] },
    ])
  })

  it('refuses at once what is knowable at once', () => {
    const builder = pipeline('p').model('a')
    expect(() => builder.select(1)).toThrow(refusal(/steps\[1\]\.index to be within the 1 current outputs/))
    expect(() => builder.audit('1:')).toThrow(refusal(/steps\[1\]\.slice/))
    expect(() => builder.model('no model')).toThrow(refusal(/steps\[1\]\.model/))
    expect(() => builder.check({ name: 'c' })).toThrow(refusal(/neither/))
    expect(() => builder.removeStep(1)).toThrow(refusal(/index to be an integer in 0\.\.0 but received 1/))
    expect(() => builder.replaceWithModel(-1, 'b')).toThrow(refusal(/0\.\.0/))
    expect(() => builder.insert(2, { type: 'model', model: 'b' })).toThrow(refusal(/0\.\.1/))
    expect(() => pipeline('p').removeStep(0)).toThrow(refusal(/there is none/))
    expect(() => pipeline('p_1')).toThrow(refusal(/pipeline name/, 'ERR_ARGUMENT'))
    expect(builder.steps(), 'a refused call changes nothing').toEqual([{ type: 'model', model: 'a' }])
  })

  it('lets a change pass through a state that would not deploy', () => {
    const builder = pipeline('p').shadow('a', ['b']).replaceWithModel(0, 'c')
    expect(() => builder.definition()).toThrow(refusal(/steps\[1\]\.slice/))
    expect(builder.model('d').removeStep(1).removeStep(1).definition().steps).toEqual([
      { type: 'model', model: 'c' },
      { type: 'model', model: 'd' },
    ])
  })

  it('hands out copies: what a caller does to a list does not reach the builder', () => {
    const builder = pipeline('p').model('a')
    builder.steps().pop()
    expect(builder.steps()).toHaveLength(1)
    const other = pipeline('q').load(builder.definition()).model('b')
    expect([builder.steps().length, other.steps().length, other.definition().name]).toEqual([1, 2, 'q'])
  })

  it('deploys by whoever was passed in, and answers what that answers', async () => {
    const seen: [PipelineDefinition, unknown][] = []
    const deployer = {
      applyPipeline: async (definition: PipelineDefinition, options: { deploy: true }) => {
        seen.push([definition, options])
        return 42
      },
    }
    const answer: number = await pipeline('p', deployer).model('a').deploy()
    expect(answer).toBe(42)
    expect(seen).toEqual([[{ name: 'p', steps: [{ type: 'model', model: 'a' }] }, { deploy: true }]])
    await expect(pipeline('p', deployer).deploy()).rejects.toThrow(refusal(/at least one step/))
    await expect(pipeline('p').model('a').deploy()).rejects.toThrow(refusal(/deployer/, 'ERR_ARGUMENT'))
  })
})
