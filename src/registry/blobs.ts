/**
 * Content-addressed files: `blobs/<sha256 of the content>`. Identical content is stored once; a blob is immutable, so a
 * path that was handed to an inference worker stays valid until the last version that refers to it is removed (and an
 * open file longer still).
 * Bytes are hashed while they are written. A blob that is added again replaces the stored file, which repairs one that
 * was damaged.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PenstockError } from '../base/errors.js'
import { MODEL_BYTES_MAX } from '../base/limits/limits.js'
import { type Disk, MODE_PUBLIC, removeQuietly, storageError, temporaryPath } from './files/durable-file.js'

/** Large enough that syscalls do not count, small enough that hashing never holds the thread for long (~1 ms). */
const CHUNK_BYTES = 1 << 20
const SHA256_HEX = /^[0-9a-f]{64}$/

export class Blobs {
  readonly directory: string
  readonly #disk: Disk
  /** What is wrong with a blob, by sha256, as the last look found it. */
  readonly #problems = new Map<string, string>()

  constructor(directory: string, disk: Disk) {
    this.directory = directory
    this.#disk = disk
  }

  /** @throws PenstockError ERR_ARGUMENT when it is no sha256 in lower-case hex, so that no path can be smuggled in. */
  path(sha256: string): string {
    if (!SHA256_HEX.test(sha256)) {
      const text = `Expected sha256 to be 64 lower-case hexadecimal digits but received ${JSON.stringify(sha256)}.`
      throw new PenstockError('ERR_ARGUMENT', text)
    }
    return join(this.directory, sha256)
  }

  /**
   * The path of a blob that is to be used as a model.
   * @throws PenstockError ERR_STORAGE when the last look found it missing or altered: a model that answers wrongly is
   *   worse than one that does not answer.
   */
  usablePath(sha256: string): string {
    const path = this.path(sha256)
    const problem = this.#problems.get(sha256)
    if (problem === undefined) return path
    throw new PenstockError(
      'ERR_STORAGE',
      `The stored model is damaged: ${problem}. Add the same file again to repair it.`,
    )
  }

  /** Stores `bytes` durably; lent until the promise settles. Returns their sha256. */
  async put(bytes: Uint8Array): Promise<string> {
    if (bytes.byteLength === 0 || bytes.byteLength > MODEL_BYTES_MAX) {
      const text = `Expected the content to have 1..${MODEL_BYTES_MAX} bytes but received ${bytes.byteLength}.`
      throw new PenstockError('ERR_ARGUMENT', text)
    }
    const hash = createHash('sha256')
    const temporary = temporaryPath(join(this.directory, 'incoming'))
    try {
      await this.#disk.create(temporary, hashed(chunksOf(bytes), hash), MODE_PUBLIC)
      const sha256 = hash.digest('hex')
      await this.#disk.rename(temporary, this.path(sha256))
      await this.#disk.syncDirectory(this.directory)
      this.#problems.delete(sha256)
      return sha256
    } catch (error) {
      await removeQuietly(this.#disk, temporary)
      throw storageError(`Could not store a blob in ${this.directory}`, error)
    }
  }

  async remove(sha256: string): Promise<void> {
    try {
      await this.#disk.unlink(this.path(sha256))
    } catch (error) {
      throw storageError(`Could not remove the blob ${sha256}`, error)
    }
  }

  /** Names of all files that are blobs. */
  async list(): Promise<string[]> {
    return (await readdir(this.directory)).filter((name) => SHA256_HEX.test(name))
  }

  /**
   * Returns a clause that says what is wrong with the stored blob, or undefined; `usablePath` remembers it.
   * @param sizeBytes what was recorded. @param options.content hash the content as well, about a second per GiB.
   */
  async problemOf(sha256: string, sizeBytes: number, options: { content: boolean }): Promise<string | undefined> {
    const problem = await findProblem(this.path(sha256), sha256, sizeBytes, options.content)
    if (problem !== undefined) this.#problems.set(sha256, problem)
    // A look at the size alone does not clear a blob whose content was found altered.
    else if (options.content) this.#problems.delete(sha256)
    return problem
  }
}

async function findProblem(
  path: string,
  sha256: string,
  sizeBytes: number,
  isContent: boolean,
): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    if (size !== sizeBytes) return `${path} has ${size} bytes, not the recorded ${sizeBytes}`
    if (!isContent) return undefined
    const actual = await sha256OfFile(path)
    return actual === sha256 ? undefined : `the content of ${path} has sha256 ${actual}, so it was altered`
  } catch (error) {
    return `${path} cannot be read (${error instanceof Error ? error.message : String(error)})`
  }
}

/** sha256 in hex, in steps that leave the thread to others in between. */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (const chunk of chunksOf(bytes)) {
    hash.update(chunk)
    await new Promise((resume) => setImmediate(resume))
  }
  return hash.digest('hex')
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES)
}

function* hashed(chunks: Iterable<Uint8Array>, hash: { update(chunk: Uint8Array): unknown }): Generator<Uint8Array> {
  for (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

/** Deletes blobs of removed versions that nothing refers to any more; a failure only delays it to the next open. */
export async function removeUnreferenced(
  { blobs, isReferenced }: { readonly blobs: Blobs; readonly isReferenced: (sha256: string) => boolean },
  removed: readonly { readonly sha256: string }[],
): Promise<void> {
  for (const sha256 of new Set(removed.map((version) => version.sha256)))
    if (!isReferenced(sha256)) await blobs.remove(sha256).catch(() => undefined)
}
