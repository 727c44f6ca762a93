import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../base/clock.js'
import { TAGS_MAX } from '../base/limits/limits.js'
import { Home } from './home.js'
import { readJournal } from './journal.js'
import { FaultyDisk } from './testing/faulty-disk.js'
import { modelBytes, signature, temporaryDirectory } from './testing/fixtures.js'

const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5))

describe('models', () => {
  it('add: numbers versions from 1, stores the bytes and survives a restart', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path, clock })
    const first = await home.models.add('ccfraud', modelBytes('a'), signature, ['keras'])
    const second = await home.models.add('ccfraud', modelBytes('b'), signature, [])
    expect(first).toMatchObject({
      name: 'ccfraud',
      version: 1,
      sizeBytes: 7,
      createdAt: '2026-01-02T03:04:05.000Z',
      tags: ['keras'],
      signature,
    })
    expect(second.version).toBe(2)
    expect(readFileSync(home.models.blobPath(second.sha256)).equals(modelBytes('b'))).toBe(true)
    const before = home.models.list()
    await home.close()
    const again = await Home.open({ path })
    expect(again.models.list()).toEqual(before)
    expect(again.models.get('ccfraud')?.versions).toEqual([first, second])
    await again.close()
  })

  it('add: the same bytes as the newest version are that version; older bytes are a new one', async () => {
    const home = await Home.open({ path: temporaryDirectory() })
    const first = await home.models.add('m', modelBytes('a'), signature, [])
    expect(await home.models.add('m', modelBytes('a'), signature, [])).toEqual(first)
    await home.models.add('m', modelBytes('b'), signature, [])
    const back = await home.models.add('m', modelBytes('a'), signature, [])
    expect([back.version, back.sha256]).toEqual([3, first.sha256])
    await home.close()
  })

  it('add: the same bytes with more tags or a new signature refresh the version', async () => {
    const home = await Home.open({ path: temporaryDirectory() })
    await home.models.add('m', modelBytes('a'), signature, ['one'])
    const refreshed = await home.models.add('m', modelBytes('a'), { ...signature, remark: 'new' }, ['two', 'one'])
    expect(refreshed).toMatchObject({ version: 1, tags: ['one', 'two'], signature: { remark: 'new' } })
    expect(home.models.get('m')?.versions).toEqual([refreshed])
    await home.close()
  })

  it('setAlias, removeAlias: move and remove, and journal where it pointed before', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    await home.models.add('m', modelBytes('a'), signature, [])
    await home.models.add('m', modelBytes('b'), signature, [])
    expect((await home.models.setAlias('m', 'champion', 1)).aliases).toEqual({ champion: 1 })
    expect((await home.models.setAlias('m', 'champion', 2)).aliases).toEqual({ champion: 2 })
    // An ordinary name, although every object has a property of that name.
    expect((await home.models.setAlias('m', 'constructor', 1)).aliases).toEqual({ champion: 2, constructor: 1 })
    expect((await home.models.removeAlias('m', 'champion')).aliases).toEqual({ constructor: 1 })
    expect(home.models.get('m')?.aliases['toString']).toBeUndefined()
    const { entries } = await readJournal(join(path, 'journal.jsonl'))
    expect(entries.slice(2).map(({ kind, detail }) => [kind, detail['previous']])).toEqual([
      ['model.alias', null],
      ['model.alias', 1],
      ['model.alias', null],
      ['model.unalias', 2],
    ])
    expect(entries.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6])
    await home.close()
  })

  it('removeVersion: refuses while an alias points there, then deletes the blob unless another version has it', async () => {
    const home = await Home.open({ path: temporaryDirectory() })
    const shared = await home.models.add('m', modelBytes('shared'), signature, [])
    await home.models.add('other', modelBytes('shared'), signature, [])
    const own = await home.models.add('m', modelBytes('own'), signature, [])
    await home.models.setAlias('m', 'champion', 2)
    await expect(home.models.removeVersion('m', 2)).rejects.toThrow(
      /has the alias champion. Move or remove the alias first/,
    )
    await home.models.removeAlias('m', 'champion')
    expect((await home.models.removeVersion('m', 2)).versions.map(({ version }) => version)).toEqual([1])
    expect(existsSync(home.models.blobPath(own.sha256))).toBe(false)
    await home.models.removeVersion('m', 1)
    expect(existsSync(home.models.blobPath(shared.sha256))).toBe(true)
    expect(home.models.get('m')).toBeUndefined()
    await home.models.remove('other')
    expect(existsSync(home.models.blobPath(shared.sha256))).toBe(false)
    await home.close()
  })

  it('add: never gives a version number twice, not even after removal and restart', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    await home.models.add('m', modelBytes('a'), signature, [])
    await home.models.remove('m')
    expect([home.models.list(), home.models.get('m')]).toEqual([[], undefined])
    await home.close()
    const again = await Home.open({ path })
    expect((await again.models.add('m', modelBytes('a'), signature, [])).version).toBe(2)
    await again.close()
  })

  it('records: are frozen, and one that was read keeps its state', async () => {
    const home = await Home.open({ path: temporaryDirectory() })
    const mutable = structuredClone(signature) as unknown as { inputs: { name: string }[] }
    const version = await home.models.add('m', modelBytes('a'), mutable as unknown as typeof signature, [])
    mutable.inputs[0]!.name = 'changed by the caller'
    const record = home.models.get('m')
    await home.models.setAlias('m', 'champion', 1)
    expect(record?.aliases).toEqual({})
    expect(version.signature).toEqual(signature)
    expect(() => ((record!.versions[0] as { version: number }).version = 9)).toThrow(TypeError)
    await home.close()
  })

  it('misuse: answers with the documented code', async () => {
    const home = await Home.open({ path: temporaryDirectory() })
    const { models } = home
    await models.add('m', modelBytes('a'), signature, [])
    for (const name of ['', 'a b', '../m', 'x'.repeat(129)]) {
      await expect(models.add(name, modelBytes('a'), signature, [])).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
      expect(models.get(name)).toBeUndefined()
    }
    await expect(models.setAlias('m', '3', 1)).rejects.toThrow(/`model@3` means version 3/)
    await expect(models.setAlias('m', 'champion', 7)).rejects.toThrow(/has no version 7. It has the versions 1/)
    for (const call of [
      models.setAlias('x', 'a', 1),
      models.removeAlias('m', 'a'),
      models.removeAlias('x', 'a'),
      models.remove('x'),
      models.removeVersion('m', 2),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' })
    }
    const tooMany = Array.from({ length: TAGS_MAX + 1 }, (_, index) => `tag-${index}`)
    for (const tags of [[''], ['a\nb'], ['x'.repeat(129)], tooMany]) {
      await expect(models.add('m', modelBytes('b'), signature, tags)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    }
    await home.close()
    await expect(models.setAlias('m', 'champion', 1)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('every operation of the disk: when it fails, add is rejected or done, and a restart finds a whole state', async () => {
    const healthy = new FaultyDisk()
    const trial = await Home.open({ path: temporaryDirectory(), disk: healthy })
    const opened = healthy.operations.length
    await trial.models.add('m', modelBytes('a'), signature, [])
    const addOperations = healthy.operations.length - opened
    await trial.close()
    expect(addOperations).toBe(7)

    for (let index = 0; index < addOperations; index += 1) {
      const path = temporaryDirectory()
      const disk = new FaultyDisk()
      const home = await Home.open({ path, disk })
      await home.models.add('m', modelBytes('a'), signature, [])
      disk.failAfter(index)
      const outcome = await home.models.add('m', modelBytes('b'), signature, []).catch((error: unknown) => error)
      const isJournal = disk.operations.at(-1)?.operation === 'appendLine'
      if (isJournal) expect(home.problems.join()).toMatch(/journal\.jsonl.*ENOSPC/)
      else expect(outcome).toMatchObject({ code: 'ERR_STORAGE' })
      // The store goes on: the disk has space again.
      await home.models.setAlias('m', 'champion', 1)
      await home.close()
      const again = await Home.open({ path, verifyContent: true })
      expect(again.problems).toEqual([])
      expect(again.models.get('m')).toMatchObject({
        aliases: { champion: 1 },
        versions: isJournal ? [{ version: 1 }, { version: 2 }] : [{ version: 1 }],
      })
      await again.close()
    }
  })
})
