/** A folder that MLflow saved a model in, as `model import` uploads it. Only text and ONNX are read of it: no pickle, no code. */
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parse } from 'yaml'
import { isPenstockError } from '../../base/errors.js'
import type { Lineage } from '../../base/lineage.js'
import {
  MLMODEL_BYTES_MAX,
  MLMODEL_FILE,
  firstExampleRow,
  readMlModel,
  type MlModel,
  type MlflowColumn,
} from '../../formats/mlflow/ml-model.js'
import { parseJson } from './text.js'
import { sourceError } from './failures.js'
import { fileInside, textInside } from './inside.js'

/** Written beside the model when a version of a registry is downloaded. */
const REGISTERED_FILE = 'registered_model_meta'
const EXAMPLE_BYTES_MAX = 16 << 20

export interface MlflowFolder {
  readonly name: string
  /** Path of the .onnx file. */
  readonly file: string
  readonly lineage: Lineage
  /** Columns of the signature; null: it has none. */
  readonly columns: readonly MlflowColumn[] | null
  readonly example: Readonly<Record<string, unknown>> | null
}

export function isMlflowFolder(folder: string): boolean {
  return existsSync(join(folder, MLMODEL_FILE))
}

/** @throws PenstockError ERR_SOURCE: a file that is not what MLflow writes, a flavour that is not ONNX, a path that leads out. */
export function readMlflowFolder(folder: string): MlflowFolder {
  const model = readModel(folder)
  const registered = registeredOf(folder)
  const source = registered === null ? resolve(folder) : `models:/${registered.name}/${registered.version}`
  return {
    name: registered?.name ?? basename(resolve(folder)),
    file: fileInside(folder, model.data, 'the .onnx file of the model'),
    lineage: { source, ...model.lineage },
    columns: model.inputs,
    example: exampleOf(folder, model.exampleFile),
  }
}

function readModel(folder: string): MlModel {
  const text = textInside(folder, MLMODEL_FILE, 'the description of the model', MLMODEL_BYTES_MAX)
  try {
    return readMlModel(text)
  } catch (error) {
    if (isPenstockError(error))
      throw sourceError(`Cannot import ${join(folder, MLMODEL_FILE)}: ${error.message}`, { cause: error })
    throw error
  }
}

function registeredOf(folder: string): { readonly name: string; readonly version: string } | null {
  if (!existsSync(join(folder, REGISTERED_FILE))) return null
  const text = textInside(folder, REGISTERED_FILE, 'the name in the registry', MLMODEL_BYTES_MAX)
  const meta = parseMeta(text) as { readonly model_name?: unknown; readonly model_version?: unknown } | null
  const { model_name: name, model_version: version } = meta ?? {}
  return typeof name === 'string' && /^\d+$/.test(String(version)) ? { name, version: String(version) } : null
}

function parseMeta(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0, logLevel: 'error' })
  } catch {
    return null
  }
}

function exampleOf(folder: string, path: string | null): Readonly<Record<string, unknown>> | null {
  if (path === null) return null
  const text = textInside(folder, path, 'the input example', EXAMPLE_BYTES_MAX)
  return firstExampleRow(parseJson(path, text))
}
