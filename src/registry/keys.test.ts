import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../base/clock.js'
import { nodeDisk } from './durable-file.js'
import { Home, openKeys } from './home.js'
import { readJournal } from './journal.js'
import { temporaryDirectory } from './testing/fixtures.js'

const clock = new ManualClock(Date.UTC(2026, 0, 2))

describe('keys', () => {
  it('create: returns a key that verifies, and stores only its hash in a file for the owner alone', async () => {
    const path = temporaryDirectory()
    const keys = await openKeys(path, nodeDisk, clock)
    const { key, prefix, createdAt } = await keys.create('ci')
    expect(key).toMatch(/^psk_[A-Za-z0-9_-]{43}$/)
    expect(key.startsWith(prefix)).toBe(true)
    expect(createdAt).toBe('2026-01-02T00:00:00.000Z')
    expect(keys.verify(key)).toEqual({ name: 'ci', prefix, createdAt })
    const file = join(path, 'keys.json')
    expect(readFileSync(file, 'utf8')).not.toContain(key.slice(prefix.length))
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(keys.list()).toEqual([{ name: 'ci', prefix, createdAt }])
  })

  it('verify: refuses everything but the whole key', async () => {
    const keys = await openKeys(temporaryDirectory())
    expect(keys.verify('')).toBeUndefined()
    const { key, prefix } = await keys.create('ci')
    for (const wrong of ['', prefix, key.slice(0, -1), `${key}A`, key.toUpperCase(), ` ${key}`])
      expect(keys.verify(wrong)).toBeUndefined()
    const other = await keys.create('other')
    expect(keys.verify(key)?.name).toBe('ci')
    expect(keys.verify(other.key)?.name).toBe('other')
  })

  it('create, revoke: refuse a name that is taken or unknown, and journal what they did without the key', async () => {
    const path = temporaryDirectory()
    const keys = await openKeys(path)
    const { key } = await keys.create('ci')
    await expect(keys.create('ci')).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    await expect(keys.create('no spaces')).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
    await expect(keys.revoke('typo')).rejects.toThrow(/There is no key typo. There are ci/)
    await keys.revoke('ci')
    expect([keys.count, keys.verify(key)]).toEqual([0, undefined])
    const { entries } = await readJournal(join(path, 'journal.jsonl'))
    expect(entries.map(({ kind, name }) => [kind, name])).toEqual([
      ['key.create', 'keys/ci'],
      ['key.revoke', 'keys/ci'],
    ])
    expect(JSON.stringify(entries)).not.toContain(key)
  })

  it('create: loses no key when several processes create at once', async () => {
    const path = temporaryDirectory()
    const writers = await Promise.all(Array.from({ length: 6 }, () => openKeys(path)))
    await Promise.all(writers.map((keys, index) => keys.create(`key-${index}`)))
    expect(
      (await openKeys(path))
        .list()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4, 5].map((i) => `key-${i}`))
  })

  it('watch: an open home follows keys that another process creates and revokes', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const problems: unknown[] = []
    home.keys.watch((error) => problems.push(error))
    const outside = await openKeys(path)
    const { key } = await outside.create('late')
    await sleep(1300)
    expect(home.keys.verify(key)?.name).toBe('late')
    await outside.revoke('late')
    await sleep(1300)
    expect(home.keys.verify(key)).toBeUndefined()
    // A damaged file keeps the last complete state, and says so.
    await outside.create('kept')
    await sleep(1300)
    writeFileSync(join(path, 'keys.json'), '{')
    await sleep(1300)
    expect(home.keys.count).toBe(1)
    expect(String(problems[0])).toMatch(/keys\.json is damaged/)
    await home.close()
  })

  it('open: refuses a damaged file, names it and says what to do', async () => {
    const path = temporaryDirectory()
    await (await openKeys(path)).create('ci')
    writeFileSync(join(path, 'keys.json'), '{"format":1,"keys":[{"name":"ci"}]}')
    await expect(openKeys(path)).rejects.toMatchObject({ code: 'ERR_STORAGE' })
    await expect(openKeys(path)).rejects.toThrow(/keys\.json is damaged: Expected keys\[0\]\.prefix .* move it away/)
  })
})
