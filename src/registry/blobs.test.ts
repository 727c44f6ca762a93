import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Blobs, sha256Of, sha256OfFile } from './blobs.js'
import { nodeDisk } from './files/durable-file.js'
import { FaultyDisk } from './testing/faulty-disk.js'
import { modelBytes, temporaryDirectory } from './testing/fixtures.js'

function openBlobs(disk = nodeDisk): Blobs {
  const directory = join(temporaryDirectory(), 'blobs')
  mkdirSync(directory)
  return new Blobs(directory, disk)
}

/** Node's own one-shot hash, as the reference. */
function referenceSha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('blobs', () => {
  it.each([1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_500_000])(
    'put: stores %i bytes under their sha256',
    async (sizeBytes) => {
      const blobs = openBlobs()
      const bytes = Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 31) & 0xff)
      const sha256 = await blobs.put(bytes)
      expect(sha256).toBe(referenceSha256(bytes))
      expect(readFileSync(blobs.path(sha256)).equals(bytes)).toBe(true)
      expect(await sha256Of(bytes)).toBe(sha256)
      expect(await sha256OfFile(blobs.path(sha256))).toBe(sha256)
      expect(await blobs.problemOf(sha256, sizeBytes, { content: true })).toBeUndefined()
    },
  )

  it('put: stores identical content once', async () => {
    const blobs = openBlobs()
    const [first, second] = [await blobs.put(modelBytes('same')), await blobs.put(modelBytes('same'))]
    expect(second).toBe(first)
    expect(await blobs.list()).toEqual([first])
    expect(readdirSync(blobs.directory)).toEqual([first])
  })

  it('put: refuses nothing at all', async () => {
    await expect(openBlobs().put(new Uint8Array())).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })

  it.each([0, 1, 2])('put: reports a failing operation %i and leaves no temporary file', async (index) => {
    const disk = new FaultyDisk()
    const blobs = openBlobs(disk)
    disk.failAfter(index)
    await expect(blobs.put(modelBytes('lost'))).rejects.toMatchObject({
      code: 'ERR_STORAGE',
      cause: { code: 'ENOSPC' },
    })
    expect(readdirSync(blobs.directory).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('problemOf: distinguishes a missing, a cut and an altered blob apart', async () => {
    const blobs = openBlobs()
    const bytes = modelBytes('fine')
    const sha256 = await blobs.put(bytes)
    const altered = Uint8Array.from(bytes)
    altered[3] = (altered[3] ?? 0) ^ 1
    writeFileSync(blobs.path(sha256), altered)
    expect(await blobs.problemOf(sha256, bytes.byteLength, { content: false })).toBeUndefined()
    expect(await blobs.problemOf(sha256, bytes.byteLength, { content: true })).toMatch(/it was altered/)
    writeFileSync(blobs.path(sha256), bytes.subarray(1))
    expect(await blobs.problemOf(sha256, bytes.byteLength, { content: false })).toMatch(
      /has \d+ bytes, not the recorded/,
    )
    await blobs.remove(sha256)
    expect(await blobs.problemOf(sha256, bytes.byteLength, { content: false })).toMatch(/cannot be read.*ENOENT/)
  })

  it('put: repairs an altered blob', async () => {
    const blobs = openBlobs()
    const bytes = modelBytes('fine')
    const sha256 = await blobs.put(bytes)
    writeFileSync(blobs.path(sha256), 'x')
    await blobs.put(bytes)
    expect(await blobs.problemOf(sha256, bytes.byteLength, { content: true })).toBeUndefined()
  })

  it.each(['', '../../etc/passwd', 'A'.repeat(64), 'a'.repeat(63)])('path: refuses %j', (name) => {
    expect(() => openBlobs().path(name)).toThrow(/Expected sha256 to be 64 lower-case/)
  })
})
