import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../base/clock.js'
import { JOURNAL_BYTES_MAX } from '../base/limits/limits.js'
import { nodeDisk } from './files/durable-file.js'
import { Journal, readJournal } from './journal.js'
import { FaultyDisk } from './testing/faulty-disk.js'
import { temporaryDirectory } from './testing/fixtures.js'

const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5))

describe('journal', () => {
  it('append: writes one line of JSON with time, kind, name, revision and detail', async () => {
    const journal = new Journal(temporaryDirectory(), nodeDisk, clock)
    await journal.append('model.alias', 'models/a', 2, { alias: 'champion', version: 1 })
    const line =
      '{"time":"2026-01-02T03:04:05.000Z","kind":"model.alias","actor":"local","name":"models/a","revision":2,'
    expect(readFileSync(journal.path, 'utf8')).toBe(`${line}"detail":{"alias":"champion","version":1}}\n`)
  })

  it('open: cuts a torn last line off and returns the last revision of each record', async () => {
    const journal = new Journal(temporaryDirectory(), nodeDisk, clock)
    await journal.append('model.add', 'models/a', 1, {})
    await journal.append('model.add', 'models/a', 2, {})
    await journal.append('pipeline.put', 'pipelines/a', 1, {})
    const complete = readFileSync(journal.path)
    for (const torn of ['{', '{"time":"2026', '\u00fc', ' ']) {
      writeFileSync(journal.path, Buffer.concat([complete, Buffer.from(torn)]))
      expect([...(await journal.open())]).toEqual([
        ['models/a', 2],
        ['pipelines/a', 1],
      ])
      expect(readFileSync(journal.path).equals(complete)).toBe(true)
    }
  })

  it('readJournal: is empty without a file and skips a line that is no entry', async () => {
    const path = join(temporaryDirectory(), 'journal.jsonl')
    expect(await readJournal(path)).toEqual({ entries: [], tornAtByte: undefined })
    writeFileSync(path, 'torn by a power loss\nnull\n7\n{"name":"models/a","revision":3}\n')
    const { entries, tornAtByte } = await readJournal(path)
    expect(entries).toEqual([{ name: 'models/a', revision: 3 }])
    expect(tornAtByte).toBeUndefined()
  })

  it('append: keeps a failure for reporting and clears it with the next success', async () => {
    const disk = new FaultyDisk()
    const journal = new Journal(temporaryDirectory(), disk, clock)
    disk.failAfter(0)
    await journal.append('model.add', 'models/a', 1, {})
    expect(journal.lastFailure).toMatchObject({ code: 'ERR_STORAGE' })
    await journal.append('model.add', 'models/a', 2, {})
    expect(journal.lastFailure).toBeUndefined()
    // The torn half line is still there, and has not swallowed the second entry.
    expect((await readJournal(journal.path)).entries.map(({ revision }) => revision)).toEqual([2])
  })

  it('append: begins a new file at the limit and keeps the previous one', async () => {
    const directory = temporaryDirectory()
    const journal = new Journal(directory, nodeDisk, clock)
    await journal.append('model.add', 'models/old', 5, {})
    writeFileSync(journal.path, ' '.repeat(JOURNAL_BYTES_MAX) + '\n', { flag: 'a' })
    await journal.append('model.add', 'models/new', 1, {})
    expect(statSync(join(directory, 'journal.1.jsonl')).size).toBeGreaterThan(JOURNAL_BYTES_MAX)
    expect((await readJournal(journal.path)).entries.map(({ name }) => name)).toEqual(['models/new'])
    expect(Object.fromEntries(await journal.open())).toEqual({ 'models/old': 5, 'models/new': 1 })
  })
})
