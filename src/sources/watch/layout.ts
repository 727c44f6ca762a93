/**
 * Files of a folder or a bucket, by their paths, as models and versions:
 *
 *   wine.onnx                     model wine, one version: whatever the file holds now
 *   wine/3/model.onnx             model wine, version 3; the data files beside it belong to it
 *   wine/3/model.onnx/model.onnx  the same, as Triton takes it
 *   wine/config.pbtxt             Triton's: which versions are served, and the name of their file
 *
 * Everything else is left alone, but for what looks like a model and is none: that gets a sentence.
 */
import { isPenstockError, type PenstockError } from '../../base/errors.js'
import {
  CONFIG_FILE,
  plainConfig,
  readModelConfig,
  servedVersions,
  type TritonConfig,
} from '../../formats/triton/model-config.js'
import { sourceError } from '../imports/failures.js'
import type { SourceProblem } from './source.js'

export interface PlacedFile {
  /** From the place on, with `/`. */
  readonly path: string
  readonly sizeBytes: number
  /** Changes with the content, as far as the place can tell without reading it. */
  readonly tag: string
}

export interface PlacedVersion {
  readonly file: PlacedFile
  /** Files that may be its data, in the folder of `file` or below. */
  readonly beside: readonly PlacedFile[]
}

export interface PlacedModel {
  readonly name: string
  /** Oldest first. */
  readonly versions: readonly PlacedVersion[]
}

export interface Layout {
  readonly models: readonly PlacedModel[]
  readonly problems: readonly SourceProblem[]
}

const VERSION_FOLDER = /^[1-9]\d{0,14}$/
const MODEL_NAME = /^[A-Za-z0-9_-]{1,128}$/
const ONNX_ENDING = '.onnx'
const PICKLE = /\.(?:pkl|pickle|joblib|pt|pth|sav|dill|ckpt)$/i
const HDF = /\.(?:h5|keras|hdf5)$/i

/** Whether a name is one that writers give to files that are not finished, or hide. */
export function isUnfinished(name: string): boolean {
  return /^\.|~$|\.(?:tmp|temp|part|partial|crdownload|filepart)$/i.test(name)
}

/**
 * Whether a path of a listing stays below the place: no `..`, no empty part, nothing that another system reads as a
 * drive, a separator or an end.
 */
export function isPathBelow(path: string): boolean {
  return (
    !/[\\\p{Cc}]|^[A-Za-z]:/u.test(path) &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  )
}

/** Texts of the `config.pbtxt` of models, by the models' folders. */
export type Configs = ReadonlyMap<string, string>

export function layoutOf(files: readonly PlacedFile[], configs: Configs): Layout {
  const problems: SourceProblem[] = []
  const folders = new Map<string, PlacedFile[]>()
  const models: PlacedModel[] = []
  for (const file of files) {
    const [first = '', ...rest] = file.path.split('/')
    if (rest.length > 0) folders.set(first, [...(folders.get(first) ?? []), file])
    else if (first.endsWith(ONNX_ENDING)) models.push(plainModel(file, files))
    else problems.push(...pickled(file))
  }
  for (const [name, inside] of folders) {
    try {
      const model = folderModel(name, inside, configs.get(name))
      problems.push(...inside.flatMap(pickled))
      if (model !== null) models.push(model)
    } catch (error) {
      if (!isPenstockError(error)) throw error
      problems.push({ subject: name, message: error.message })
    }
  }
  return { models: uniqueNames(models, problems), problems }
}

function plainModel(file: PlacedFile, files: readonly PlacedFile[]): PlacedModel {
  const name = file.path.slice(0, -ONNX_ENDING.length)
  // Exporters call the data after the model: wine.onnx.data, wine.onnx_data, wine.data, wine_weights.bin.
  const beside = files.filter(({ path }) => path !== file.path && !path.includes('/') && path.startsWith(name))
  return { name, versions: [{ file, beside: beside.filter(({ path }) => !path.endsWith(ONNX_ENDING)) }] }
}

/** null: the folder is no model's. */
function folderModel(name: string, inside: readonly PlacedFile[], configText: string | undefined): PlacedModel | null {
  const config = configText === undefined ? null : ownConfig(name, configText)
  const byVersion = new Map<number, PlacedFile[]>()
  for (const file of inside) {
    const folder = file.path.split('/')[1] ?? ''
    if (VERSION_FOLDER.test(folder)) byVersion.set(Number(folder), [...(byVersion.get(Number(folder)) ?? []), file])
  }
  if (config !== null && config.backend !== 'onnxruntime') return null
  const { fileName, versionPolicy } = config ?? { ...plainConfig, versionPolicy: { kind: 'all' } as const }
  const versions = servedVersions(versionPolicy, [...byVersion.keys()]).flatMap((number): PlacedVersion[] => {
    const own = byVersion.get(number) ?? []
    const path = `${name}/${number}/${fileName}`
    const file = own.find((candidate) => candidate.path === path || candidate.path === `${path}/${fileName}`)
    return file === undefined ? [] : [{ file, beside: besideOf(file, own) }]
  })
  return versions.length === 0 ? null : { name, versions }
}

function besideOf(file: PlacedFile, files: readonly PlacedFile[]): PlacedFile[] {
  const folder = file.path.slice(0, file.path.lastIndexOf('/') + 1)
  return files.filter((other) => other !== file && other.path.startsWith(folder))
}

/** Triton finds out by the files what runs a model whose configuration does not say it. */
function ownConfig(name: string, text: string): TritonConfig {
  const config = readModelConfig(text)
  if (config.refusal !== null) throw sourceRefusal(name, config.refusal)
  if (config.backend === '' && config.fileName.endsWith(ONNX_ENDING)) return { ...config, backend: 'onnxruntime' }
  if (config.backend === 'ensemble')
    throw sourceRefusal(name, 'it is an ensemble, which is a pipeline here. `penstock model import` makes one of it')
  if (config.backend !== 'onnxruntime')
    throw sourceRefusal(name, `it runs on ${config.backend}, not on onnxruntime. Export it to ONNX`)
  return config
}

function sourceRefusal(name: string, reason: string): PenstockError {
  return sourceError(`${name}/${CONFIG_FILE}: ${reason}`)
}

function pickled({ path }: PlacedFile): SourceProblem[] {
  const isPickle = PICKLE.test(path)
  if (!isPickle && !HDF.test(path)) return []
  const reason = isPickle
    ? 'is a pickled model, which runs code when it is loaded, and is not. Export it with skl2onnx or torch.onnx.export'
    : 'is a model of Keras. Export it with tf2onnx'
  return [{ subject: path, message: `${path} ${reason}, and put the .onnx file in its place` }]
}

/** What the registry can call so, once: a folder before a file. */
function uniqueNames(models: readonly PlacedModel[], problems: SourceProblem[]): PlacedModel[] {
  const found = new Map<string, PlacedModel>()
  for (const model of models) {
    const [{ file }] = model.versions as [PlacedVersion]
    if (!MODEL_NAME.test(model.name)) {
      const rule = 'letters, digits, hyphens and underscores only'
      problems.push({
        subject: file.path,
        message: `${file.path}: ${JSON.stringify(model.name.slice(0, 128))} is no name for a model: ${rule}. Rename it`,
      })
      continue
    }
    const other = found.get(model.name)
    if (other !== undefined)
      problems.push({
        subject: `${model.name}${ONNX_ENDING}`,
        message: `Model ${model.name} lies there twice, as a file and as a folder with versions; the folder is taken. Remove one of them`,
      })
    // Folders come behind files.
    found.set(model.name, model)
  }
  return [...found.values()]
}
