import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Contract } from '../contract/contract.js'
import { Home } from './home.js'
import { readJournal } from './journal.js'
import { FaultyDisk } from './testing/faulty-disk.js'
import { temporaryDirectory } from './testing/fixtures.js'

const contract = (max: number): Contract => ({ name: 'c', fields: [{ name: 'x', dtype: 'int8', max }] })

describe('contracts of a home', () => {
  it('are there again after a restart, numbers that were given included', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    await home.contracts.put(contract(1))
    await home.contracts.put(contract(2))
    await home.contracts.removeVersion('c', 2)
    const before = home.contracts.list()
    await home.close()
    const again = await Home.open({ path })
    expect(again.contracts.list()).toEqual(before)
    expect((await again.contracts.put(contract(2))).version).toBe(3)
    await again.contracts.remove('c')
    await again.close()
    const { entries } = await readJournal(join(path, 'journal.jsonl'))
    expect(entries.map(({ kind, name, detail }) => [kind, name, detail])).toEqual([
      ['contract.put', 'contracts/c', { version: 1 }],
      ['contract.put', 'contracts/c', { version: 2 }],
      ['contract.remove-version', 'contracts/c', { version: 2 }],
      ['contract.put', 'contracts/c', { version: 3 }],
      ['contract.remove', 'contracts/c', { versions: [1, 3] }],
    ])
  })

  it('are as they were when the disk fails in any step of a change', async () => {
    const path = temporaryDirectory()
    const disk = new FaultyDisk()
    const home = await Home.open({ path, disk })
    await home.contracts.put(contract(1))
    for (let index = 0; index < 3; index++) {
      disk.failAfter(index)
      await expect(home.contracts.put(contract(2)), `operation ${index}`).rejects.toMatchObject({ code: 'ERR_STORAGE' })
      expect(home.contracts.get('c')?.versions).toHaveLength(1)
    }
    expect((await home.contracts.put(contract(2))).version).toBe(2)
    await home.close()
  })

  it('stop the open with the file and the field when they are damaged', async () => {
    const path = temporaryDirectory()
    await (await Home.open({ path })).close()
    const file = join(path, 'contracts', 'c.json')
    for (const [text, message] of [
      ['{', /c\.json is damaged/],
      [
        JSON.stringify({ name: 'c', revision: 1, nextVersion: 2, versions: [{ version: 1 }] }),
        /versions\[0\]\.contract/,
      ],
      [
        JSON.stringify({
          name: 'd',
          revision: 1,
          nextVersion: 1,
          versions: [],
          createdAt: '2027-01-01',
          updatedAt: '2027-01-01',
        }),
        /as the file is called/,
      ],
    ] as const) {
      writeFileSync(file, text)
      await expect(Home.open({ path })).rejects.toThrow(message)
    }
  })

  it('have a folder in a home of a release that had none', async () => {
    const path = temporaryDirectory()
    await (await Home.open({ path })).close()
    rmSync(join(path, 'contracts'), { recursive: true })
    const home = await Home.open({ path })
    await home.contracts.put(contract(1))
    expect(JSON.parse(readFileSync(join(path, 'contracts', 'c.json'), 'utf8'))).toMatchObject({
      name: 'c',
      revision: 1,
    })
    await home.close()
  })
})
