import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sha256Of } from './blobs.js'
import { nodeDisk } from './files/durable-file.js'
import { Home } from './home.js'
import { Prepared } from './prepared.js'
import { FaultyDisk } from './testing/faulty-disk.js'
import { modelBytes, signature, temporaryDirectory } from './testing/fixtures.js'

const blob = 'a'.repeat(64)
const writeWeights = async (directory: string): Promise<string> => {
  await writeFile(join(directory, 'weights.bin'), 'packed weights')
  return ''
}

/** What a process that starts now finds. */
function freshLook(path: string, key = 'key'): Promise<unknown> {
  return new Prepared(path, nodeDisk).find(blob, key)
}

async function madeIn(path: string): Promise<string> {
  const { directory } = await new Prepared(path, nodeDisk).make(blob, 'key', writeWeights)
  return directory as string
}

describe('prepared', () => {
  it('make: what was made is found again, by this process and the next', async () => {
    const path = join(temporaryDirectory(), 'prepared')
    const prepared = new Prepared(path, nodeDisk)
    expect(await prepared.find(blob, 'key')).toBeUndefined()
    const made = await prepared.make(blob, 'key', writeWeights)
    expect(made).toEqual({ directory: join(path, blob), remark: '' })
    expect(await prepared.find(blob, 'key')).toEqual(made)
    expect(await freshLook(path)).toEqual(made)
    expect(readdirSync(path)).toEqual([blob])
  })

  it('make: an empty directory is remembered with its remark, and says so without files', async () => {
    const path = join(temporaryDirectory(), 'prepared')
    const none = { directory: null, remark: 'it has few large weights' }
    const made = await new Prepared(path, nodeDisk).make(blob, 'key', () => Promise.resolve(none.remark))
    expect(made).toEqual(none)
    expect(await freshLook(path)).toEqual(none)
  })

  it('find: what another release or processor made is removed', async () => {
    const path = join(temporaryDirectory(), 'prepared')
    await madeIn(path)
    expect(await freshLook(path, 'another key')).toBeUndefined()
    expect(readdirSync(path)).toEqual([])
  })

  it.each<[string, (directory: string) => void]>([
    ['one altered byte', (directory) => writeFileSync(join(directory, 'weights.bin'), 'pAcked weights')],
    ['a cut file', (directory) => truncateSync(join(directory, 'weights.bin'), 3)],
    ['a manifest that is no JSON', (directory) => writeFileSync(join(directory, 'prepared.json'), '{"key":')],
    ['a manifest without files', (directory) => writeFileSync(join(directory, 'prepared.json'), '{"key":"key"}')],
  ])('find: after %s it is removed and can be made again', async (_damage, damage) => {
    const path = join(temporaryDirectory(), 'prepared')
    damage(await madeIn(path))
    expect(await freshLook(path)).toBeUndefined()
    expect(readdirSync(path)).toEqual([])
    expect(readFileSync(join(await madeIn(path), 'weights.bin'), 'utf8')).toBe('packed weights')
  })

  it('make: a failure at any operation of the disk is ERR_STORAGE and leaves nothing that is used', async () => {
    const operations = new FaultyDisk()
    await new Prepared(join(temporaryDirectory(), 'prepared'), operations).make(blob, 'key', writeWeights)
    const count = operations.operations.length
    expect(count).toBeGreaterThan(3)
    for (let index = 0; index < count; index++) {
      const path = join(temporaryDirectory(), 'prepared')
      const disk = new FaultyDisk()
      disk.failAfter(index)
      await expect(new Prepared(path, disk).make(blob, 'key', writeWeights)).rejects.toMatchObject({
        code: 'ERR_STORAGE',
      })
      // Whole or not there: the last fsync fails after the rename, and what it leaves is complete.
      const left = (await freshLook(path)) as { directory: string } | undefined
      if (left !== undefined) expect(readdirSync(left.directory)).toEqual(['prepared.json', 'weights.bin'])
    }
  })

  it('home: removing the model removes what was derived; open removes what nothing refers to', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    await home.models.add('m', modelBytes('a'), signature, [])
    const sha256 = await sha256Of(modelBytes('a'))
    await home.models.prepared.make(sha256, 'key', writeWeights)
    expect(readdirSync(join(path, 'prepared'))).toEqual([sha256])
    await home.models.remove('m')
    expect(readdirSync(join(path, 'prepared'))).toEqual([])
    await home.models.add('m', modelBytes('a'), signature, [])
    await home.models.prepared.make(sha256, 'key', writeWeights)
    await home.close()
    for (const name of [blob, `${sha256}.0123456789ab.tmp`]) mkdirSync(join(path, 'prepared', name))
    await (await Home.open({ path })).close()
    expect(readdirSync(join(path, 'prepared'))).toEqual([sha256])
    expect(existsSync(join(path, 'prepared', sha256, 'weights.bin'))).toBe(true)
  })
})
