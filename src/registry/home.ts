/**
 * PENSTOCK_HOME: everything a server remembers, as plain files (docs/reference/state.md).
 *
 *    home.json        format of this directory        models/<name>.json      versions and aliases
 *    lock.json        who is using it                 pipelines/<name>.json   versions, which one serves
 *    journal.jsonl    one line per mutation           contracts/<name>.json   versions
 *    keys.json        hashes of API keys              tokenizers/<name>.json  versions
 *    datasets/<name>.json  versions                   blobs/<sha256>          models, tokenizers, datasets
 *    log/             the log, owned by src/log       prepared/<sha256>/      derived files, made again when lost
 *
 * open: lock → check the format → remove temporary files → load the records → repair the journal → collect blobs that
 * nothing refers to → check those that are referred to. A damaged record refuses to open; a damaged blob is reported
 * (`problems`), because the other models are still fine.
 */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Clock, systemClock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { expectInteger, expectRecord } from '../base/expect.js'
import { Blobs } from './blobs.js'
import { checkStoredContract, Contracts } from './contracts.js'
import { checkStoredDataset, Datasets } from './datasets.js'
import {
  type Disk,
  errorCodeOf,
  makeDirectory,
  nodeDisk,
  removeTemporaries,
  replaceFile,
  storageError,
} from './files/durable-file.js'
import { type ControlKind, Journal } from './journal.js'
import { ApiKeys, isKeysFile } from './keys/keys.js'
import { FileLock, LockedError, type LockLoss } from './files/lock.js'
import { checkStoredModel, Models } from './models.js'
import { Mutations } from './mutations.js'
import { checkStoredPipeline, Pipelines } from './pipelines.js'
import { Prepared } from './prepared.js'
import { checkStoredTokenizer, Tokenizers } from './tokenizers.js'
import { hasSetAside, RecordTable, type StoredRecord } from './records.js'

export interface HomeOptions {
  /** Directory; created when absent. */
  readonly path: string
  /** Hash every blob at open, about a second per GiB; default false: existence and size only. */
  readonly verifyContent?: boolean
  readonly disk?: Disk
  readonly clock?: Clock
}

const FORMAT = 1
const DIRECTORIES = ['blobs', 'models', 'pipelines', 'contracts', 'tokenizers', 'datasets', 'log'] as const

/** Not those of records, whose revisions are counted. */
const controlFolders: Readonly<Record<ControlKind, string>> = {
  'log.export': 'logs',
  'model.load': 'served',
  'model.unload': 'served',
  'memory.register': 'memory',
  'memory.unregister': 'memory',
}

interface HomeDependencies {
  readonly path: string
  readonly lock: FileLock
  readonly mutations: Mutations
  readonly blobs: Blobs
  readonly models: Models
  readonly pipelines: Pipelines
  readonly contracts: Contracts
  readonly datasets: Datasets
  readonly tokenizers: Tokenizers
  readonly journal: Journal
  readonly keys: ApiKeys
}

export class Home {
  /** Absolute. */
  readonly path: string
  readonly models: Models
  readonly pipelines: Pipelines
  readonly contracts: Contracts
  readonly datasets: Datasets
  readonly tokenizers: Tokenizers
  readonly keys: ApiKeys
  readonly logPath: string
  readonly #dependencies: HomeDependencies
  #problems: readonly string[] = []
  #closed: Promise<void> | undefined
  #onProblem: (error: Error) => void = () => undefined

  private constructor(dependencies: HomeDependencies) {
    this.path = dependencies.path
    this.models = dependencies.models
    this.pipelines = dependencies.pipelines
    this.contracts = dependencies.contracts
    this.datasets = dependencies.datasets
    this.tokenizers = dependencies.tokenizers
    this.keys = dependencies.keys
    this.logPath = join(dependencies.path, 'log')
    this.#dependencies = dependencies
  }

  /**
   * Opens or creates a home and locks it until `close` or the end of the process.
   * @throws PenstockError ERR_HOME_LOCKED naming the holder; ERR_STORAGE for a damaged record, a newer format or a disk that fails.
   */
  static async open(options: HomeOptions): Promise<Home> {
    const path = resolve(options.path)
    const disk = options.disk ?? nodeDisk
    await makeDirectories(path, disk)
    const clock = options.clock ?? systemClock
    const lock = await lockHome(path, clock)
    try {
      const home = new Home(await openDependencies(path, lock, disk, clock))
      home.#problems = await home.#check({ content: options.verifyContent ?? false })
      return home
    } catch (error) {
      await lock.release()
      throw storageError(`Could not open ${path}`, error)
    }
  }

  /** Sentences about what is wrong without being fatal; empty when all is well. */
  get problems(): readonly string[] {
    const { lastFailure } = this.#dependencies.journal
    return lastFailure === undefined ? this.#problems : [...this.#problems, lastFailure.message]
  }

  /** Hashes every blob that a version refers to; returns and keeps the problems found. */
  async verify(): Promise<readonly string[]> {
    this.#problems = await this.#check({ content: true })
    return this.problems
  }

  /**
   * Reports what goes wrong while the home is open, each once: the directory is removed, replaced or taken over; a line
   * of the journal cannot be written; at the end, the lock file cannot be removed.
   */
  watch(onProblem: (error: Error) => void): void {
    const { journal, lock } = this.#dependencies
    this.#onProblem = onProblem
    journal.onFailure = onProblem
    lock.onLoss = (loss) => onProblem(lostError(this.path, loss))
  }

  /**
   * Journals what was done to the server or its machine and changes no record, in the name of the caller.
   * @param subject a pipeline, a model, a region; '' for all. Never rejects.
   */
  async note({ kind, subject }: { readonly kind: ControlKind; readonly subject: string }): Promise<void> {
    const name = `${controlFolders[kind]}/${subject}`
    await this.#dependencies.mutations
      .run(() => this.#dependencies.journal.append(kind, name, 0, {}))
      .catch(() => undefined)
  }

  /** Refuses further mutations, waits for those under way and releases the lock. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.keys.close()
      await this.#dependencies.mutations.close()
      const failure = await this.#dependencies.lock.release()
      if (failure !== undefined) this.#onProblem(failure)
    })()
    await this.#closed
  }

  async #check(options: { content: boolean }): Promise<string[]> {
    const problems: string[] = []
    const checked = new Map<string, string | undefined>()
    const kinds = { model: this.models.list(), tokenizer: this.tokenizers.list(), dataset: this.datasets.list() }
    for (const [kind, records] of Object.entries(kinds))
      for (const { name, versions } of records)
        for (const { version, sha256, sizeBytes } of versions) {
          if (!checked.has(sha256))
            checked.set(sha256, await this.#dependencies.blobs.problemOf(sha256, sizeBytes, options))
          const problem = checked.get(sha256)
          const wayOut = 'Add the same file again to repair it, or remove that version.'
          if (problem !== undefined)
            problems.push(`The blob of ${kind} ${name}, version ${version}, is damaged: ${problem}. ${wayOut}`)
        }
    return problems
  }
}

/** The directory that a process uses: the option, else PENSTOCK_HOME, else ./.penstock. */
export function homePath(option: string | undefined, environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = option ?? environment['PENSTOCK_HOME']
  return resolve(chosen === undefined || chosen === '' ? '.penstock' : chosen)
}

/** The keys of a home without locking it, for `penstock keys` beside a running server. */
export async function openKeys(path: string, disk: Disk = nodeDisk, clock: Clock = systemClock): Promise<ApiKeys> {
  const home = resolve(path)
  await makeDirectories(home, disk)
  await checkFormat(home, disk)
  return ApiKeys.open(home, disk, clock, new Journal(home, disk, clock))
}

async function openDependencies(path: string, lock: FileLock, disk: Disk, clock: Clock): Promise<HomeDependencies> {
  await checkFormat(path, disk)
  await removeTemporaries(disk, path, (name) => !isKeysFile(name))
  for (const directory of ['blobs', 'models', 'pipelines', 'contracts', 'tokenizers', 'datasets'])
    await removeTemporaries(disk, join(path, directory))
  const modelTable = await RecordTable.open(join(path, 'models'), disk, checkStoredModel)
  const pipelineTable = await RecordTable.open(join(path, 'pipelines'), disk, checkStoredPipeline)
  const contractTable = await RecordTable.open(join(path, 'contracts'), disk, checkStoredContract)
  const tokenizerTable = await RecordTable.open(join(path, 'tokenizers'), disk, checkStoredTokenizer)
  const datasetTable = await RecordTable.open(join(path, 'datasets'), disk, checkStoredDataset)
  const journal = new Journal(path, disk, clock)
  const tables = {
    models: modelTable,
    pipelines: pipelineTable,
    contracts: contractTable,
    tokenizers: tokenizerTable,
    datasets: datasetTable,
  }
  await recoverJournal(journal, tables)
  const mutations = new Mutations(async () => {
    const loss = await lock.look()
    if (loss !== undefined) throw lostError(path, loss)
  })
  const blobs = new Blobs(join(path, 'blobs'), disk)
  const prepared = new Prepared(join(path, 'prepared'), disk)
  // Equal bytes are one file, whoever brought them: it goes with the last that refers to it.
  const isReferenced = (sha256: string): boolean => referencedBlobs().has(sha256)
  const models = new Models({ table: modelTable, blobs, prepared, journal, mutations, clock, isReferenced })
  const tokenizers = new Tokenizers({ table: tokenizerTable, blobs, journal, mutations, clock, isReferenced })
  const datasets = new Datasets({ table: datasetTable, blobs, journal, mutations, clock, isReferenced })
  const referencedBlobs = (): Set<string> =>
    new Set([models, tokenizers, datasets].flatMap((kind) => [...kind.referencedBlobs()]))
  const folders = ['models', 'tokenizers', 'datasets'].map((folder) => hasSetAside(join(path, folder)))
  if (!(await Promise.all(folders)).includes(true)) await collectBlobs(blobs, referencedBlobs())
  await prepared.collect(models.referencedBlobs())
  const pipelines = new Pipelines({ table: pipelineTable, journal, mutations, clock })
  const contracts = new Contracts({ table: contractTable, journal, mutations, clock })
  const keys = ApiKeys.open(path, disk, clock, journal)
  return { path, lock, mutations, blobs, models, pipelines, contracts, tokenizers, datasets, journal, keys }
}

/** Journals mutations whose record was written but whose line was not, because the process was killed in between. */
async function recoverJournal(journal: Journal, tables: Record<string, RecordTable<StoredRecord>>): Promise<void> {
  const journaled = await journal.open()
  for (const [directory, table] of Object.entries(tables)) {
    for (const { name, revision } of table.values()) {
      const key = `${directory}/${name}`
      const lastJournaled = journaled.get(key) ?? 0
      if (lastJournaled < revision) await journal.append('recovered', key, revision, { lastTold: lastJournaled })
    }
  }
}

async function collectBlobs(blobs: Blobs, referenced: ReadonlySet<string>): Promise<void> {
  for (const sha256 of await blobs.list()) {
    if (!referenced.has(sha256)) await blobs.remove(sha256)
  }
}

async function makeDirectories(path: string, disk: Disk): Promise<void> {
  try {
    for (const directory of DIRECTORIES) await makeDirectory(disk, join(path, directory))
  } catch (error) {
    throw storageError(`Could not create ${path}`, error)
  }
}

async function checkFormat(path: string, disk: Disk): Promise<void> {
  const file = join(path, 'home.json')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw storageError(`Could not read ${file}`, error)
    await replaceFile(disk, file, `${JSON.stringify({ format: FORMAT })}\n`)
    return
  }
  try {
    expectInteger('format', expectRecord('the file', JSON.parse(text))['format'], 1, FORMAT)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const wayOut = 'Use the release of Penstock that wrote this directory, or choose another one with --home.'
    throw new PenstockError('ERR_STORAGE', `${file} is of no format that this release reads: ${reason}. ${wayOut}`, {
      cause: error,
    })
  }
}

async function lockHome(path: string, clock: Clock): Promise<FileLock> {
  try {
    return await FileLock.acquire(join(path, 'lock.json'), { clock })
  } catch (error) {
    if (!(error instanceof LockedError)) throw error
    const { holder } = error
    const who =
      holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host} since ${holder.since}`
    const wayOut = 'Stop that server, or choose another directory with --home or PENSTOCK_HOME.'
    throw new PenstockError('ERR_HOME_LOCKED', `${path} is in use by ${who}. ${wayOut}`, { cause: error })
  }
}

function lostError(path: string, loss: LockLoss): PenstockError {
  if (loss === 'taken-over') {
    const text = `Another process has taken over ${path}, because this one did not answer for several seconds. Restart this server.`
    return new PenstockError('ERR_HOME_LOCKED', text)
  }
  const what = {
    'file-removed': `${join(path, 'lock.json')} was removed`,
    'directory-removed': `${path} was removed`,
    'directory-replaced': `${path} was replaced by another directory`,
  }[loss]
  return new PenstockError(
    'ERR_STORAGE',
    `${what} while this server was using it. What is deployed goes on serving from memory, but no change is kept. Put the directory back from a backup if it is gone, and restart this server.`,
  )
}
