/**
 * `serve --examples`: registers models/<model>/model.onnx with the alias `champion`, stores contracts/<name>.json and
 * tokenizers/<name>.json and deploys pipelines/<name>.json, each of which may name them.
 * Examples are set up once and then belong to the user: an alias that was moved, a pipeline that was changed or a newer
 * version stays as it is at the next start. Bytes that are registered already are recognised by their hash without
 * running the model, so that a restart is quick.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PenstockError } from '../../base/errors.js'
import { expectRecord } from '../../base/expect.js'
import { type Contract, contractsEqual } from '../../contract/contract.js'
import { parseContract } from '../../contract/parse.js'
import type { EngineApi } from '../../engine/api/api.js'
import { definitionsEqual, type PipelineDefinition } from '../../pipeline/definition.js'
import { sha256Of } from '../../registry/blobs.js'
import { parseDefinition } from '../../steps/index.js'

type ExamplesEngine = Pick<
  EngineApi,
  | 'listModels'
  | 'listPipelines'
  | 'addModel'
  | 'setAlias'
  | 'applyPipeline'
  | 'deployPipeline'
  | 'contracts'
  | 'tokenizers'
>

const ALIAS = 'champion'

/** Rows of every input, as examples/models/<model>/golden.json has them. */
export interface GoldenInput {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

/**
 * Sets the examples of `directory` up; `onProgress` gets a line for each.
 * @throws PenstockError ERR_ARGUMENT when the directory is none of examples; what the engine refuses.
 */
export async function setUpExamples(
  engine: ExamplesEngine,
  directory: string,
  onProgress: (line: string) => void,
): Promise<void> {
  for (const name of await modelNames(directory)) {
    onProgress(`registering ${name}`)
    await setUpModel(engine, name, await readFile(modelFile(directory, name)))
  }
  const contracts = new Map<string, string>()
  // Examples of one's own need none.
  const contractFiles = await filesOf(join(directory, 'contracts'), '.json').catch(() => [])
  for (const file of contractFiles) {
    const contract = parseContract(JSON.parse(await readFile(file, 'utf8')), basename(file, '.json'))
    contracts.set(contract.name, await setUpContract(engine, contract))
  }
  const tokenizers = new Map<string, string>()
  const tokenizerFiles = await filesOf(join(directory, 'tokenizers'), '.json').catch(() => [])
  for (const file of tokenizerFiles) {
    const name = basename(file, '.json')
    tokenizers.set(name, await setUpTokenizer(engine, name, await readFile(file)))
  }
  for (const file of await filesOf(join(directory, 'pipelines'), '.json')) {
    const definition = pinTokenizers(await readDefinition(file), tokenizers)
    const { contract } = definition
    onProgress(`deploying ${definition.name}`)
    // As it is stored: a version that the user has added since is not the example's.
    const pinned = contract === undefined ? undefined : contracts.get(contract)
    await setUpPipeline(engine, pinned === undefined ? definition : { ...definition, contract: pinned })
  }
}

/** The first `rows` rows of a model's golden inputs, by input name, or undefined when the model has none. */
export async function goldenInputs(directory: string, model: string): Promise<Record<string, GoldenInput> | undefined> {
  try {
    const text = await readFile(join(directory, 'models', model, 'golden.json'), 'utf8')
    return (JSON.parse(text) as { inputs?: Record<string, GoldenInput> }).inputs
  } catch {
    // Only a nicety of the greeting: a model without golden rows is greeted without data.
    return undefined
  }
}

async function setUpModel(engine: ExamplesEngine, name: string, bytes: Uint8Array): Promise<void> {
  const record = engine.listModels().find((model) => model.name === name)
  const sha256 = await sha256Of(bytes)
  const known = record?.versions.find((version) => version.sha256 === sha256)
  const version = known ?? (await engine.addModel(name, bytes))
  // A champion that was moved since stays where it is; a new file of the examples does not depose it either.
  const hasChampion = record !== undefined && Object.hasOwn(record.aliases, ALIAS)
  if (!hasChampion) await engine.setAlias(name, ALIAS, version.version)
}

/** @returns the version that the file is, e.g. `wine@1`. */
async function setUpContract({ contracts }: ExamplesEngine, contract: Contract): Promise<string> {
  const record = contracts.list().find(({ name }) => name === contract.name)
  const known = record?.versions.find((version) => contractsEqual(version.contract, contract))
  return `${contract.name}@${(known ?? (await contracts.put(contract))).version}`
}

/** @returns the version that the file is, e.g. `reviews@1`. */
async function setUpTokenizer({ tokenizers }: ExamplesEngine, name: string, bytes: Uint8Array): Promise<string> {
  const sha256 = await sha256Of(bytes)
  const record = tokenizers.list().find((tokenizer) => tokenizer.name === name)
  const known = record?.versions.find((version) => version.sha256 === sha256)
  return `${name}@${(known ?? (await tokenizers.add(name, bytes))).version}`
}

function pinTokenizers(definition: PipelineDefinition, pins: ReadonlyMap<string, string>): PipelineDefinition {
  const steps = definition.steps.map((step) =>
    step.type === 'tokenise' ? { ...step, tokenizer: pins.get(step.tokenizer) ?? step.tokenizer } : step,
  )
  return { ...definition, steps }
}

async function setUpPipeline(engine: ExamplesEngine, definition: PipelineDefinition): Promise<void> {
  const record = engine.listPipelines().find((pipeline) => pipeline.name === definition.name)
  const known = record?.versions.find((version) => definitionsEqual(version.definition, definition))
  if (known === undefined) await engine.applyPipeline(definition, { deploy: true })
  else if (record?.deployedVersion === null) await engine.deployPipeline(definition.name, known.version)
}

async function modelNames(directory: string): Promise<string[]> {
  const models = join(directory, 'models')
  const entries = await readdir(models, { withFileTypes: true }).catch((error: unknown) => {
    const text = `Expected --examples to be a directory with models/ and pipelines/ but received ${directory}.`
    throw new PenstockError('ERR_ARGUMENT', text, { cause: error })
  })
  const names: string[] = []
  for (const entry of entries) {
    if (entry.isDirectory() && (await isFile(modelFile(directory, entry.name)))) names.push(entry.name)
  }
  return names.sort()
}

async function filesOf(directory: string, extension: string): Promise<string[]> {
  const names = await readdir(directory)
  return names
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => join(directory, name))
}

async function readDefinition(file: string): Promise<PipelineDefinition> {
  const json = JSON.parse(await readFile(file, 'utf8')) as unknown
  const name = expectRecord(basename(file), json)['name']
  return parseDefinition(typeof name === 'string' ? name : basename(file, '.json'), json)
}

function modelFile(directory: string, name: string): string {
  return join(directory, 'models', name, 'model.onnx')
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true
}
