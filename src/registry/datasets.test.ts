import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { datasetsOf } from '../files/datasets/dataset-store.js'
import { Home } from './home.js'
import { readJournal } from './journal.js'
import { FaultyDisk } from './testing/faulty-disk.js'
import { temporaryDirectory } from './testing/fixtures.js'

const csv = (text: string): Uint8Array => Buffer.from(text)
const wines = csv('type,alcohol,quality\nred,9.4,5\nwhite,,6\n')
const sha256 = createHash('sha256').update(wines).digest('hex')
const blobs = (path: string): string[] => readdirSync(join(path, 'blobs'))

describe('datasets of a home', () => {
  it('are kept byte for byte, with what their tables have, and are there again after a restart', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const store = datasetsOf(home)
    const version = await store.put('wine', wines, { format: 'csv', split: 'train' })
    expect(version).toEqual({
      version: 1,
      format: 'csv',
      split: 'train',
      sha256,
      sizeBytes: wines.byteLength,
      rows: 2,
      columns: [
        { name: 'type', dtype: 'string', isNullable: false, shape: [] },
        { name: 'alcohol', dtype: 'float64', isNullable: false, shape: [] },
        { name: 'quality', dtype: 'int64', isNullable: false, shape: [] },
      ],
      createdAt: expect.any(String) as string,
    })
    expect(readFileSync(store.pathOf(version))).toEqual(Buffer.from(wines))
    expect(await store.rows(version, 1)).toEqual([{ type: 'red', alcohol: 9.4, quality: 5n }])
    expect(await store.rows(version, 10)).toHaveLength(2)
    await home.close()
    const again = await Home.open({ path, verifyContent: true })
    expect(again.problems).toEqual([])
    expect(again.datasets.get('wine')?.versions).toEqual([version])
    await again.close()
    const { entries } = await readJournal(join(path, 'journal.jsonl'))
    expect(entries.map(({ kind, name }) => [kind, name])).toEqual([['dataset.create', 'datasets/wine']])
  })

  it('share their bytes, and give them up with the last version that has them', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const store = datasetsOf(home)
    const first = await store.put('wine', wines, { format: 'csv' })
    expect(await store.put('wine', wines, { format: 'csv' })).toEqual(first)
    expect((await store.put('wine', wines, { format: 'csv', split: 'test' })).version).toBe(2)
    await store.put('copy', wines, { format: 'csv' })
    expect(blobs(path)).toEqual([sha256])
    await store.removeVersion('wine', 1)
    await store.remove('wine')
    expect(blobs(path)).toEqual([sha256])
    expect((await store.put('wine', wines, { format: 'csv' })).version).toBe(3)
    await store.remove('wine')
    await store.remove('copy')
    expect(blobs(path)).toEqual([])
    await home.close()
  })

  it('share them with models, which keep them', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const field = (name: string) => ({ name, dtype: 'float32' as const, shape: [null, 1] })
    const batchingProof = { isProven: false, basis: 'none', culprits: [], checkedAt: null, untried: [] } as never
    const signature = {
      inputs: [field('x')],
      outputs: [field('y')],
      batching: 'rows' as const,
      remark: '',
      batchingProof,
    }
    await home.models.add('m', wines, signature, [])
    const store = datasetsOf(home)
    await store.put('wine', wines, { format: 'csv' })
    await store.remove('wine')
    expect(blobs(path)).toEqual([sha256])
    await store.put('wine', wines, { format: 'csv' })
    await home.models.remove('m')
    expect(blobs(path)).toEqual([sha256])
    await home.close()
    await (await Home.open({ path })).close()
    expect(blobs(path)).toEqual([sha256])
  })

  it.each([
    ['csv', 'a,a\n1,2\n', /columns of different names/],
    ['csv', 'a,b\n1\n', /2 cells in row 2/],
    ['parquet', 'no parquet', /Expected .* to be a whole file|parquet/i],
    ['arrow', '', /1\.\.|received 0/],
    ['ndjson', '{"a":[1]}\n', /Tensors come in Arrow or Parquet/],
  ] as const)('leave nothing of a file that is no table: %s %j', async (format, text, message) => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const error = await datasetsOf(home)
      .put('bad', csv(text), { format })
      .then(() => null, String)
    expect(error).toMatch(message)
    expect(error).not.toContain(path)
    expect(home.datasets.list()).toEqual([])
    expect(blobs(path)).toEqual([])
    await home.close()
  })

  it('are as they were when the disk fails in any step of a change', async () => {
    const path = temporaryDirectory()
    const disk = new FaultyDisk()
    const home = await Home.open({ path, disk })
    const store = datasetsOf(home)
    await store.put('wine', wines, { format: 'csv' })
    for (let index = 0; index < 5; index++) {
      disk.failAfter(index)
      await expect(store.put('wine', csv(`a\n${index}\n`), { format: 'csv' })).rejects.toMatchObject({
        code: 'ERR_STORAGE',
      })
      expect(home.datasets.get('wine')?.versions).toHaveLength(1)
    }
    expect((await store.put('wine', csv('a\n9\n'), { format: 'csv' })).version).toBe(2)
    await home.close()
  })

  it('are refused when their file was altered, and repaired by the same file', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const store = datasetsOf(home)
    const version = await store.put('wine', wines, { format: 'csv' })
    writeFileSync(store.pathOf(version), 'x')
    expect(await home.verify()).toEqual([expect.stringMatching(/The blob of dataset wine, version 1, is damaged/)])
    expect(() => store.pathOf(version)).toThrow(/damaged/)
    expect(await store.put('wine', wines, { format: 'csv' })).toEqual(version)
    expect(readFileSync(store.pathOf(version))).toEqual(Buffer.from(wines))
    await home.close()
  })

  it('stop the open with the file and the field when they are damaged', async () => {
    const path = temporaryDirectory()
    await (await Home.open({ path })).close()
    const file = join(path, 'datasets', 'wine.json')
    writeFileSync(
      file,
      JSON.stringify({ name: 'wine', revision: 1, nextVersion: 2, versions: [{ version: 1, format: 'xls' }] }),
    )
    await expect(Home.open({ path })).rejects.toThrow(/wine\.json is damaged.*versions\[0\]/)
    expect(existsSync(file)).toBe(true)
  })
})
