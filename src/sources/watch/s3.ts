/** Models below a prefix of an S3-compatible bucket, told apart by their ETags; a listing a look, a download a new version. */
import { MODEL_BYTES_MAX } from '../../base/limits/limits.js'
import { WATCH_FILES_MAX } from '../../base/limits/source-limits.js'
import { CONFIG_FILE } from '../../formats/triton/model-config.js'
import { TEXT_FORMAT_CHARACTERS_MAX } from '../../formats/triton/text-format.js'
import { reasonOf, sourceError } from '../imports/failures.js'
import { namedFiles } from '../imports/model-files.js'
import { isPathBelow, isUnfinished, layoutOf, type PlacedFile, type PlacedVersion } from './layout.js'
import { sourceModels } from './placed-models.js'
import { S3Client, s3Place, type S3Place } from './s3-client.js'
import type { FetchedVersion, ModelSource, SourceListing, SourceProblem } from './source.js'

export interface S3Options {
  /** `s3://bucket/prefix`. */
  readonly uri: string
  /** The alias that follows the newest version of each model. */
  readonly alias: string
  readonly environment: NodeJS.ProcessEnv
}

export class S3Source implements ModelSource {
  readonly kind = 's3'
  readonly place: string
  readonly #alias: string
  readonly #at: S3Place
  readonly #client: S3Client

  /** @throws PenstockError ERR_SOURCE. */
  constructor({ uri, alias, environment }: S3Options) {
    this.#at = s3Place(uri)
    this.place = `s3://${this.#at.bucket}/${this.#at.prefix}`
    this.#alias = alias
    this.#client = new S3Client(this.#at, environment)
  }

  async list(signal: AbortSignal): Promise<SourceListing> {
    const { files, problems } = await this.#files(signal)
    const { configs, problems: unread } = await this.#configs(files, signal)
    const layout = layoutOf(files, configs)
    return {
      models: sourceModels(layout.models, {
        alias: this.#alias,
        // An ETag is of the content; with data files the key has those of all.
        sourceOf: ({ file }, key) => `${this.place}${file.path}#${key.slice(key.lastIndexOf('#') + 1)}`,
        fetch: (version, key, call) => this.#fetch(version, key, call),
      }),
      problems: [...problems, ...unread, ...layout.problems],
      unfinished: [],
    }
  }

  async #files(
    signal: AbortSignal,
  ): Promise<{ readonly files: PlacedFile[]; readonly problems: readonly SourceProblem[] }> {
    const files: PlacedFile[] = []
    const problems: SourceProblem[] = []
    let token = ''
    let listed = 0
    do {
      const { objects, next } = await this.#client.list(token, signal)
      listed += objects.length
      if (listed > WATCH_FILES_MAX)
        throw sourceError(`${this.place} has more than ${WATCH_FILES_MAX} objects. Watch a prefix that has models only`)
      if (next !== '' && (next === token || objects.length === 0))
        throw sourceError(`The listing of ${this.place} does not come to its end`)
      for (const { key, sizeBytes, etag } of objects) {
        if (!key.startsWith(this.#at.prefix)) continue
        const path = key.slice(this.#at.prefix.length)
        // Consoles keep folders as empty objects.
        if (path === '' || path.endsWith('/')) continue
        if (!isPathBelow(path))
          problems.push({
            subject: path,
            message: `${JSON.stringify(path.slice(0, 200))} is no path below ${this.place}: nothing of it is read. Rename the object`,
          })
        else if (!path.split('/').some(isUnfinished)) files.push({ path, sizeBytes, tag: etag.replaceAll('"', '') })
      }
      token = next
    } while (token !== '')
    return { files, problems }
  }

  async #configs(files: readonly PlacedFile[], signal: AbortSignal) {
    const configs = new Map<string, string>()
    const problems: SourceProblem[] = []
    for (const file of files) {
      const [folder = '', name, ...deeper] = file.path.split('/')
      if (name !== CONFIG_FILE || deeper.length > 0) continue
      try {
        configs.set(folder, Buffer.from(await this.#get(file, TEXT_FORMAT_CHARACTERS_MAX, signal)).toString('utf8'))
      } catch (error) {
        if (signal.aborted) throw error
        problems.push({ subject: file.path, message: reasonOf(error) })
      }
    }
    return { configs, problems }
  }

  async #fetch({ file, beside }: PlacedVersion, key: string, signal: AbortSignal): Promise<FetchedVersion> {
    const bytes = await this.#get(file, MODEL_BYTES_MAX, signal)
    const externalData = new Map<string, Uint8Array>()
    const folder = file.path.slice(0, file.path.lastIndexOf('/') + 1)
    let sizeBytes = bytes.length
    for (const [name, tensor] of namedFiles(bytes)) {
      const data = beside.find(({ path }) => path === `${folder}${name}`)
      if (data === undefined)
        throw sourceError(
          `The weights of ${file.path} (tensor ${tensor}) lie in ${name}, which is not beside it. Put it there`,
        )
      externalData.set(name, await this.#get(data, MODEL_BYTES_MAX - sizeBytes, signal))
      sizeBytes += externalData.get(name)?.length ?? 0
    }
    const source = `${this.place}${file.path}#${key.slice(key.lastIndexOf('#') + 1)}`
    return { bytes, externalData, lineage: { source } }
  }

  #get({ path, sizeBytes, tag }: PlacedFile, bytesMax: number, signal: AbortSignal): Promise<Uint8Array> {
    if (sizeBytes > bytesMax) throw sourceError(`${path} has ${sizeBytes} bytes; at most ${bytesMax} are read`)
    return this.#client.get(`${this.#at.prefix}${path}`, `"${tag}"`, bytesMax, signal)
  }
}
