/**
 * Where a reference of an MLflow registry leads, `models:/wine@champion` or `models:/wine/Production`: the version that it
 * means now, under the same alias here.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sourceError } from '../imports/failures.js'
import { mlflowCredentials, type MlflowCredentials } from '../imports/mlflow-credentials.js'
import { downloadVersion, MlflowServer, resolveVersion } from '../imports/mlflow-server.js'
import { readMlflowFolder } from '../imports/mlflow.js'
import { dataFilesOf } from '../imports/model-files.js'
import type { FetchedVersion, ModelSource, SourceListing } from './source.js'

export interface MlflowAliasOptions {
  /** `models:/name@alias`, `models:/name/latest` or `models:/name/Stage`; a number does not move. */
  readonly uri: string
  /** Address of the tracking server. */
  readonly tracking: string
  /** The alias of references that have none of their own: `latest`. */
  readonly alias: string
  readonly environment: NodeJS.ProcessEnv
}

const REFERENCE = /^models:\/([^/@]+)(?:@([\w-]+)|\/([^/@]+))$/

export class MlflowAliasSource implements ModelSource {
  readonly kind = 'mlflow'
  readonly place: string
  readonly #uri: string
  readonly #tracking: string
  readonly #alias: string
  readonly #name: string
  readonly #credentials: MlflowCredentials

  /** @throws PenstockError ERR_SOURCE. */
  constructor({ uri, tracking, alias, environment }: MlflowAliasOptions) {
    const [, name, ownAlias, selector = ''] = REFERENCE.exec(uri) ?? []
    if (name === undefined || /^\d+$/.test(selector))
      throw sourceError(
        `Expected a reference that moves, models:/name@alias, models:/name/latest or models:/name/Production, but received ${uri}`,
      )
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(name))
      throw sourceError(
        `${JSON.stringify(name)} is no name for a model here: letters, digits, hyphens and underscores only. Import it with \`penstock model import --name\``,
      )
    this.#credentials = mlflowCredentials(environment)
    this.#tracking = new MlflowServer(tracking, this.#credentials).address
    this.#uri = uri
    this.#name = name
    this.#alias = ownAlias ?? (selector.toLowerCase() === 'latest' ? alias : selector)
    this.place = `${uri} at ${this.#tracking}`
  }

  async list(signal: AbortSignal): Promise<SourceListing> {
    const server = new MlflowServer(this.#tracking, this.#credentials, signal)
    const { name, version } = await resolveVersion(server, this.#uri)
    const source = `models:/${name}/${version}`
    const found = {
      key: source,
      label: source,
      source,
      fetch: (call: AbortSignal) => this.#fetch(source, call),
    }
    const aliases = new Map([[this.#alias, [source]]])
    return { models: [{ name: this.#name, versions: [found], aliases }], problems: [], unfinished: [] }
  }

  async #fetch(source: string, signal: AbortSignal): Promise<FetchedVersion> {
    const folder = await mkdtemp(join(tmpdir(), 'penstock-watch-'))
    try {
      const server = new MlflowServer(this.#tracking, this.#credentials, signal)
      const { lineage } = await downloadVersion(server, source, folder)
      const read = readMlflowFolder(folder)
      const externalData = new Map<string, Uint8Array>()
      for (const [path, file] of await dataFilesOf(read.file)) externalData.set(path, await readFile(file.path))
      return {
        bytes: await readFile(read.file),
        externalData,
        lineage: { ...read.lineage, ...lineage, source },
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}
