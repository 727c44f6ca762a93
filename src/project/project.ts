/**
 * A project's folder, and an engine that shall serve what stands there:
 *
 *     contracts/<name>.json         the next version of the contract, where it differs from the newest
 *     models/<name>/model.onnx      the next version of the model, with the alias `champion`
 *     pipelines/<name>.json         the next version of the pipeline, deployed; its scripts and operations may be files
 *
 * What differs from the engine is applied, in this order; what cannot be is reported with its file, and what served before
 * goes on serving. A pipeline whose file has gone is undeployed.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PenstockError, toPenstockError } from '../base/errors.js'
import { expectRecord } from '../base/expect.js'
import { contractsEqual } from '../contract/contract.js'
import { parseContract } from '../contract/parse.js'
import type { EngineApi } from '../engine/api/api.js'
import { definitionsEqual } from '../pipeline/definition.js'
import { sha256Of } from '../registry/blobs.js'
import { parseDefinition } from '../steps/index.js'
import { readDefinitionFiles } from './definition-files.js'

export type ProjectEngine = Pick<
  EngineApi,
  | 'listModels'
  | 'listPipelines'
  | 'addModel'
  | 'setAlias'
  | 'applyPipeline'
  | 'deployPipeline'
  | 'undeployPipeline'
  | 'contracts'
>

export interface ProjectProblem {
  /** Relative to the project. */
  readonly file: string
  readonly error: PenstockError
}

export interface ProjectResult {
  /** A line for each thing that has changed: `wine, version 2, is deployed`. */
  readonly changes: readonly string[]
  readonly problems: readonly ProjectProblem[]
}

const ALIAS = 'champion'

/**
 * Makes an engine serve what stands in a folder, once.
 * @param directory with contracts/, models/ and pipelines/, each of which may be absent.
 * @throws PenstockError ERR_ARGUMENT when it is no folder, or has none of them; what is wrong with its files is in the result.
 * @example const { problems } = await applyProject(engine, '.')
 */
export async function applyProject(engine: ProjectEngine, directory: string): Promise<ProjectResult> {
  return new Project(engine, directory).apply()
}

export class Project {
  readonly #engine: ProjectEngine
  readonly #directory: string
  /** Pipelines whose files were there, by the file's name. */
  readonly #pipelines = new Map<string, string>()
  /** Model files as they were when they were read last: an upload hashes and tries them, a save of another file need not. */
  readonly #modelStamps = new Map<string, string>()
  #changes: string[] = []
  #problems: ProjectProblem[] = []

  constructor(engine: ProjectEngine, directory: string) {
    this.#engine = engine
    this.#directory = directory
  }

  /** Calls must not overlap. @throws PenstockError as applyProject. */
  async apply(): Promise<ProjectResult> {
    this.#changes = []
    this.#problems = []
    const [contracts, models, pipelines] = await this.#list()
    for (const file of contracts) await this.#attempt(file, () => this.#contract(file))
    for (const file of models) await this.#attempt(file, () => this.#model(file))
    for (const file of pipelines) await this.#attempt(file, () => this.#pipeline(file))
    for (const [file, name] of this.#pipelines)
      if (!pipelines.includes(file)) await this.#attempt(file, () => this.#gone(file, name))
    return { changes: this.#changes, problems: this.#problems }
  }

  async #list(): Promise<[string[], string[], string[]]> {
    const [contracts, models, pipelines] = await Promise.all([
      this.#names('contracts'),
      this.#names('models'),
      this.#names('pipelines'),
    ])
    if (contracts === null && models === null && pipelines === null) {
      const text = `Expected the project to be a folder with contracts/, models/ or pipelines/ but received ${this.#directory}`
      throw new PenstockError('ERR_ARGUMENT', `${text}. \`penstock init\` writes one`)
    }
    const files = (names: string[] | null): string[] => (names ?? []).filter((name) => name.endsWith('.json'))
    const withModel: string[] = []
    for (const name of models ?? []) {
      const file = join('models', name, 'model.onnx')
      if ((await stat(join(this.#directory, file)).catch(() => null))?.isFile() === true) withModel.push(file)
    }
    return [
      files(contracts).map((name) => join('contracts', name)),
      withModel,
      files(pipelines).map((name) => join('pipelines', name)),
    ]
  }

  async #names(folder: string): Promise<string[] | null> {
    const names = await readdir(join(this.#directory, folder)).catch(() => null)
    return names?.sort() ?? null
  }

  async #attempt(file: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      const isPlain = thrown instanceof Error && !('httpStatus' in thrown)
      const error = isPlain ? new PenstockError('ERR_ARGUMENT', thrown.message, { cause: thrown }) : thrown
      this.#problems.push({ file, error: toPenstockError(error) })
    }
  }

  async #json(file: string): Promise<unknown> {
    return JSON.parse(await readFile(join(this.#directory, file), 'utf8')) as unknown
  }

  async #contract(file: string): Promise<void> {
    const contract = parseContract(await this.#json(file), basename(file, '.json'))
    const record = this.#engine.contracts.list().find(({ name }) => name === contract.name)
    const newest = record?.versions.at(-1)
    if (newest !== undefined && contractsEqual(newest.contract, contract)) return
    const { version } = await this.#engine.contracts.put(contract)
    this.#changes.push(`${contract.name}@${version}, a contract, is stored`)
  }

  async #model(file: string): Promise<void> {
    const path = join(this.#directory, file)
    const { mtimeMs, size } = await stat(path)
    const stamp = `${mtimeMs} ${size}`
    if (this.#modelStamps.get(file) === stamp) return
    const name = basename(join(file, '..'))
    const bytes = await readFile(path)
    const sha256 = await sha256Of(bytes)
    const record = this.#engine.listModels().find((model) => model.name === name)
    const known = record?.versions.find((version) => version.sha256 === sha256)
    const { version } = known ?? (await this.#engine.addModel(name, bytes))
    if (record?.aliases[ALIAS] !== version) {
      await this.#engine.setAlias(name, ALIAS, version)
      this.#changes.push(`${name}@${ALIAS} is version ${version}`)
    }
    this.#modelStamps.set(file, stamp)
  }

  async #pipeline(file: string): Promise<void> {
    const json = await this.#json(file)
    const stated = expectRecord(file, json)['name']
    const name = typeof stated === 'string' ? stated : basename(file, '.json')
    // Before it is looked at: a file that is broken has not gone.
    this.#pipelines.set(file, name)
    const read = await readDefinitionFiles(json, join(this.#directory, 'pipelines'))
    const definition = parseDefinition(name, read)
    const pinned = { ...definition, ...this.#pinnedContract(definition.contract) }
    const record = this.#engine.listPipelines().find((pipeline) => pipeline.name === name)
    const known = record?.versions.findLast((version) => definitionsEqual(version.definition, pinned))
    if (known === undefined) {
      const { version } = await this.#engine.applyPipeline(pinned, { deploy: true })
      this.#changes.push(`${name}, version ${version}, is deployed`)
    } else if (record?.deployedVersion !== known.version) {
      await this.#engine.deployPipeline(name, known.version)
      this.#changes.push(`${name}, version ${known.version}, is deployed`)
    }
  }

  /** `wine` means its newest version, as it does where a definition is stored. */
  #pinnedContract(reference: string | undefined): { contract?: string } {
    if (reference === undefined) return {}
    const record = this.#engine.contracts.list().find(({ name }) => name === reference)
    const newest = record?.versions.at(-1)
    return { contract: newest === undefined ? reference : `${reference}@${newest.version}` }
  }

  async #gone(file: string, name: string): Promise<void> {
    this.#pipelines.delete(file)
    if ([...this.#pipelines.values()].includes(name)) return
    const record = this.#engine.listPipelines().find((pipeline) => pipeline.name === name)
    if (record === undefined || record.deployedVersion === null) return
    await this.#engine.undeployPipeline(name)
    this.#changes.push(`${name} is undeployed: its file has gone`)
  }
}
