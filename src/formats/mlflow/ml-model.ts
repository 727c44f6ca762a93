/**
 * What an `MLmodel` file says of a model that MLflow saved: the flavour with the .onnx file, the columns of its signature,
 * the run that made it. The file is YAML of whoever sent the folder, so its size, its aliases and every member that is
 * read are checked; members that nothing here needs are not looked at, since each release of MLflow adds some.
 */
import { parse } from 'yaml'
import { argumentError, expectArray, expectOneOf, expectRecord, expectString } from '../../base/expect.js'
import type { PenstockError } from '../../base/errors.js'
import type { Lineage } from '../../base/lineage.js'

/** A column of a signature; the types are MLflow's. */
export interface MlflowColumn {
  readonly name: string
  readonly type: ColumnType
  readonly isRequired: boolean
}

export interface MlModel {
  /** Path of the .onnx file in the folder, as the file says it: nobody has checked where it leads. */
  readonly data: string
  /** Columns that callers send; null: the signature has tensors, unnamed columns or nested types, or there is none. */
  readonly inputs: readonly MlflowColumn[] | null
  /** Path of the example's JSON in the folder; null: none, or none of a table. */
  readonly exampleFile: string | null
  readonly lineage: Lineage
}

export const MLMODEL_FILE = 'MLmodel'
export const MLMODEL_BYTES_MAX = 1 << 20

const COLUMN_TYPES = ['boolean', 'integer', 'long', 'float', 'double', 'string', 'binary', 'datetime'] as const
export type ColumnType = (typeof COLUMN_TYPES)[number]

/** How models of other flavours become ONNX. */
const exporters: Readonly<Record<string, string>> = {
  sklearn: 'skl2onnx',
  pytorch: 'torch.onnx.export',
  keras: 'tf2onnx',
  tensorflow: 'tf2onnx',
  xgboost: 'onnxmltools',
  lightgbm: 'onnxmltools',
  catboost: 'its save_model with format="onnx"',
  transformers: 'optimum',
}

/**
 * Reads an MLmodel file.
 * @param text of the file.
 * @throws PenstockError ERR_ARGUMENT: it is not YAML, has no onnx flavour, or a member that is not what MLflow writes.
 */
export function readMlModel(text: string): MlModel {
  const file = expectRecord(MLMODEL_FILE, readYaml(text))
  const flavors = expectRecord('flavors', file['flavors'])
  if (!Object.hasOwn(flavors, 'onnx')) throw withoutOnnx(Object.keys(flavors))
  const onnx = expectRecord('flavors.onnx', flavors['onnx'])
  return {
    data: expectString('flavors.onnx.data', onnx['data']),
    inputs: columnsOf(file['signature']),
    exampleFile: exampleFileOf(file['saved_input_example_info']),
    lineage: lineageOf(file),
  }
}

/** The first row of an example that pandas wrote in `split` orientation, by its columns; null when it is another form. */
export function firstExampleRow(example: unknown): Record<string, unknown> | null {
  if (typeof example !== 'object' || example === null) return null
  const { columns, data } = example as { columns?: unknown; data?: unknown }
  if (!Array.isArray(columns) || !Array.isArray(data) || !Array.isArray(data[0])) return null
  const row = data[0] as readonly unknown[]
  if (!columns.every((name) => typeof name === 'string') || columns.length !== row.length) return null
  return Object.fromEntries(columns.map((name, index) => [name, row[index]]))
}

function readYaml(text: string): unknown {
  if (text.length > MLMODEL_BYTES_MAX)
    throw argumentError(MLMODEL_FILE, `a file of at most ${MLMODEL_BYTES_MAX} characters`, `${text.length} characters`)
  try {
    return parse(text, { maxAliasCount: 0, logLevel: 'error' })
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
    throw argumentError(MLMODEL_FILE, 'YAML', reason)
  }
}

function withoutOnnx(flavors: readonly string[]): PenstockError {
  const known = flavors.find((flavor) => Object.hasOwn(exporters, flavor))
  const exporter = known === undefined ? '' : ` with ${exporters[known]}`
  const wayOut = `Pickled models run code when they are loaded, and are not. Export the model to ONNX${exporter} and save it with mlflow.onnx.save_model or log_model, or add the .onnx file itself with \`penstock model add\``
  return argumentError('the flavors of the model', 'some with onnx among them', flavors.join(', '), wayOut)
}

/** A signature is a mapping whose members are JSON in texts. */
function columnsOf(signature: unknown): MlflowColumn[] | null {
  if (signature === undefined || signature === null) return null
  const { inputs } = expectRecord('signature', signature)
  if (inputs === undefined || inputs === null) return null
  const specs = expectArray('signature.inputs', readJsonText(expectString('signature.inputs', inputs)))
  const columns = specs.map((spec, index) => columnOf(`signature.inputs[${index}]`, spec))
  return columns.every((column) => column !== null) && columns.length > 0 ? columns : null
}

function columnOf(where: string, spec: unknown): MlflowColumn | null {
  const { name, type, required } = expectRecord(where, spec)
  if (type === 'tensor' || name === undefined || ['array', 'object', 'map', 'any'].includes(type as string)) return null
  return {
    name: expectString(`${where}.name`, name),
    type: expectOneOf(`${where}.type`, type, COLUMN_TYPES),
    // Releases before 2.6 wrote `optional` where a column may be missing, and nothing where it may not.
    isRequired: required !== false && expectRecord(where, spec)['optional'] !== true,
  }
}

function readJsonText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw argumentError('signature.inputs', 'JSON', text)
  }
}

function exampleFileOf(info: unknown): string | null {
  if (info === undefined || info === null) return null
  const { artifact_path: path, type, pandas_orient: orient } = expectRecord('saved_input_example_info', info)
  if (type !== 'dataframe' || orient !== 'split') return null
  return expectString('saved_input_example_info.artifact_path', path)
}

function lineageOf(file: Readonly<Record<string, unknown>>): Lineage {
  const { run_id: runId, model_id: modelId, mlflow_version: release } = file
  const origin =
    typeof modelId === 'string' ? `models:/${modelId}` : typeof release === 'string' ? `mlflow ${release}` : ''
  return {
    ...(typeof runId === 'string' && runId !== '' ? { runId } : {}),
    ...(origin === '' ? {} : { createdFrom: origin }),
  }
}
