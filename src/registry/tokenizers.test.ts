import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Home } from './home.js'
import { readJournal } from './journal.js'
import { FaultyDisk } from './testing/faulty-disk.js'
import { temporaryDirectory } from './testing/fixtures.js'

const file = { model: 'BPE', vocabularySize: 3, maxLength: null, specialTokens: 2 }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('tokenizers of a home', () => {
  it('are there again after a restart, with their files, and numbers that were given', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const first = await home.tokenizers.add('t', bytes('{"a":1}'), file)
    expect(await home.tokenizers.add('t', bytes('{"a":1}'), file)).toEqual(first)
    await home.tokenizers.add('t', bytes('{"a":2}'), { ...file, maxLength: 128 })
    await home.tokenizers.removeVersion('t', 2)
    const before = home.tokenizers.list()
    await home.close()
    const again = await Home.open({ path, verifyContent: true })
    expect(again.problems).toEqual([])
    expect(again.tokenizers.list()).toEqual(before)
    expect(new TextDecoder().decode(await again.tokenizers.read(first.sha256))).toBe('{"a":1}')
    expect((await again.tokenizers.add('t', bytes('{"a":2}'), file)).version).toBe(3)
    await again.tokenizers.remove('t')
    expect(readdirSync(join(path, 'blobs'))).toEqual([])
    await expect(again.tokenizers.remove('t')).rejects.toMatchObject({ code: 'ERR_TOKENIZER_NOT_FOUND' })
    await again.close()
    const { entries } = await readJournal(join(path, 'journal.jsonl'))
    expect(entries.map(({ kind, name }) => [kind, name])).toEqual([
      ['tokenizer.add', 'tokenizers/t'],
      ['tokenizer.add', 'tokenizers/t'],
      ['tokenizer.remove-version', 'tokenizers/t'],
      ['tokenizer.add', 'tokenizers/t'],
      ['tokenizer.remove', 'tokenizers/t'],
    ])
  })

  it('are as they were when the disk fails in any step of a change', async () => {
    const path = temporaryDirectory()
    const disk = new FaultyDisk()
    const home = await Home.open({ path, disk })
    await home.tokenizers.add('t', bytes('{"a":1}'), file)
    for (let index = 0; index < 6; index++) {
      disk.failAfter(index)
      const failed = home.tokenizers.add('t', bytes('{"a":2}'), file)
      await expect(failed, `operation ${index}`).rejects.toMatchObject({ code: 'ERR_STORAGE' })
      expect(home.tokenizers.get('t')?.versions).toHaveLength(1)
    }
    expect((await home.tokenizers.add('t', bytes('{"a":2}'), file)).version).toBe(2)
    await home.close()
  })
})
