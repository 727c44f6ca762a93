import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import { makeDirectory, MODE_SECRET, nodeDisk, removeTemporaries, replaceFile, storageError } from './durable-file.js'
import { FaultyDisk } from '../testing/faulty-disk.js'
import { temporaryDirectory } from '../testing/fixtures.js'

describe('durable-file', () => {
  it('replaceFile: writes aside, renames, then makes the directory durable, in that order', async () => {
    const disk = new FaultyDisk()
    const path = join(temporaryDirectory(), 'a.json')
    await replaceFile(disk, path, 'one', MODE_SECRET)
    expect(disk.operations.map(({ operation }) => operation)).toEqual(['create', 'rename', 'syncDirectory'])
    expect(disk.operations[0]?.path).not.toBe(path)
    expect(readFileSync(path, 'utf8')).toBe('one')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it.each([0, 1])(
    'replaceFile: keeps the old content and leaves nothing behind when operation %i fails',
    async (index) => {
      const disk = new FaultyDisk()
      const directory = temporaryDirectory()
      const path = join(directory, 'a.json')
      await replaceFile(disk, path, 'old')
      disk.failAfter(index)
      const failure = replaceFile(disk, path, 'new content')
      await expect(failure).rejects.toMatchObject({ code: 'ERR_STORAGE', cause: { code: 'ENOSPC' } })
      await expect(failure).rejects.toThrow(/Could not write .*a\.json.*Free some space/)
      expect(readFileSync(path, 'utf8')).toBe('old')
      expect(readdirSync(directory)).toEqual(['a.json'])
    },
  )

  it('replaceFile: reports a failing fsync of the directory, with either content complete', async () => {
    const disk = new FaultyDisk()
    const path = join(temporaryDirectory(), 'a.json')
    await replaceFile(disk, path, 'old')
    disk.failAfter(2)
    await expect(replaceFile(disk, path, 'new')).rejects.toMatchObject({ code: 'ERR_STORAGE' })
    expect(['old', 'new']).toContain(readFileSync(path, 'utf8'))
  })

  it('appendLine: starts a new line after a torn one', async () => {
    const path = join(temporaryDirectory(), 'journal.jsonl')
    await nodeDisk.appendLine(path, 'one')
    writeFileSync(path, 'torn', { flag: 'a' })
    await nodeDisk.appendLine(path, 'two')
    expect(readFileSync(path, 'utf8')).toBe('one\ntorn\ntwo\n')
  })

  it('makeDirectory: makes the missing directories, takes an existing one, and ends where none can be made', async () => {
    const path = join(temporaryDirectory(), 'a', 'b', 'c')
    await makeDirectory(nodeDisk, path)
    await makeDirectory(nodeDisk, path)
    expect(statSync(path).isDirectory()).toBe(true)
    writeFileSync(join(path, 'file'), '')
    await expect(makeDirectory(nodeDisk, join(path, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(makeDirectory(nodeDisk, join(path, 'file', 'd'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    if (process.platform === 'linux')
      await expect(makeDirectory(nodeDisk, '/proc/penstock/d')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('removeTemporaries: removes files that end in .tmp and no others', async () => {
    const directory = temporaryDirectory()
    for (const name of ['a.json', 'a.json.0123.tmp', 'incoming.ff.tmp']) writeFileSync(join(directory, name), '')
    expect(await removeTemporaries(nodeDisk, directory)).toBe(2)
    expect(readdirSync(directory)).toEqual(['a.json'])
  })

  it('storageError: passes a PenstockError unchanged and says what to do about permissions', () => {
    const own = new PenstockError('ERR_CONFLICT', 'no')
    expect(storageError('Could not', own)).toBe(own)
    const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
    expect(storageError('Could not create /x', denied).message).toMatch(/writable for this user/)
  })
})
