/**
 * Every call with what it does not expect: a PenstockError with words, nothing changed, the engine goes on.
 */
import { Engine, isPenstockError, type EngineOptions } from 'penstock'
import { describe, expect, test } from 'vitest'
import { deploy, floats, openEngine, refusal, testModel } from '../support/engine-harness.js'

const nonsense: readonly unknown[] = [undefined, null, -7, 'no name!', [], Symbol('s'), () => 1, new Date(0), NaN]

describe('misuse', () => {
  test('of every method with every kind of nonsense', async () => {
    const engine = await openEngine(['add-one'])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    const x = { x: [[1, 2, 3]] }
    for (const value of nonsense) {
      const any = value as never
      const calls: Record<string, () => Promise<unknown>> = {
        'infer: pipeline': () => engine.infer(any, { inputs: x }),
        'infer: request': () => engine.infer('p', any),
        'infer: inputs': () => engine.infer('p', { inputs: any }),
        'infer: deadlineMs': () => engine.infer('p', { inputs: x, deadlineMs: any }),
        'infer: priority': () => engine.infer('p', { inputs: x, priority: any }),
        'addModel: name': () => engine.addModel(any, testModel('add-one')),
        'addModel: bytes': () => engine.addModel('m', any),
        'setAlias: name': () => engine.setAlias(any, 'champion', 1),
        'setAlias: version': () => engine.setAlias('add-one', 'champion', any),
        removeAlias: () => engine.removeAlias('add-one', any),
        removeModel: () => engine.removeModel(any),
        removeModelVersion: () => engine.removeModelVersion('add-one', any),
        applyPipeline: () => engine.applyPipeline(any),
        'applyPipeline: steps': () => engine.applyPipeline({ name: 'q', steps: any }, { deploy: true }),
        'deployPipeline: name': () => engine.deployPipeline(any),
        undeployPipeline: () => engine.undeployPipeline(any),
        removePipeline: () => engine.removePipeline(any),
      }
      for (const [name, call] of Object.entries(calls)) {
        const isAllowed = value === undefined && (name.endsWith('deadlineMs') || name.endsWith('priority'))
        const outcome = await Promise.resolve()
          .then(call)
          .then(
            () => null,
            (error: unknown) => error,
          )
        if (isAllowed) expect(outcome, name).toBeNull()
        else expect(isPenstockError(outcome), `${name} of ${String(value)}: ${String(outcome)}`).toBe(true)
      }
    }
    expect(engine.inFlight).toBe(0)
    expect(engine.listModels()).toHaveLength(1)
    expect(floats(await engine.infer('p', { inputs: x }), 'y')).toEqual([2, 3, 4])
  })

  test.each([
    ['an option that is none', { inferWorker: 1 }],
    ['an option out of range', { batchRowsMax: 65_537 }],
    ['a provider that is none', { executionProviders: ['gpu'] }],
    ['no options object', 7],
  ])('of open: %s', async (_what, options) => {
    expect((await refusal(Engine.open(options as EngineOptions))).message).toMatch(/^Expected /)
  })
})
