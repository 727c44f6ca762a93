import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { SCOPES } from '../../base/access.js'
import { ManualClock } from '../../base/clock.js'
import { nodeDisk } from '../files/durable-file.js'
import { Home, openKeys } from '../home.js'
import { readJournal } from '../journal.js'
import { temporaryDirectory } from '../testing/fixtures.js'

const clock = new ManualClock(Date.UTC(2026, 0, 2))

describe('keys', () => {
  it('create: returns a key that verifies, and stores only its hash in a file for the owner alone', async () => {
    const path = temporaryDirectory()
    const keys = await openKeys(path, nodeDisk, clock)
    const { key, prefix, createdAt } = await keys.create('ci')
    expect(key).toMatch(/^psk_[A-Za-z0-9_-]{43}$/)
    expect(key.startsWith(prefix)).toBe(true)
    expect(createdAt).toBe('2026-01-02T00:00:00.000Z')
    expect(keys.verify(key)).toMatchObject({ name: 'ci', prefix, createdAt, scopes: [...SCOPES], isRevoked: false })
    const file = join(path, 'keys.json')
    expect(readFileSync(file, 'utf8')).not.toContain(key.slice(prefix.length))
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(keys.list()).toEqual([{ name: 'ci', prefix, createdAt, scopes: SCOPES }])
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
    await sleep(700)
    expect(home.keys.verify(key)?.name).toBe('late')
    await outside.revoke('late')
    await sleep(700)
    expect(home.keys.verify(key)).toBeUndefined()
    // A damaged file keeps the last complete state, and says so.
    await outside.create('kept')
    await sleep(700)
    writeFileSync(join(path, 'keys.json'), '{')
    await sleep(700)
    expect(home.keys.count).toBe(1)
    expect(String(problems[0])).toMatch(/keys\.json is damaged/)
    await home.close()
  })

  it('create: stores what a key may do, and reads it again', async () => {
    const path = temporaryDirectory()
    const keys = await openKeys(path, nodeDisk, clock)
    const options = {
      scopes: ['read', 'infer'],
      pipelines: ['wine', 'wine'],
      expiresAt: new Date(Date.UTC(2026, 0, 3)),
      ratePerS: 0.5,
      concurrency: 8,
    }
    const { key } = await keys.create('shop', options)
    const stored = {
      scopes: ['infer', 'read'],
      pipelines: ['wine'],
      expiresAt: '2026-01-03T00:00:00.000Z',
      ratePerS: 0.5,
      concurrency: 8,
    }
    const again = await openKeys(path, nodeDisk, clock)
    expect(again.list()).toMatchObject([stored])
    expect(again.verify(key)).toMatchObject({ ...stored, expiresAtMs: Date.UTC(2026, 0, 3) })
    expect((await keys.create('bound', { pipelines: ['wine'] })).scopes).toEqual(['infer', 'read'])
    const { entries } = await readJournal(join(path, 'journal.jsonl'))
    expect(entries[0]).toMatchObject({ kind: 'key.create', actor: 'local', detail: stored })
  })

  it('create: refuses what no key can be, and says what', async () => {
    const keys = await openKeys(temporaryDirectory(), nodeDisk, clock)
    for (const [options, words] of [
      [{ scopes: ['all'] }, 'each of scopes to be one of "infer", "read", "write", "admin"'],
      [{ scopes: [] }, 'scopes to be one or more of'],
      [{ pipelines: [] }, 'pipelines to be one or more names'],
      [{ pipelines: ['a b'] }, 'each of pipelines'],
      [{ pipelines: ['wine'], scopes: ['write'] }, 'a key that is bound to pipelines to be one of infer, read'],
      [{ expiresAt: new Date(clock.nowMs()) }, 'expiresAt to be a time from now on'],
      [{ expiresAt: new Date(Date.UTC(2037, 0, 1)) }, 'at most ten years'],
      [{ expiresAt: new Date(Number.NaN) }, 'received "no date"'],
      [{ ratePerS: 0 }, 'ratePerS to be a number'],
      [{ concurrency: 0 }, 'concurrency to be an integer in 1..'],
    ] as const)
      await expect(keys.create('x', options), words).rejects.toThrow(words)
    expect(keys.count).toBe(0)
  })

  it('a file of an earlier release goes on to work: its keys may do everything', async () => {
    const path = temporaryDirectory()
    const { key, prefix, createdAt } = await (await openKeys(path)).create('old')
    const sha256 = createHash('sha256').update(key).digest('hex')
    const file = join(path, 'keys.json')
    const text = `${JSON.stringify({ format: 1, keys: [{ name: 'old', prefix, createdAt, sha256 }] }, null, 2)}\n`
    // Unlimited keys are written as that release reads them.
    expect(readFileSync(file, 'utf8')).toBe(text)
    const keys = await openKeys(path)
    expect(keys.verify(key)).toMatchObject({ scopes: [...SCOPES] })
    expect(keys.verify(key)).not.toHaveProperty('pipelines')
    // Limited ones must not be, for it would take them for unlimited.
    await keys.create('new', { scopes: ['read'] })
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      format: 2,
      keys: [{ name: 'old' }, { scopes: ['read'] }],
    })
    await keys.revoke('new')
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('watch: an entry stays the same object while the key is valid, and says that it is revoked', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    home.keys.watch(() => undefined)
    const outside = await openKeys(path)
    const { key } = await outside.create('a')
    await outside.create('b')
    await sleep(700)
    const entry = home.keys.verify(key)
    await outside.revoke('b')
    await sleep(700)
    expect(home.keys.verify(key)).toBe(entry)
    expect(entry?.isRevoked).toBe(false)
    await outside.revoke('a')
    await outside.create('a')
    await sleep(700)
    expect([entry?.isRevoked, home.keys.verify(key)]).toEqual([true, undefined])
    await home.close()
  })

  it('list: says when a key was last used once a server has written it down', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path, clock })
    home.keys.watch(() => undefined)
    const { key } = await home.keys.create('a')
    await home.keys.create('b')
    home.keys.verify(key)
    await home.close()
    const listed = (await openKeys(path)).list()
    expect(listed.map(({ lastUsedAt }) => lastUsedAt)).toEqual(['2026-01-02T00:00:00.000Z', undefined])
    expect(statSync(join(path, 'keys-used.json')).mode & 0o777).toBe(0o600)
    writeFileSync(join(path, 'keys-used.json'), '{')
    expect((await openKeys(path)).list()).toHaveLength(2)
  })

  it('open: refuses a damaged file, names it and says what to do', async () => {
    const path = temporaryDirectory()
    await (await openKeys(path)).create('ci')
    writeFileSync(join(path, 'keys.json'), '{"format":1,"keys":[{"name":"ci"}]}')
    await expect(openKeys(path)).rejects.toMatchObject({ code: 'ERR_STORAGE' })
    await expect(openKeys(path)).rejects.toThrow(/keys\.json is damaged: Expected keys\[0\]\.prefix .* move it away/)
  })
})
