/**
 * A version of MLflow's registry, downloaded from its server: the registry says which version is meant, the run what it
 * measured, and the artifacts come through the server itself (`--serve-artifacts`, its default), so that no store's key is
 * needed here. The server is not trusted: answers, files and time are bounded, and paths stay in the folder.
 *
 * Metrics are taken of the run, not of the logged model: releases up to 3.17 answer NaN there as 0.
 */
import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Lineage } from '../../base/lineage.js'
import { LINEAGE_ENTRIES_MAX, LINEAGE_TEXT_CHARACTERS_MAX, MODEL_BYTES_MAX } from '../../base/limits/limits.js'
import { isPenstockError, type PenstockError } from '../../base/errors.js'
import { reasonOf, sourceError } from './failures.js'
import { mlflowCredentials, type MlflowCredentials } from './mlflow-credentials.js'
import { isRecord } from '../../base/expect.js'

export interface DownloadedVersion {
  /** Its name and version in MLflow's registry. */
  readonly name: string
  readonly version: string
  readonly lineage: Lineage
}

const MODEL_URI = /^models:\/([^/@]+)(?:\/([^/@]+)|@([\w-]+))$/
const ANSWER_BYTES_MAX = 16 << 20
/** Beside the model and its weights: an environment, an example. */
const FOLDER_BYTES_MAX = MODEL_BYTES_MAX + (64 << 20)
const FILES_MAX = 1000
const DEPTH_MAX = 8
const DOWNLOAD_MS_MAX = 600_000
const MESSAGE_CHARACTERS_MAX = 500

type Members = Readonly<Record<string, unknown>>

export function isMlflowUri(text: string): boolean {
  return text.startsWith('models:/')
}

/**
 * Downloads the artifacts of a version into `folder`.
 * @param uri `models:/name/3`, `models:/name/latest`, `models:/name/Production` or `models:/name@alias`.
 * @param tracking address of the server, `http://host:5000`.
 * @throws PenstockError ERR_SOURCE: no such version, an answer that is not MLflow's, or more than the limits.
 */
export async function downloadVersion(
  tracking: string | MlflowServer,
  uri: string,
  folder: string,
): Promise<DownloadedVersion> {
  const server = typeof tracking === 'string' ? new MlflowServer(tracking) : tracking
  const found = await findVersion(server, uri)
  const [name, version] = [textOf(found, 'name'), textOf(found, 'version')]
  const { artifact_uri: place } = await server.get('mlflow/model-versions/get-download-uri', { name, version })
  await new Download(server, folder).folder(artifactPath(place), '', 0)
  const runId = typeof found['run_id'] === 'string' ? found['run_id'] : ''
  const run = runId === '' ? {} : await runLineage(server, runId)
  return { name, version, lineage: { source: `models:/${name}/${version}`, ...run } }
}

/** The version that a URI means now, by its name and number in MLflow's registry. */
export async function resolveVersion(
  server: MlflowServer,
  uri: string,
): Promise<Pick<DownloadedVersion, 'name' | 'version'>> {
  const found = await findVersion(server, uri)
  return { name: textOf(found, 'name'), version: textOf(found, 'version') }
}

async function findVersion(server: MlflowServer, uri: string): Promise<Members> {
  const [, name = '', selector, alias] = MODEL_URI.exec(uri) ?? []
  if (name === '')
    throw sourceError(
      `Expected a version as models:/name/3, models:/name/latest, models:/name/Production or models:/name@alias but received ${uri}`,
    )
  if (alias !== undefined)
    return recordOf(await server.get('mlflow/registered-models/alias', { name, alias }), 'model_version')
  const wanted = selector ?? ''
  if (/^\d+$/.test(wanted))
    return recordOf(await server.get('mlflow/model-versions/get', { name, version: wanted }), 'model_version')
  const isLatest = wanted.toLowerCase() === 'latest'
  // Without stages the answer has the newest version of each stage.
  const answer = await server.get(
    'mlflow/registered-models/get-latest-versions',
    isLatest ? { name } : { name, stages: wanted },
  )
  const versions = listOf(answer, 'model_versions').sort((a, b) => Number(a['version']) - Number(b['version']))
  const newest = versions.at(-1)
  if (newest === undefined)
    throw sourceError(`Model ${name} has no version ${isLatest ? '' : `in the stage ${wanted} `}at ${server.address}`)
  return newest
}

async function runLineage(server: MlflowServer, runId: string): Promise<Lineage> {
  const run = recordOf(await server.get('mlflow/runs/get', { run_id: runId }), 'run')
  const data = isRecord(run['data']) ? run['data'] : {}
  const metrics = entriesOf(data, 'metrics').filter((entry): entry is [string, number] => Number.isFinite(entry[1]))
  const params = entriesOf(data, 'params').filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' && entry[1].length <= LINEAGE_TEXT_CHARACTERS_MAX,
  )
  const datasetDigest = digestOf(isRecord(run['inputs']) ? run['inputs'] : {})
  return {
    runId,
    ...(metrics.length === 0 ? {} : { metrics: Object.fromEntries(metrics) }),
    ...(params.length === 0 ? {} : { params: Object.fromEntries(params) }),
    ...(datasetDigest === undefined ? {} : { datasetDigest }),
  }
}

/** The digest of the data for training; of other data, where none is called so. */
function digestOf(inputs: Members): string | undefined {
  const datasets = listOf(inputs, 'dataset_inputs').map((input) => ({
    isTraining: listOf(input, 'tags').some(({ key, value }) => key === 'mlflow.data.context' && value === 'training'),
    digest: isRecord(input['dataset']) ? input['dataset']['digest'] : undefined,
  }))
  const { digest } = datasets.find(({ isTraining }) => isTraining) ?? datasets[0] ?? {}
  return typeof digest === 'string' && /^[\x20-\x7e]{1,256}$/.test(digest) ? digest : undefined
}

function entriesOf(data: Members, name: string): [string, unknown][] {
  return listOf(data, name)
    .flatMap(({ key, value }): [string, unknown][] =>
      typeof key === 'string' && /^[^\p{Cc}]{1,1000}$/u.test(key) ? [[key, value]] : [],
    )
    .slice(0, LINEAGE_ENTRIES_MAX)
}

/** The path behind the proxy's own scheme: it alone is handed out by the server itself. */
function artifactPath(place: unknown): string {
  const [, path] = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.+)$/.exec(String(place)) ?? []
  if (path !== undefined) return path
  throw sourceError(
    `The artifacts lie at ${String(place)}, which the server does not hand out itself. Start it with --serve-artifacts, or download them with \`mlflow artifacts download\` and import the folder`,
  )
}

/** Files of one version, counted together. */
class Download {
  readonly #server: MlflowServer
  readonly #folder: string
  #files = 0
  #bytes = 0

  constructor(server: MlflowServer, folder: string) {
    this.#server = server
    this.#folder = folder
  }

  /** @param below where the folder lies in the one that is downloaded; '' for itself. */
  async folder(path: string, below: string, depth: number): Promise<void> {
    if (depth > DEPTH_MAX) throw this.#beyond(`${DEPTH_MAX} folders deep`)
    for (const file of listOf(await this.#server.get('mlflow-artifacts/artifacts', { path }), 'files')) {
      const name = nameOf(file['path'])
      if (file['is_dir'] === true) await this.folder(`${path}/${name}`, join(below, name), depth + 1)
      else await this.#file(`${path}/${name}`, join(below, name))
    }
  }

  async #file(path: string, below: string): Promise<void> {
    if (++this.#files > FILES_MAX) throw this.#beyond(`${FILES_MAX} files`)
    const target = join(this.#folder, below)
    mkdirSync(dirname(target), { recursive: true })
    const encoded = path.split('/').map(encodeURIComponent).join('/')
    const answer = await this.#server.fetch(`mlflow-artifacts/artifacts/${encoded}`)
    // What an answer says of its length is the server's word: bytes are counted as they come.
    const counted = new Transform({
      transform: (chunk: Buffer, _, done) => {
        this.#bytes += chunk.byteLength
        done(this.#bytes > FOLDER_BYTES_MAX ? this.#beyond(`${FOLDER_BYTES_MAX} bytes`) : null, chunk)
      },
    })
    const body = answer.body === null ? Readable.from([]) : Readable.fromWeb(answer.body)
    try {
      await pipeline(body, counted, createWriteStream(target, { flags: 'wx' }))
    } catch (error) {
      if (isPenstockError(error)) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw sourceError(`Cannot download ${below} from ${this.#server.address}: ${reason}`, { cause: error })
    }
  }

  #beyond(what: string): PenstockError {
    return sourceError(`The artifacts at ${this.#server.address} are more than ${what}. Import the model's own folder`)
  }
}

/** Each entry of a listing is one name: a path would lead elsewhere. */
function nameOf(path: unknown): string {
  if (typeof path === 'string' && /^[^/\\\0]{1,255}$/.test(path) && path !== '.' && path !== '..') return path
  throw sourceError(`The server lists an artifact called ${JSON.stringify(path)}, which is no name of a file`)
}

/** An MLflow server, with what it wants to see of its callers. */
export class MlflowServer {
  readonly address: string
  readonly #credentials: MlflowCredentials
  readonly #signal: AbortSignal

  /**
   * @param signal ends what is under way, beside the limit of time.
   * @throws PenstockError ERR_SOURCE: no address of http, or credentials in it.
   */
  constructor(address: string, credentials = mlflowCredentials(process.env), signal?: AbortSignal) {
    const url = /^https?:\/\/[^/]/.test(address) && URL.canParse(address) ? new URL(address) : null
    if (url !== null && (url.username !== '' || url.password !== ''))
      throw sourceError(
        `Expected the address of the MLflow server without a user: ${url.protocol}//${url.host}. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead`,
      )
    if (url === null)
      throw sourceError(`Expected the address of the MLflow server as http://host:5000 but received ${address}`)
    this.address = address.replace(/\/+$/, '')
    this.#credentials = credentials
    const late = AbortSignal.timeout(DOWNLOAD_MS_MAX)
    this.#signal = signal === undefined ? late : AbortSignal.any([late, signal])
  }

  async get(path: string, query: Readonly<Record<string, string>>): Promise<Members> {
    const answer = await this.fetch(`${path}?${new URLSearchParams(query).toString()}`)
    const json = parsed(await this.#text(answer))
    if (isRecord(json)) return json
    throw sourceError(`${this.address} does not answer as MLflow does: ${path} is no JSON object`)
  }

  async fetch(path: string): Promise<Response> {
    const { authorization } = this.#credentials
    const headers = authorization === null ? {} : { authorization }
    // A redirect could lead to any address that this machine reaches, and would take the credentials along.
    const options = { redirect: 'error', signal: this.#signal, headers } as const
    const answer = await fetch(`${this.address}/api/2.0/${path}`, options).catch((cause: unknown) => {
      throw sourceError(`Cannot reach the MLflow server at ${this.address}: ${reasonOf(cause)}`, { cause })
    })
    if (answer.ok) return answer
    const json = parsed(await this.#text(answer))
    const said =
      isRecord(json) && typeof json['message'] === 'string' ? `: ${json['message'].replace(/[.\s]+$/, '')}` : ''
    const message = this.#credentials.hide(said.slice(0, MESSAGE_CHARACTERS_MAX))
    throw sourceError(`MLflow at ${this.address} answered ${answer.status}${message}${this.#wayIn(answer.status)}`)
  }

  #wayIn(status: number): string {
    if (status === 403) return `. ${this.#credentials.from} may not read this: ask for the permission READ`
    if (status !== 401) return ''
    return this.#credentials.authorization === null
      ? '. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the environment'
      : `. It does not know what ${this.#credentials.from} has`
  }

  async #text(answer: Response): Promise<string> {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength
      if (bytes > ANSWER_BYTES_MAX) throw sourceError(`${this.address} answers more than ${ANSWER_BYTES_MAX} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

function recordOf(answer: Members, name: string): Members {
  const record = answer[name]
  if (isRecord(record)) return record
  throw sourceError(`The server does not answer as MLflow does: ${name} is no object`)
}

function listOf(answer: Members, name: string): Members[] {
  const list = answer[name] ?? []
  if (Array.isArray(list) && list.every(isRecord)) return [...list]
  throw sourceError(`The server does not answer as MLflow does: ${name} is no list of objects`)
}

function textOf(record: Members, name: string): string {
  const text = record[name]
  if (typeof text === 'string' && text !== '') return text
  throw sourceError(`The server does not answer as MLflow does: ${name} is no text`)
}
