/**
 * `script`: a user's module that takes columns and answers columns, before the first step that runs a model or behind the
 * last. Its source is a member of the step, so that a version of the pipeline is a version of the script; its sha256 says so
 * in listings. What runs it: src/script.
 */
import { createHash } from 'node:crypto'
import { FIELDS_MAX } from '../../base/limits/limits.js'
import {
  SCRIPT_COLUMNS_MAX,
  SCRIPT_MEMORY_MIB_MAX,
  SCRIPT_MEMORY_MIB_MIN,
  SCRIPT_SOURCE_BYTES_MAX,
  SCRIPT_THREADS_MAX,
  SCRIPT_TIMEOUT_MS_MAX,
} from '../../base/limits/script-limits.js'
import { didYouMean } from '../../base/suggest.js'
import type { CompileStage, StageColumn } from '../../pipeline/columns/stage.js'
import type { ScriptOutput, ScriptStep } from '../../pipeline/definition.js'
import { DTYPES, dtypeInfo, isDtype } from '../../tensor/dtype.js'
import { stepError, StepReader, suggest } from '../step-reader.js'
import type { StepKind } from '../step.js'
import { readInputs, readShape } from './column-inputs.js'

const OUTPUT_KEYS = ['name', 'dtype', 'shape']
const LIMITS = ['timeoutMs', 'memoryMib', 'threads'] as const

export const scriptKind: StepKind<ScriptStep> = {
  type: 'script',
  keys: ['file', 'source', 'sha256', 'columns', 'outputs', 'keep', ...LIMITS, 'inputs'],
  parse: (reader) => ({
    type: 'script',
    file: readFile(reader),
    ...readSource(reader),
    columns: readNames(reader, 'columns', 1),
    outputs: readOutputs(reader),
    ...(reader.has('keep') ? { keep: readNames(reader, 'keep', 0) } : {}),
    ...readLimits(reader),
    ...(reader.has('inputs') ? { inputs: readInputs(reader) } : {}),
  }),
  flow: (_, __, outputCount) => outputCount,
  plan: (step, where, draft) => draft.stage(where, step, compileScript(step, where), step.inputs),
  describe: ({ file, sha256, columns, outputs }) =>
    `script ${file} (${sha256.slice(0, 12)}): ${columns.join(', ')} → ${outputs.map(({ name }) => name).join(', ')}`,
}

function readFile(reader: StepReader): string {
  const file = reader.text('file')
  if (/^[\w-][\w.-]*\.m?[jt]s$/.test(file)) return file
  throw reader.error('file', 'the name of a .ts, .mts, .js or .mjs file, of letters, digits, hyphens and dots', file)
}

function readSource(reader: StepReader): Pick<ScriptStep, 'sha256' | 'source'> {
  const source = reader.get('source')
  if (typeof source !== 'string' || source === '') {
    const wayOut = '`penstock pipeline apply` reads it from the file, beside the definition'
    throw reader.error('source', `the text of ${reader.text('file')}`, source, wayOut)
  }
  const sizeBytes = Buffer.byteLength(source)
  if (sizeBytes > SCRIPT_SOURCE_BYTES_MAX)
    throw reader.error('source', `a text of at most ${SCRIPT_SOURCE_BYTES_MAX} bytes`, `${sizeBytes} bytes`)
  const sha256 = createHash('sha256').update(source).digest('hex')
  if (reader.has('sha256') && reader.get('sha256') !== sha256)
    throw reader.error('sha256', `that of the source, ${sha256}`, reader.get('sha256'), 'Leave it out: it is computed')
  return { sha256, source }
}

function readNames(reader: StepReader, key: string, countMin: number): string[] {
  const value = reader.get(key)
  if (!Array.isArray(value) || value.length < countMin || value.length > SCRIPT_COLUMNS_MAX)
    throw reader.error(key, `an array of ${countMin}..${SCRIPT_COLUMNS_MAX} names of columns`, value)
  value.forEach((name: unknown, i) => {
    if (typeof name !== 'string' || name === '') throw reader.error(`${key}[${i}]`, 'the name of a column', name)
    if (value.indexOf(name) !== i) throw reader.error(`${key}[${i}]`, 'the name of no other column', name)
  })
  return value as string[]
}

function readOutputs(reader: StepReader): ScriptOutput[] {
  const names = new Set<string>()
  return reader.list('outputs', FIELDS_MAX).map((item, i) => {
    const key = `outputs[${i}]`
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw reader.error(key, 'an object like {"name": "ratio", "dtype": "float32"}', item)
    const output = new StepReader(`${reader.where}.${key}`, item as Record<string, unknown>)
    const other = Object.keys(item).find((member) => !OUTPUT_KEYS.includes(member))
    if (other !== undefined)
      throw reader.error(key, `made of ${OUTPUT_KEYS.join(', ')}`, other, suggest(other, OUTPUT_KEYS))
    const name = output.text('name')
    if (names.has(name)) throw output.error('name', 'the name of no other output', name)
    names.add(name)
    return { name, ...readType(output) }
  })
}

function readType(output: StepReader): Pick<ScriptOutput, 'dtype' | 'shape'> {
  const value = output.get('dtype')
  const { dtype, isNullable } = splitOutputDtype(value)
  if (!isDtype(dtype)) {
    const wayOut =
      suggest(
        String(value),
        DTYPES.map(({ name }) => name),
      ) || 'A ? at its end lets it be missing'
    throw output.error('dtype', `one of ${DTYPES.map(({ name }) => name).join(', ')}`, value, wayOut)
  }
  const shape = output.has('shape') ? readShape(output) : undefined
  if (isNullable && shape !== undefined)
    throw output.error('dtype', `${dtype}, for rows of several elements know no missing value`, value)
  return { dtype: value as ScriptOutput['dtype'], ...(shape === undefined ? {} : { shape }) }
}

function splitOutputDtype(dtype: unknown): { dtype: unknown; isNullable: boolean } {
  const isNullable = typeof dtype === 'string' && dtype.endsWith('?')
  return { dtype: isNullable ? dtype.slice(0, -1) : dtype, isNullable }
}

function readLimits(reader: StepReader): Pick<ScriptStep, (typeof LIMITS)[number]> {
  const bounds = {
    timeoutMs: [1, SCRIPT_TIMEOUT_MS_MAX],
    memoryMib: [SCRIPT_MEMORY_MIB_MIN, SCRIPT_MEMORY_MIB_MAX],
    threads: [1, SCRIPT_THREADS_MAX],
  } as const
  const given = LIMITS.filter((key) => reader.has(key))
  return Object.fromEntries(given.map((key) => [key, reader.integer(key, bounds[key][0], bounds[key][1])]))
}

/** A column of the step's `outputs`. */
export function outputColumn({ name, dtype: text, shape = [] }: ScriptOutput): StageColumn {
  const { dtype, isNullable } = splitOutputDtype(text)
  if (!isDtype(dtype)) throw new Error('assertion: outputs are read before they are compiled')
  // A float that may be missing is NaN there, as everywhere.
  return { name, dtype, isNullable: isNullable && dtypeInfo(dtype).kind !== 'float', shape }
}

function compileScript({ columns, outputs, keep }: ScriptStep, where: string): CompileStage {
  return (table) => {
    const names = table.map(({ name }) => name)
    const find = (name: string, key: string): StageColumn => {
      const column = table.find((candidate) => candidate.name === name)
      if (column !== undefined) return column
      const wayOut = didYouMean(name, names).slice(2) || `There are ${names.slice(0, 20).join(', ') || 'none'}`
      throw stepError(`${where}.${key}`, 'a column that stands in front of the step', name, wayOut)
    }
    keep?.forEach((name, i) => find(name, `keep[${i}]`))
    return {
      takes: columns.map((name, i) => find(name, `columns[${i}]`)),
      makes: outputs.map(outputColumn),
      ...(keep === undefined ? {} : { drops: names.filter((name) => !keep.includes(name)) }),
    }
  }
}
