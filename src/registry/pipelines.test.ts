import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PipelineDefinition } from '../pipeline/definition.js'
import { Home } from './home.js'
import { readJournal } from './journal.js'
import { FaultyDisk } from './testing/faulty-disk.js'
import { pipeline, temporaryDirectory } from './testing/fixtures.js'

describe('pipelines', () => {
  it('put: numbers definitions from 1, and an equal one is the newest again, whatever the order of its keys', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const split: PipelineDefinition = {
      name: 'p',
      steps: [
        {
          type: 'random-split',
          options: [
            { weight: 2, model: 'a@1' },
            { weight: 1, model: 'b@1' },
          ],
          hashKey: 'session',
        },
      ],
    }
    const reordered: PipelineDefinition = {
      steps: [
        {
          hashKey: 'session',
          tensorFields: undefined,
          options: [
            { model: 'a@1', weight: 2 },
            { weight: 1, model: 'b@1' },
          ],
          type: 'random-split',
        },
      ],
      name: 'p',
    }
    expect((await home.pipelines.put(split)).version).toBe(1)
    expect((await home.pipelines.put(reordered)).version).toBe(1)
    expect((await home.pipelines.put(pipeline('p', 'a'))).version).toBe(2)
    expect((await home.pipelines.put(split)).version).toBe(3)
    const before = home.pipelines.list()
    await home.close()
    const again = await Home.open({ path })
    expect(again.pipelines.list()).toEqual(before)
    await again.close()
  })

  it('setDeployed: is remembered over a restart and journaled', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    await home.pipelines.put(pipeline('p', 'a'))
    await home.pipelines.put(pipeline('p', 'b'))
    expect((await home.pipelines.setDeployed('p', 1)).deployedVersion).toBe(1)
    expect((await home.pipelines.setDeployed('p', 2)).deployedVersion).toBe(2)
    await home.pipelines.setDeployed('p', 2)
    await home.close()
    const again = await Home.open({ path })
    expect(again.pipelines.get('p')?.deployedVersion).toBe(2)
    await again.pipelines.setDeployed('p', null)
    await again.close()
    const { entries } = await readJournal(join(path, 'journal.jsonl'))
    expect(entries.slice(2).map(({ kind, detail }) => [kind, detail['version'], detail['previous']])).toEqual([
      ['pipeline.deploy', 1, null],
      ['pipeline.deploy', 2, 1],
      ['pipeline.undeploy', null, 2],
    ])
  })

  it('setTags: is remembered over a restart and journaled; equal tags are no change', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    await home.pipelines.put(pipeline('p', 'a'))
    const tagged = await home.pipelines.setTags('p', ['red', 'team a'])
    await home.pipelines.setTags('p', ['red', 'team a'])
    await home.close()
    const again = await Home.open({ path })
    expect(again.pipelines.get('p')).toEqual(tagged)
    await again.close()
    const { entries } = await readJournal(join(path, 'journal.jsonl'))
    expect(entries.slice(1).map(({ kind, detail }) => [kind, detail])).toEqual([
      ['pipeline.tags', { tags: ['red', 'team a'], previous: [] }],
    ])
  })

  it('open: reads a record that a release before tags has written', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    await home.pipelines.put(pipeline('p', 'a'))
    await home.close()
    const file = join(path, 'pipelines', 'p.json')
    const {
      tags: _tags,
      updatedAt: _updatedAt,
      ...old
    } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    expect(Object.keys(old)).not.toHaveLength(0)
    writeFileSync(file, JSON.stringify(old))
    const again = await Home.open({ path })
    const record = again.pipelines.get('p')
    expect(record?.tags).toEqual([])
    expect(record?.updatedAt).toBe(record?.versions[0]?.createdAt)
    expect((await again.pipelines.setTags('p', ['new'])).tags).toEqual(['new'])
    await again.close()
  })

  it('remove: refuses while deployed; numbers go on afterwards', async () => {
    const home = await Home.open({ path: temporaryDirectory() })
    await home.pipelines.put(pipeline('p', 'a'))
    await home.pipelines.setDeployed('p', 1)
    await expect(home.pipelines.remove('p')).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    await home.pipelines.setDeployed('p', null)
    await home.pipelines.remove('p')
    expect([home.pipelines.get('p'), home.pipelines.list()]).toEqual([undefined, []])
    expect((await home.pipelines.put(pipeline('p', 'a'))).version).toBe(2)
    await home.close()
  })

  it('misuse: answers with the documented code', async () => {
    const home = await Home.open({ path: temporaryDirectory() })
    await home.pipelines.put(pipeline('p', 'a'))
    await expect(home.pipelines.put(pipeline('a/b', 'a'))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    await expect(home.pipelines.setDeployed('p', 2)).rejects.toThrow(/no version 2. It has the versions 1/)
    await expect(home.pipelines.setDeployed('p', 0)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    await expect(home.pipelines.setDeployed('x', 1)).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_FOUND' })
    await expect(home.pipelines.remove('x')).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_FOUND' })
    await home.close()
  })

  it('a failing write: leaves the old file and the old state', async () => {
    const path = temporaryDirectory()
    const disk = new FaultyDisk()
    const home = await Home.open({ path, disk })
    await home.pipelines.put(pipeline('p', 'a'))
    const file = join(path, 'pipelines', 'p.json')
    const before = readFileSync(file, 'utf8')
    for (const index of [0, 1]) {
      disk.failAfter(index)
      await expect(home.pipelines.setDeployed('p', 1)).rejects.toMatchObject({ code: 'ERR_STORAGE' })
      expect(readFileSync(file, 'utf8')).toBe(before)
      expect(home.pipelines.get('p')?.deployedVersion).toBeNull()
    }
    expect((await home.pipelines.setDeployed('p', 1)).deployedVersion).toBe(1)
    await home.close()
  })
})
