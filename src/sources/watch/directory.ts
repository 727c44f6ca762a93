/**
 * A folder of models, looked at again and again. Polling, not the system's notices of changes: those do not cross network
 * file systems and the volumes of containers, get lost under load, and say nothing of what happened before the start.
 *
 * A file is taken when it has stopped changing: unchanged since the last look, or for WATCH_SETTLE_MS. Writers that rename a
 * finished file into place are fine at once or a look later; one that is still copying is waited for. What was read is
 * compared with what was listed, so that no half of one file and half of another becomes a version.
 */
import { createHash } from 'node:crypto'
import { createReadStream, type BigIntStats } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Clock } from '../../base/clock.js'
import { MODEL_BYTES_MAX } from '../../base/limits/limits.js'
import { WATCH_DEPTH_MAX, WATCH_FILES_MAX, WATCH_SETTLE_MS } from '../../base/limits/source-limits.js'
import { CONFIG_FILE } from '../../formats/triton/model-config.js'
import { TEXT_FORMAT_CHARACTERS_MAX } from '../../formats/triton/text-format.js'
import { reasonOf, sourceError } from '../imports/failures.js'
import { textInside } from '../imports/inside.js'
import { namedFiles } from '../imports/model-files.js'
import { isUnfinished, layoutOf, type PlacedFile, type PlacedVersion } from './layout.js'
import { sourceModels } from './placed-models.js'
import type { FetchedVersion, ModelSource, SourceListing, SourceProblem } from './source.js'

export interface DirectoryOptions {
  readonly path: string
  /** The alias that follows the newest version of each model. */
  readonly alias: string
  readonly clock: Clock
}

interface SeenFile extends PlacedFile {
  readonly isSettled: boolean
}

const CHUNK_BYTES = 1 << 20

export class DirectorySource implements ModelSource {
  readonly kind = 'directory'
  readonly place: string
  readonly #alias: string
  readonly #clock: Clock
  /** Tags of the last look, by path. */
  #before: ReadonlyMap<string, string> = new Map()

  constructor({ path, alias, clock }: DirectoryOptions) {
    this.place = resolve(path)
    this.#alias = alias
    this.#clock = clock
  }

  async list(): Promise<SourceListing> {
    const walk = new Walk(await rootOf(this.place), (path, entry) => this.#seen(path, entry))
    await walk.folder('', 0)
    const { files, problems } = walk
    this.#before = new Map(files.map(({ path, tag }) => [path, tag]))
    const settled = files.filter((file) => file.isSettled)
    const { configs, problems: unread } = this.#configs(settled)
    const layout = layoutOf(settled, configs)
    // A version whose data is still being written has all its files or none.
    const unfinished = files.filter((file) => !file.isSettled).map(({ path }) => path)
    const models = layout.models
      .map((model) => ({ ...model, versions: model.versions.filter((version) => isWhole(version, unfinished)) }))
      .filter(({ versions }) => versions.length > 0)
    return {
      models: sourceModels(models, {
        alias: this.#alias,
        sourceOf: () => null,
        fetch: (version, _key, signal) => this.#fetch(version, signal),
      }),
      problems: [...problems, ...unread, ...layout.problems],
      unfinished,
    }
  }

  #seen(path: string, { size, mtimeNs, mtimeMs, ino }: BigIntStats): SeenFile {
    const tag = `${size}-${mtimeNs}-${ino}`
    const ageMs = this.#clock.nowMs() - Number(mtimeMs)
    // A clock that is wrong, here or on the other side of a mount, costs one look.
    return { path, sizeBytes: Number(size), tag, isSettled: this.#before.get(path) === tag || ageMs >= WATCH_SETTLE_MS }
  }

  #configs(files: readonly PlacedFile[]): {
    readonly configs: Map<string, string>
    readonly problems: readonly SourceProblem[]
  } {
    const configs = new Map<string, string>()
    const problems: SourceProblem[] = []
    for (const { path } of files) {
      const [folder = '', name, ...deeper] = path.split('/')
      if (name !== CONFIG_FILE || deeper.length > 0) continue
      try {
        configs.set(folder, textInside(this.place, path, 'the configuration', TEXT_FORMAT_CHARACTERS_MAX))
      } catch (error) {
        problems.push({ subject: path, message: reasonOf(error) })
      }
    }
    return { configs, problems }
  }

  async #fetch({ file }: PlacedVersion, signal: AbortSignal): Promise<FetchedVersion> {
    const path = join(this.place, file.path)
    const digest = createHash('sha256')
    const read = async (each: string): Promise<Uint8Array> => {
      const bytes = await readWhole(each, signal)
      // Piece by piece: requests of others come in between.
      for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
        digest.update(bytes.subarray(start, start + CHUNK_BYTES))
        if (start > 0) await new Promise((done) => setImmediate(done))
      }
      return bytes
    }
    const bytes = await read(path)
    const externalData = new Map<string, Uint8Array>()
    const root = await realpath(this.place)
    let sizeBytes = bytes.length
    for (const [name, tensor] of namedFiles(bytes)) {
      const local = join(path, '..', name)
      const real = await realpath(local).catch((cause: unknown) => {
        throw sourceError(`The weights of ${file.path} (tensor ${tensor}) lie in ${name}: ${reasonOf(cause)}`, {
          cause,
        })
      })
      if (!real.startsWith(root + sep))
        throw sourceError(`The weights of ${file.path} lie in ${name}, which is a link out of ${this.place}`)
      externalData.set(name, await read(local))
      sizeBytes += externalData.get(name)?.length ?? 0
      if (sizeBytes > MODEL_BYTES_MAX)
        throw sourceError(`${file.path} with its data has more than ${MODEL_BYTES_MAX} bytes, where models end`)
    }
    const now = this.#seen(file.path, await stat(path, { bigint: true }))
    if (now.tag !== file.tag) throw sourceError(`${file.path} changed while it was read; it is read again`)
    const source = `${pathToFileURL(path).href}#sha256=${digest.digest('hex')}`
    return { bytes, externalData, lineage: { source } }
  }
}

async function rootOf(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) throw new Error('it is no folder')
    return await realpath(path)
  } catch (error) {
    throw sourceError(`Cannot look at ${path}: ${reasonOf(error)}`, { cause: error })
  }
}

function isWhole({ file }: PlacedVersion, unfinished: readonly string[]): boolean {
  const folder = file.path.slice(0, file.path.lastIndexOf('/') + 1)
  const name = file.path.slice(0, -'.onnx'.length)
  return !unfinished.some((path) => (folder === '' ? path.startsWith(name) : path.startsWith(folder)))
}

async function readWhole(path: string, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES, signal })) {
      sizeBytes += (chunk as Buffer).length
      if (sizeBytes > MODEL_BYTES_MAX) throw new Error(`it has more than ${MODEL_BYTES_MAX} bytes, where models end`)
      chunks.push(chunk as Buffer)
    }
  } catch (error) {
    throw sourceError(`Cannot read ${path}: ${reasonOf(error)}`, { cause: error })
  }
  return Buffer.concat(chunks, sizeBytes)
}

/** Files below a folder; links that lead out of it are problems, and what hides or is unfinished is passed over. */
class Walk {
  readonly files: SeenFile[] = []
  readonly problems: SourceProblem[] = []
  readonly #root: string
  readonly #see: (path: string, entry: BigIntStats) => SeenFile

  constructor(root: string, see: (path: string, entry: BigIntStats) => SeenFile) {
    this.#root = root
    this.#see = see
  }

  async folder(below: string, depth: number): Promise<void> {
    const names = await readdir(join(this.#root, below)).catch((cause: unknown) => {
      if (below === '') throw sourceError(`Cannot look at ${this.#root}: ${reasonOf(cause)}`, { cause })
      this.problems.push({ subject: below, message: `Cannot look at ${below}: ${reasonOf(cause)}` })
      return []
    })
    for (const name of names.sort()) {
      if (isUnfinished(name)) continue
      const path = below === '' ? name : `${below}/${name}`
      try {
        await this.#entry(path, depth)
      } catch (error) {
        // It may have gone since it was listed.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue
        if (isTooMany(error)) throw error
        this.problems.push({ subject: path, message: `Cannot look at ${path}: ${reasonOf(error)}` })
      }
    }
  }

  async #entry(path: string, depth: number): Promise<void> {
    const place = join(this.#root, path)
    if ((await lstat(place)).isSymbolicLink()) {
      const target = relative(this.#root, await realpath(place))
      if (target === '..' || target.startsWith(`..${sep}`) || target === '') {
        const message = `${path} is a link out of ${this.#root}. Nothing outside is read: copy it, or watch the folder that it leads to`
        this.problems.push({ subject: path, message })
        return
      }
    }
    const entry = await stat(place, { bigint: true })
    if (entry.isDirectory()) {
      if (depth < WATCH_DEPTH_MAX) await this.folder(path, depth + 1)
      return
    }
    if (!entry.isFile()) return
    if (this.files.length >= WATCH_FILES_MAX) throw tooMany(this.#root)
    this.files.push(this.#see(path, entry))
  }
}

const tooManyCause = Symbol('too many files')

function tooMany(root: string): Error {
  const text = `${root} has more than ${WATCH_FILES_MAX} files. Watch a folder that has models only`
  return sourceError(text, { cause: tooManyCause })
}

function isTooMany(error: unknown): boolean {
  return error instanceof Error && error.cause === tooManyCause
}
