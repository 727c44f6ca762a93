/** A model repository of Triton, or one model of it, as `model import` uploads it. Only texts and ONNX files are read. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { isPenstockError } from '../../base/errors.js'
import { chainOf } from '../../formats/triton/ensemble.js'
import {
  CONFIG_FILE,
  plainConfig,
  readModelConfig,
  servedVersions,
  type EnsembleStep,
  type TritonConfig,
} from '../../formats/triton/model-config.js'
import { TEXT_FORMAT_CHARACTERS_MAX } from '../../formats/triton/text-format.js'
import { sourceError } from './failures.js'
import { fileInside, textInside } from './inside.js'

export interface TritonVersion {
  /** The number of its folder. */
  readonly number: number
  /** Path of the .onnx file. */
  readonly file: string
}

export interface TritonModel {
  readonly name: string
  /** Those that Triton would serve, ascending. */
  readonly versions: readonly TritonVersion[]
  readonly remarks: readonly string[]
}

export interface TritonEnsemble {
  readonly config: TritonConfig
  /** Its steps in the order in which they run. */
  readonly chain: readonly EnsembleStep[]
}

export interface TritonRepository {
  readonly models: readonly TritonModel[]
  readonly ensembles: readonly TritonEnsemble[]
}

const VERSION_FOLDER = /^[1-9]\d{0,14}$/

/** Whether the folder, or a folder in it, is a model as Triton has them. */
export function isTritonRepository(folder: string): boolean {
  return isModelFolder(folder) || modelFolders(folder).length > 0
}

/**
 * @param only names of the models to read; absent: all.
 * @throws PenstockError ERR_SOURCE naming every model that cannot be served, before anything is uploaded.
 */
export function readTritonRepository(folder: string, only?: readonly string[]): TritonRepository {
  const folders = isModelFolder(folder) ? [folder] : modelFolders(folder).map((name) => join(folder, name))
  const read = folders.map((path) => ({ path, config: configOf(path) }))
  const names = new Set(read.map(({ config }) => config.name))
  const unknown = only?.find((name) => !names.has(name))
  if (unknown !== undefined)
    throw sourceError(`There is no model ${unknown} in ${folder}; it has ${[...names].join(', ')}`)
  const wanted = read.filter(({ config }) => only === undefined || only.includes(config.name))
  const refusals = wanted.flatMap(({ config }) => refusalOf(config))
  const models = wanted.flatMap(({ path, config }) => (config.backend === 'onnxruntime' ? [modelOf(path, config)] : []))
  const ensembles = wanted.flatMap(({ config }) => {
    if (config.backend !== 'ensemble') return []
    try {
      return [{ config, chain: expectModels(config, chainOf(config), models) }]
    } catch (error) {
      if (!isPenstockError(error)) throw error
      refusals.push(error.message)
      return []
    }
  })
  if (refusals.length > 0)
    throw sourceError(
      `Cannot import ${folder}: ${refusals.join('; ')}. Name the models to import with --only, or export the others to ONNX`,
    )
  return { models, ensembles }
}

function isModelFolder(folder: string): boolean {
  return existsSync(join(folder, CONFIG_FILE)) || existsSync(join(folder, '1', 'model.onnx'))
}

function modelFolders(folder: string): string[] {
  return entriesOf(folder).filter((name) => !name.startsWith('.') && isModelFolder(join(folder, name)))
}

function configOf(path: string): TritonConfig {
  const folderName = basename(resolve(path))
  if (!existsSync(join(path, CONFIG_FILE))) return { ...plainConfig, name: folderName }
  const text = textInside(path, CONFIG_FILE, 'the configuration', TEXT_FORMAT_CHARACTERS_MAX)
  try {
    const config = readModelConfig(text)
    if (config.name !== '' && config.name !== folderName)
      throw sourceError(`${join(path, CONFIG_FILE)} has the name ${config.name}; Triton wants that of its folder`)
    // Triton finds out by the files what runs a model whose configuration does not say it.
    const isGuessed = config.backend === '' && config.fileName.endsWith('.onnx')
    return { ...config, name: folderName, ...(isGuessed ? { backend: 'onnxruntime' } : {}) }
  } catch (error) {
    if (!isPenstockError(error) || error.code === 'ERR_SOURCE') throw error
    throw sourceError(`${join(path, CONFIG_FILE)}: ${error.message}`, { cause: error })
  }
}

function refusalOf({ name, backend, refusal }: TritonConfig): string[] {
  if (refusal !== null) return [`${name}: ${refusal}`]
  return backend === 'onnxruntime' || backend === 'ensemble' ? [] : [`${name} runs on ${backend}, not on onnxruntime`]
}

function modelOf(path: string, { name, versionPolicy, fileName, remarks }: TritonConfig): TritonModel {
  const present = entriesOf(path).filter((entry) => VERSION_FOLDER.test(entry))
  const numbers = servedVersions(versionPolicy, present.map(Number))
  if (numbers.length === 0)
    throw sourceError(`Model ${name} has no version that its policy serves; there are ${present.join(', ') || 'none'}`)
  const versions = numbers.map((number) => ({ number, file: modelFile(path, `${number}/${fileName}`, name) }))
  return { name, versions, remarks }
}

/** Triton takes a folder of the file's name, with the file and its data in it, as well. */
function modelFile(path: string, file: string, name: string): string {
  const isFolder = statSync(join(path, file), { throwIfNoEntry: false })?.isDirectory() === true
  return fileInside(path, isFolder ? `${file}/${basename(file)}` : file, `the .onnx file of ${name}`)
}

/** Every step of an ensemble runs a version that is imported along. */
function expectModels(
  { name }: TritonConfig,
  chain: readonly EnsembleStep[],
  models: readonly TritonModel[],
): readonly EnsembleStep[] {
  for (const { model, version } of chain) {
    const found = models.find((candidate) => candidate.name === model)
    if (found === undefined) throw sourceError(`the ensemble ${name} runs ${model}, which is no model that is imported`)
    if (version !== null && !found.versions.some(({ number }) => number === version))
      throw sourceError(`the ensemble ${name} runs version ${version} of ${model}, which is not served`)
  }
  return chain
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    throw sourceError(`Cannot read ${folder}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
