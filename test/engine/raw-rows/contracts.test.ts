/** Contracts of a running engine: stored versions, the pipelines that name them, and what keeps both together. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Contract, type Engine, Home, type PipelineDefinition } from 'penstock'
import { describe, expect, test } from 'vitest'
import { openEngine, refusal, testModel } from '../../support/engine-harness.js'

const fields = ['a', 'b', 'c'].map((name) => ({ name, dtype: 'float32' as const }))
const contract: Contract = {
  name: 'three',
  fields: [...fields, { name: 'y', dtype: 'float32', shape: [3], role: 'prediction' }],
}
const steps = [{ type: 'model', model: 'add-one' }] as const
const named = (reference: string): PipelineDefinition => ({ name: 'p', contract: reference, steps })

/** `CODE: sentence`. */
async function refused(promise: Promise<unknown>): Promise<string> {
  const { code, message } = await refusal(promise)
  return `${code}: ${message}`
}

async function withEngine(use: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await openEngine(['add-one', 'sum-rows'])
  try {
    await use(engine)
  } finally {
    await engine.close()
  }
}

describe('contracts', () => {
  test('are checked, numbered and listed; an equal one is the version that is there', () =>
    withEngine(async ({ contracts }) => {
      expect(await contracts.put(contract)).toMatchObject({ version: 1 })
      expect(await contracts.put({ ...contract, extra: 'reject' })).toMatchObject({ version: 1 })
      expect(await contracts.put({ ...contract, extra: 'log' })).toMatchObject({ version: 2 })
      expect(contracts.list().map(({ name, versions }) => [name, versions.length])).toEqual([['three', 2]])
      expect(contracts.getVersion('three').contract.extra).toBe('log')
      expect(contracts.getVersion('three', 1).contract).toEqual(contract)
      expect(await refused(contracts.put({ name: 'bad', fields: [] }))).toMatch(/^ERR_CONTRACT_INVALID/)
      expect(() => contracts.get('thre')).toThrow('There is no contract thre. Did you mean three?')
      expect(() => contracts.getVersion('three', 3)).toThrow('Contract three has no version 3; it has 1, 2')
    }))

  test('a pipeline keeps the version that its contract had when it was stored', () =>
    withEngine(async (engine) => {
      await engine.contracts.put(contract)
      await engine.applyPipeline(named('three'), { deploy: true })
      await engine.contracts.put({ ...contract, extra: 'log' })
      expect(engine.getPipelineVersion('p', 1).definition.contract).toBe('three@1')
      // What the same text means now is another definition.
      expect((await engine.applyPipeline(named('three'))).definition.contract).toBe('three@2')
      expect((await engine.applyPipeline(named('three@2'))).version).toBe(2)
    }))

  test('a pipeline cannot be stored with a contract that there is not, nor deployed with a version that there is not', () =>
    withEngine(async (engine) => {
      expect(await refused(engine.applyPipeline(named('three')))).toMatch(
        /^ERR_CONTRACT_NOT_FOUND: There is no contract three/,
      )
      await engine.contracts.put(contract)
      await engine.applyPipeline(named('three@7'))
      expect(await refused(engine.deployPipeline('p'))).toMatch(
        /^ERR_CONTRACT_NOT_FOUND: Contract three has no version 7; it has 1/,
      )
      expect(engine.pipelineStatus('p').failure).toMatchObject({ code: 'ERR_CONTRACT_NOT_FOUND', version: 1 })
      expect(await refused(engine.applyPipeline(named('three@8'), { deploy: true }))).toMatch(/no version 8/)
      expect(engine.getPipeline('p').versions).toHaveLength(1)
    }))

  test('a deploy names everything that cannot be bound, and changes nothing', () =>
    withEngine(async (engine) => {
      await engine.contracts.put({
        name: 'two',
        fields: [...fields.slice(1), { name: 'z', dtype: 'float32', role: 'prediction' }],
      })
      const message = await refused(engine.applyPipeline(named('two'), { deploy: true }))
      expect(message).toMatch(
        /^ERR_PIPELINE_INVALID: 2 mistakes: Expected the features of two@1 to fill the 3 columns of the input x but they have 2: b, c; Expected z to be read from an output of the pipeline, which has y/,
      )
      expect(engine.listPipelines()).toEqual([])
    }))

  test('a model that does not fit the contract cannot take the alias that a pipeline follows', () =>
    withEngine(async (engine) => {
      await engine.contracts.put(contract)
      await engine.addModel('m', testModel('add-one'), { alias: 'champion' })
      await engine.addModel('m', testModel('add-one-more-features'))
      const followed = [{ type: 'model', model: 'm@champion' }] as const
      await engine.applyPipeline({ name: 'p', contract: 'three', steps: followed }, { deploy: true })
      const message = await refused(engine.setAlias('m', 'champion', 2))
      expect(message).toMatch(/^ERR_PIPELINE_INVALID: .*to fill the \d columns of the input x but they have 3: a, b, c/)
      expect(engine.getModel('m').aliases).toEqual({ champion: 1 })
    }))

  test('what a deployed pipeline names cannot be removed, until it is undeployed', () =>
    withEngine(async (engine) => {
      await engine.contracts.put(contract)
      await engine.contracts.put({ ...contract, extra: 'log' })
      await engine.applyPipeline(named('three@1'), { deploy: true })
      expect(await refused(engine.contracts.removeVersion('three', 1))).toMatch(
        /^ERR_CONFLICT: Contract three@1 is used by the deployed pipeline p/,
      )
      expect(await refused(engine.contracts.remove('three'))).toMatch(/^ERR_CONFLICT: Contract three is used by/)
      await engine.contracts.removeVersion('three', 2)
      await engine.undeployPipeline('p')
      await engine.contracts.remove('three')
      expect(engine.contracts.list()).toEqual([])
      expect(await refused(engine.deployPipeline('p'))).toMatch(/^ERR_CONTRACT_NOT_FOUND/)
    }))

  test('are there after a restart, with the pipelines that name them', async () => {
    const path = mkdtempSync(join(tmpdir(), 'penstock-contracts-'))
    try {
      for (const round of [1, 2]) {
        const home = await Home.open({ path })
        const stores = { models: home.models, pipelines: home.pipelines, contracts: home.contracts }
        const engine = await openEngine(round === 1 ? ['add-one'] : [], stores)
        if (round === 1) {
          await engine.contracts.put(contract)
          await engine.applyPipeline(named('three'), { deploy: true })
        }
        expect(engine.pipelineStatus('p').state).toBe('running')
        expect(engine.describePipeline('p').definition.contract).toBe('three@1')
        await engine.close()
        await home.close()
      }
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  })
})
