/**
 * Files that were derived from a model's blob and can be made again: `prepared/<sha256 of the blob>/`. The engine keeps
 * there what ONNX Runtime made of a large model, so that all workers map its weights from one file.
 *
 *    prepared.json     written last: the key of what it was made by, and size and sha256 of every other file
 *    <other files>     as the maker left them
 *
 * A directory is filled under a temporary name, fsynced and renamed, so it is whole or not there. It is hashed when a
 * process first uses it, because altered weights answer wrongly without a word; what does not match is removed and made
 * again. Nothing here is state: no journal line, no lock of the registry's, and a failure costs memory, not service.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expectInteger, expectRecord, expectString } from '../base/expect.js'
import type { PreparedModel, PreparedStore } from '../engine/api/api.js'
import { sha256OfFile } from './blobs.js'
import { type Disk, makeDirectory, MODE_PUBLIC, storageError, TEMPORARY_SUFFIX } from './files/durable-file.js'
import { checkEach } from './record-check.js'

interface PreparedFile {
  readonly name: string
  readonly sizeBytes: number
  readonly sha256: string
}

interface Manifest {
  readonly key: string
  readonly remark: string
  readonly files: readonly PreparedFile[]
}

const MANIFEST = 'prepared.json'

export class Prepared implements PreparedStore {
  readonly #directory: string
  readonly #disk: Disk
  /** Directories whose content this process has hashed or written; their sizes are still looked at each time. */
  readonly #hashed = new Set<string>()

  constructor(directory: string, disk: Disk) {
    this.#directory = directory
    this.#disk = disk
  }

  async find(sha256: string, key: string): Promise<PreparedModel | undefined> {
    const directory = join(this.#directory, sha256)
    const manifest = await readManifest(directory)
    const isNonBatching = manifest?.key === key && (await this.#isNonBatching(directory, manifest))
    if (manifest !== undefined && isNonBatching) return toPrepared(directory, manifest)
    await this.remove(sha256)
    return undefined
  }

  /** @throws PenstockError ERR_STORAGE; whatever `make` throws. Nothing is left behind then. */
  async make(sha256: string, key: string, make: (directory: string) => Promise<string>): Promise<PreparedModel> {
    const directory = join(this.#directory, sha256)
    const temporary = `${directory}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`
    try {
      await makeDirectory(this.#disk, this.#directory)
      await mkdir(temporary)
      const remark = await make(temporary)
      const manifest: Manifest = { key, remark, files: await sealFiles(temporary) }
      await this.#disk.create(join(temporary, MANIFEST), [Buffer.from(`${JSON.stringify(manifest)}\n`)], MODE_PUBLIC)
      await this.#disk.syncDirectory(temporary)
      await this.remove(sha256)
      await this.#disk.rename(temporary, directory)
      await this.#disk.syncDirectory(this.#directory)
      this.#hashed.add(directory)
      return toPrepared(directory, manifest)
    } catch (error) {
      await removeTree(temporary)
      throw storageError(`Could not keep prepared weights in ${this.#directory}`, error)
    }
  }

  /** Sessions that have mapped the files keep them until they end. */
  async remove(sha256: string): Promise<void> {
    const directory = join(this.#directory, sha256)
    this.#hashed.delete(directory)
    await removeTree(directory)
  }

  /** Removes what killed processes left half made, and what was derived from blobs that nothing refers to. */
  async collect(referenced: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.#directory).catch(() => [])
    for (const name of names) if (!referenced.has(name)) await removeTree(join(this.#directory, name))
  }

  async #isNonBatching(directory: string, manifest: Manifest): Promise<boolean> {
    const isHashed = this.#hashed.has(directory)
    for (const { name, sizeBytes, sha256 } of manifest.files) {
      const path = join(directory, name)
      try {
        if ((await stat(path)).size !== sizeBytes) return false
        if (!isHashed && (await sha256OfFile(path)) !== sha256) return false
      } catch {
        // Missing or unreadable: it is made again, and if that fails too, the caller gets the error.
        return false
      }
    }
    this.#hashed.add(directory)
    return true
  }
}

function toPrepared(directory: string, { remark, files }: Manifest): PreparedModel {
  return { directory: files.length === 0 ? null : directory, remark }
}

/** undefined when there is none that this program wrote. */
async function readManifest(directory: string): Promise<Manifest | undefined> {
  try {
    const fields = expectRecord('the file', JSON.parse(await readFile(join(directory, MANIFEST), 'utf8')))
    return {
      key: expectString('key', fields['key']),
      remark: expectString('remark', fields['remark']),
      files: checkEach('files', fields['files'], checkFile),
    }
  } catch {
    return undefined
  }
}

function checkFile(path: string, value: unknown): PreparedFile {
  const fields = expectRecord(path, value)
  return {
    name: expectString(`${path}.name`, fields['name']),
    sizeBytes: expectInteger(`${path}.sizeBytes`, fields['sizeBytes'], 0, Number.MAX_SAFE_INTEGER),
    sha256: expectString(`${path}.sha256`, fields['sha256']),
  }
}

/** Makes what the maker wrote durable, and describes it. */
async function sealFiles(directory: string): Promise<PreparedFile[]> {
  const files: PreparedFile[] = []
  for (const name of (await readdir(directory)).sort()) {
    const path = join(directory, name)
    const file = await open(path, 'r')
    try {
      await file.sync()
      const { size } = await file.stat()
      files.push({ name, sizeBytes: size, sha256: await sha256OfFile(path) })
    } finally {
      await file.close()
    }
  }
  return files
}

/** Quietly: what stays behind is removed at the next open. */
async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined)
}
