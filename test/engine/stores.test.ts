/**
 * One suite over every implementation of the stores: what the engine may count on, in memory and on disk.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type Contract,
  type ContractStore,
  Home,
  type ModelSignature,
  type ModelStore,
  type PipelineDefinition,
  type PipelineStore,
} from 'penstock'
import { systemClock } from '../../src/base/clock.js'
import { MemoryContractStore } from '../../src/engine/stores/memory-contract-store.js'
import { MemoryModelStore, MemoryPipelineStore } from '../../src/engine/stores/memory-stores.js'

const signature: ModelSignature = {
  inputs: [{ name: 'x', dtype: 'float32', shape: [null, 3] }],
  outputs: [{ name: 'y', dtype: 'float32', shape: [null, 3] }],
  batching: 'rows',
  remark: '',
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const definition = (name: string, model: string): PipelineDefinition => ({ name, steps: [{ type: 'model', model }] })

interface Stores {
  models: ModelStore
  pipelines: PipelineStore
  contracts: ContractStore
  close: () => Promise<void>
}
const kinds: [string, () => Promise<Stores>][] = [
  [
    'in memory',
    () =>
      Promise.resolve({
        models: new MemoryModelStore(systemClock),
        pipelines: new MemoryPipelineStore(systemClock),
        contracts: new MemoryContractStore(systemClock),
        close: () => Promise.resolve(),
      }),
  ],
  [
    'on disk',
    async () => {
      const path = mkdtempSync(join(tmpdir(), 'penstock-stores-'))
      const home = await Home.open({ path })
      return {
        models: home.models,
        pipelines: home.pipelines,
        contracts: home.contracts,
        close: async () => {
          await home.close()
          rmSync(path, { recursive: true, force: true })
        },
      }
    },
  ],
]

describe.each(kinds)('stores %s', (_kind, open) => {
  let stores: Stores | undefined
  afterEach(async () => {
    await stores?.close()
    stores = undefined
  })

  test('models: versions count up, equal bytes are the newest version again, aliases move', async () => {
    stores = await open()
    const { models } = stores
    expect((await models.add('m', bytes('one'), signature, ['a'])).version).toBe(1)
    expect((await models.add('m', bytes('two'), signature, [])).version).toBe(2)
    expect((await models.add('m', bytes('two'), signature, [])).version).toBe(2)
    expect((await models.add('m', bytes('one'), signature, [])).version).toBe(3)
    expect(models.get('m')?.versions.map(({ sizeBytes, name }) => [name, sizeBytes])).toEqual([
      ['m', 3],
      ['m', 3],
      ['m', 3],
    ])
    await models.setAlias('m', 'champion', 1)
    const kept = models.get('m')
    expect((await models.setAlias('m', 'champion', 2)).aliases).toEqual({ champion: 2 })
    // A record is a snapshot.
    expect(kept?.aliases).toEqual({ champion: 1 })
    expect((await models.removeAlias('m', 'champion')).aliases).toEqual({})
    expect(models.list().map(({ name }) => name)).toEqual(['m'])
    expect(models.get('n')).toBeUndefined()
  })

  test('models: a version is in one stage, a replaced one is archived when asked, archived ones may be removed', async () => {
    stores = await open()
    const { models } = stores
    for (const text of ['one', 'two', 'three']) await models.add('m', bytes(text), signature, [])
    await models.setAlias('m', 'production', 1)
    expect((await models.setAlias('m', 'Production', 2, true)).archived).toEqual([1])
    await models.setAlias('m', 'Archived', 3)
    expect(models.get('m')).toMatchObject({ aliases: { Production: 2 }, archived: [1, 3] })
    expect((await models.setAlias('m', 'Staging', 3)).archived).toEqual([1])
    expect((await models.removeVersion('m', 1)).archived ?? []).toEqual([])
    await expect(models.removeAlias('m', 'Archived')).rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' })
    await expect(models.removeVersion('m', 3)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    for (const alias of ['latest', 'v7', 'a b', 'a@b', '3'])
      await expect((async () => models.setAlias('m', alias, 2))()).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })

  test('models: a lineage takes the place of the one before, of its version alone, and an empty one takes it away', async () => {
    stores = await open()
    const { models } = stores
    for (const text of ['one', 'two']) await models.add('m', bytes(text), signature, [])
    const lineage = { runId: 'r', metrics: { rmse: 0.5 } }
    await models.setLineage('m', 1, lineage)
    await models.setLineage('m', 2, { source: 'a' })
    await models.setLineage('m', 2, {})
    lineage.metrics.rmse = 7
    expect(models.get('m')?.versions.map((version) => version.lineage)).toEqual([
      { runId: 'r', metrics: { rmse: 0.5 } },
      undefined,
    ])
    await expect(models.setLineage('m', 3, {})).rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' })
    await expect(models.setLineage('m', 1, { run: 'r' } as object)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    expect(models.get('m')?.versions[0]?.lineage?.runId).toBe('r')
  })

  test('models: what is not there is ERR_MODEL_NOT_FOUND, what an alias names is ERR_CONFLICT', async () => {
    stores = await open()
    const { models } = stores
    await models.add('m', bytes('one'), signature, [])
    for (const call of [
      () => models.setAlias('n', 'a', 1),
      () => models.setAlias('m', 'a', 2),
      () => models.removeAlias('m', 'a'),
      () => models.remove('n'),
      () => models.removeVersion('m', 2),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' })
    await models.setAlias('m', 'champion', 1)
    await expect(models.removeVersion('m', 1)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
  })

  test('models: a number is never given twice, not even after a removal', async () => {
    stores = await open()
    const { models } = stores
    await models.add('m', bytes('one'), signature, [])
    await models.add('m', bytes('two'), signature, [])
    await models.removeVersion('m', 2)
    expect((await models.add('m', bytes('two'), signature, [])).version).toBe(3)
    await models.remove('m')
    expect(models.list()).toEqual([])
    expect((await models.add('m', bytes('one'), signature, [])).version).toBe(4)
    await models.removeVersion('m', 4)
    expect(models.get('m')).toBeUndefined()
  })

  test('tags: take the place of those before, without duplicates, and go with what carried them', async () => {
    stores = await open()
    const { models, pipelines } = stores
    await models.add('m', bytes('one'), signature, ['a', 'a'])
    await models.add('m', bytes('two'), signature, [])
    expect((await models.setTags('m', 1, ['b', 'c', 'b'])).versions.map(({ tags }) => tags)).toEqual([['b', 'c'], []])
    await expect(models.setTags('m', 3, [])).rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' })
    await expect(models.setTags('m', 1, ['line\nbreak'])).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    await pipelines.put(definition('p', 'm'))
    const kept = pipelines.get('p')
    expect((await pipelines.setTags('p', ['x', 'y', 'x'])).tags).toEqual(['x', 'y'])
    expect(kept?.tags).toEqual([])
    const config = { name: 'c', method: 'occlusion', groups: [{ name: 'g', elements: [0] }] } as const
    expect((await pipelines.setExplainConfigs('p', [config])).explainConfigs).toEqual([config])
    await expect(pipelines.setExplainConfigs('q', [])).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_FOUND' })
    await expect(pipelines.setTags('q', [])).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_FOUND' })
    // A pipeline that takes the name of a removed one is another one.
    await pipelines.remove('p')
    await pipelines.put(definition('p', 'm'))
    expect(pipelines.get('p')).toMatchObject({ tags: [], explainConfigs: [] })
  })

  test('pipelines: say when they were made and when they last changed', async () => {
    stores = await open()
    const { pipelines } = stores
    await pipelines.put(definition('p', 'a'))
    const made = pipelines.get('p')
    expect(made?.createdAt).toBe(made?.versions[0]?.createdAt)
    expect(Date.parse(made?.updatedAt ?? '') - Date.parse(made?.createdAt ?? '')).toBeGreaterThanOrEqual(0)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const changed = await pipelines.setTags('p', ['x'])
    expect(changed.createdAt).toBe(made?.createdAt)
    expect(Date.parse(changed.updatedAt)).toBeGreaterThan(Date.parse(made?.updatedAt ?? ''))
  })

  test('pipelines: an equal definition is the newest version again; one version serves', async () => {
    stores = await open()
    const { pipelines } = stores
    expect((await pipelines.put(definition('p', 'a'))).version).toBe(1)
    expect((await pipelines.put(definition('p', 'b'))).version).toBe(2)
    expect((await pipelines.put(definition('p', 'b'))).version).toBe(2)
    expect((await pipelines.put(definition('p', 'a'))).version).toBe(3)
    expect((await pipelines.setDeployed('p', 2)).deployedVersion).toBe(2)
    await expect(pipelines.setDeployed('p', 9)).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_FOUND' })
    await expect(pipelines.setDeployed('q', 1)).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_FOUND' })
    await expect(pipelines.remove('p')).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    await pipelines.setDeployed('p', null)
    await pipelines.remove('p')
    expect(pipelines.get('p')).toBeUndefined()
    expect(pipelines.list()).toEqual([])
  })

  test('contracts: versions count up and are never given twice, equal ones are the newest again', async () => {
    stores = await open()
    const { contracts } = stores
    const contract = (max: number): Contract => ({ name: 'c', fields: [{ name: 'x', dtype: 'int8', max }] })
    expect((await contracts.put(contract(1))).version).toBe(1)
    expect((await contracts.put(contract(2))).version).toBe(2)
    const reordered: Contract = { fields: [{ max: 2, dtype: 'int8', name: 'x' }], name: 'c' }
    expect((await contracts.put(reordered)).version).toBe(2)
    const kept = contracts.get('c')
    await contracts.removeVersion('c', 1)
    expect(kept?.versions.map(({ version }) => version)).toEqual([1, 2])
    expect(contracts.get('c')?.versions).toMatchObject([{ version: 2, contract: contract(2) }])
    await expect(contracts.removeVersion('c', 1)).rejects.toMatchObject({ code: 'ERR_CONTRACT_NOT_FOUND' })
    await contracts.removeVersion('c', 2)
    expect([contracts.get('c'), contracts.list()]).toEqual([undefined, []])
    expect((await contracts.put(contract(2))).version).toBe(3)
    await contracts.remove('c')
    await expect(contracts.remove('c')).rejects.toMatchObject({ code: 'ERR_CONTRACT_NOT_FOUND' })
    expect((await contracts.put(contract(2))).version).toBe(4)
    expect(contracts.list().map(({ name }) => name)).toEqual(['c'])
  })
})
