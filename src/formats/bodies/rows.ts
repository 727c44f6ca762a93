/**
 * Rows of cells to the tensors of a pipeline: records of every form.
 *
 * Columns that are no inputs are allowed; those that a split of the pipeline routes on become routing keys with one value
 * per row. Rows are read into one scratch per input, and read again with slower, wordier code only when something does
 * not fit, once for all inputs that do not.
 *
 * A field that a record does not have is missing in it: NaN for floats, '' for strings. It is a mistake where no record has
 * any input, and where a column is called nearly like it, else a misspelt name would be a column of NaN.
 */
import { argumentError } from '../../base/expect.js'
import { PenstockError } from '../../base/errors.js'
import { BODY_OTHERS_MAX } from '../../base/limits/limits.js'
import { closest } from '../../base/suggest.js'
import type { Meta, MetaValue } from '../../engine/api/api.js'
import { toTensor } from '../../tensor/convert.js'
import { planFeatureColumns, featureWidth } from '../../tensor/feature-columns.js'
import { mayBeMissing } from '../../tensor/missing.js'
import { missingRow } from '../../tensor/nested.js'
import { formatShape, shapeMatches } from '../../tensor/shape.js'
import { tensorWithoutRows } from '../../tensor/without-rows.js'
import type { NumericDtype, Tensor, TensorField } from '../../tensor/tensor.js'
import type { JsonValue } from '../json/json-reader.js'
import { dataOf, isExactField, isFastField, NumberScratch } from '../json/tensor-reader.js'
import { readFeatureRows } from './feature-rows.js'
import { Mistakes } from './mistakes.js'
import { expectRoom, expectRows, type RowFacts, type RowSource, type RowVisitor } from './row-source.js'
import {
  absentInput,
  missingInput,
  routingKeys,
  type RecordsBody,
  type Signature,
  type TableFacts,
} from './signature.js'

interface Column {
  readonly field: TensorField
  readonly scratch: NumberScratch
  /** False once a value did not fit the fast path. */
  isFast: boolean
  /** The last record that had it. */
  row: number
  /** The first record that did not have it, or -1. */
  rowAbsent: number
}

/**
 * Reads rows of any form.
 * @throws PenstockError ERR_BODY, ERR_MISSING_INPUT, ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_ARGUMENT, ERR_META,
 *   ERR_TOO_MANY_ROWS.
 */
export function readRows(source: RowSource, signature: Signature): RecordsBody {
  const routing = new Map([...routingKeys(signature)].map((key) => [key, [] as JsonValue[]]))
  const facts: RowFacts = { rows: 0, echoes: [], routing }
  const others = new Set<string>()
  const inputs = readFeatures(source, signature, facts) ?? readInputs(source, signature, facts, others)
  const meta = metaOf(routing, facts.rows)
  return {
    form: 'records',
    request: meta === null ? { inputs } : { inputs, meta },
    echoes: facts.echoes,
    others: [...others],
  }
}

/** Rows with a column for each feature of the one input; null: they have the input itself, or there is more than one. */
function readFeatures(source: RowSource, signature: Signature, facts: RowFacts): Record<string, Tensor> | null {
  const [field] = signature.inputs
  if (field === undefined || signature.inputs.length > 1 || featureWidth(field, signature.isNonBatching) === null)
    return null
  const columns = source.firstColumns(field.name)?.filter((name) => !facts.routing.has(name))
  if (columns === undefined || columns.length === 0) return null
  const plan = planFeatureColumns(signature.inputs, signature.isNonBatching, columns)
  if (plan === null) return null
  if (plan.kind === 'features') return { [field.name]: readFeatureRows(source, plan, signature, facts) }
  // A single column is the input misspelt.
  if (columns.length === 1) throw missingInput(field.name, signature, 'record 0', columns)
  throw new PenstockError('ERR_MISSING_INPUT', plan.reason)
}

function readInputs(
  source: RowSource,
  signature: Signature,
  facts: RowFacts,
  others: Set<string>,
): Record<string, Tensor> {
  const columns = new Map(signature.inputs.map((field) => [field.name, columnOf(field, signature)]))
  source.readAll(fastVisitor(source, signature, columns, others, facts))
  expectRows(facts, signature)
  if (facts.rows === 0) return inputsWithoutRows(source, signature, facts.routing)
  const inputs = Object.create(null) as Record<string, Tensor>
  const slow: Column[] = []
  const mistakes = new Mistakes()
  const hasInput = [...columns.values()].some(({ row }) => row >= 0)
  const table: TableFacts = { rows: facts.rows, hasInput, others: [...others] }
  for (const column of columns.values()) {
    const { field, row, rowAbsent } = column
    if (row < 0) {
      if (field.default !== undefined) continue
      const where = facts.rows === 1 ? 'record 0' : 'each record'
      inputs[field.name] = mistakes.attempt(field.name, () => absentInput(field, signature, where, table)) ?? noTensor
      continue
    }
    inputs[field.name] = noTensor
    const rowMisspelt = rowAbsent < 0 ? -1 : misspeltIn(source, field.name, others)
    if (rowMisspelt >= 0 || (rowAbsent >= 0 && !mayBeMissing(field))) {
      const where = `record ${Math.max(rowMisspelt, rowAbsent)}`
      mistakes.add(field.name, missingInput(field.name, signature, where, rowMisspelt < 0 ? [] : [...others]))
      continue
    }
    const tensor = columnTensor(column, facts.rows, signature)
    if (tensor === null) slow.push(column)
    else inputs[field.name] = tensor
  }
  if (slow.length > 0) readSlowly(source, slow, inputs, facts.rows, signature, mistakes)
  mistakes.throwAny()
  return inputs
}

/** The first record that has a column called nearly like the input in its place, though none has both; else -1. */
function misspeltIn(source: RowSource, name: string, others: ReadonlySet<string>): number {
  const near = closest(name, [...others])
  if (near === null) return -1
  const { reader } = source
  let [row, found, hasBoth, hasName, hasNear] = [0, -1, false, false, false]
  source.readAll({
    beginRow: () => {
      hasName = false
      hasNear = false
    },
    cell: (key) => {
      hasName ||= key === name
      hasNear ||= key === near
      reader.skipValue()
    },
    endRow: () => {
      hasBoth ||= hasName && hasNear
      if (found < 0 && hasNear && !hasName) found = row
      row++
    },
  })
  return hasBoth ? -1 : found
}

/** Where the form tells its columns apart from the rows, an absent input is what it is in rows. */
function inputsWithoutRows(source: RowSource, signature: Signature, keys: RowFacts['routing']): Record<string, Tensor> {
  const inputs = Object.create(null) as Record<string, Tensor>
  const mistakes = new Mistakes()
  const isInput = (name: string): boolean => signature.inputs.some((field) => field.name === name)
  for (const field of signature.inputs) {
    const columns = source.firstColumns(field.name)
    if (columns !== null && field.default !== undefined) continue
    inputs[field.name] = tensorWithoutRows(field)
    if (columns === null) continue
    const others = columns.filter((name) => !isInput(name) && !keys.has(name))
    const table = { rows: 0, hasInput: columns.some(isInput), others }
    mistakes.attempt(field.name, () => absentInput(field, signature, 'the columns', table))
  }
  mistakes.throwAny()
  return inputs
}

/** Holds the place of an input, so that inputs keep the pipeline's order. */
const noTensor: Tensor = { dtype: 'float32', shape: [0], data: new Float32Array(0) }

function columnOf(field: TensorField, signature: Signature): Column {
  const scratch = new NumberScratch()
  scratch.begin(field, signature.isNonBatching ? Infinity : signature.rowsMax)
  return { field, scratch, isFast: isFastField(field), row: -1, rowAbsent: -1 }
}

function fastVisitor(
  { reader }: RowSource,
  signature: Signature,
  columns: ReadonlyMap<string, Column>,
  others: Set<string>,
  facts: RowFacts,
): RowVisitor {
  return {
    beginRow: () => expectRoom(facts.rows, signature),
    cell: (key) => {
      const column = columns.get(key)
      const keys = facts.routing.get(key)
      const mark = reader.mark()
      if (column !== undefined) {
        column.row = facts.rows
        if (column.isFast && column.scratch.append(reader)) {
          if (keys === undefined) return
        } else column.isFast = false
        reader.reset(mark)
      } else if (keys === undefined && others.size < BODY_OTHERS_MAX) others.add(key)
      if (keys === undefined) reader.skipValue()
      else keys[facts.rows] = reader.readValue()
    },
    endRow: (echo) => {
      for (const column of columns.values()) {
        if (column.row === facts.rows) continue
        if (column.rowAbsent < 0) column.rowAbsent = facts.rows
        if (column.isFast && !(mayBeMissing(column.field) && column.scratch.appendMissing())) column.isFast = false
      }
      facts.echoes.push(echo())
      facts.rows++
    },
  }
}

/** Stacks the rows; null when a value or the shape needs the slower path and its words. */
function columnTensor({ field, scratch, isFast }: Column, rows: number, signature: Signature): Tensor | null {
  if (!isFast) return null
  const data = dataOf(scratch, field.dtype as NumericDtype)
  if (data === null) return null
  if (signature.isNonBatching && rows === 1 && shapeMatches(field.shape, scratch.dims))
    return { dtype: field.dtype, shape: [...scratch.dims], data }
  // Records of a model without a row axis of its own are stacked where its first dim is free.
  if (signature.isNonBatching && field.shape[0] !== null) return null
  const rest = field.shape.slice(1)
  if (shapeMatches(rest, scratch.dims)) return { dtype: field.dtype, shape: [rows, ...scratch.dims], data }
  // A frame's column of scalars meets a field of the shape [n, 1].
  const dims = rest.filter((dim) => dim !== null)
  const isSameSize =
    dims.length === rest.length &&
    scratch.dims.length < 2 &&
    dims.reduce((product, dim) => product * dim, rows) === data.length
  return isSameSize ? { dtype: field.dtype, shape: [rows, ...dims], data } : null
}

/** Reads columns again as JavaScript values: 64-bit integers, strings, bools, and whatever is wrong. */
function readSlowly(
  source: RowSource,
  columns: readonly Column[],
  inputs: Record<string, Tensor>,
  rows: number,
  signature: Signature,
  mistakes: Mistakes,
): void {
  const pinned = signature.isNonBatching && rows > 1 ? columns.find(({ field }) => field.shape[0] !== null) : undefined
  if (pinned !== undefined) {
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected one record, for the first dim of input ${pinned.field.name} of pipeline ${signature.name} is not free, but received ${rows}. Send one request each`,
    )
  }
  const { reader } = source
  const byName = new Map(
    columns.map(({ field }) => [field.name, { field, values: new Array<JsonValue>(rows).fill(null) }]),
  )
  let row = 0
  source.readAll({
    beginRow: () => undefined,
    cell: (key) => {
      const column = byName.get(key)
      if (column === undefined) reader.skipValue()
      else column.values[row] = reader.readValue(isExactField(column.field))
    },
    endRow: () => row++,
  })
  for (const { field, values } of byName.values()) {
    const wantsScalars = field.shape.length === 2 && field.shape[1] === 1
    const nested = wantsScalars ? values.map((value) => (Array.isArray(value) ? value : [value])) : values
    const isStacked = !signature.isNonBatching || rows > 1 || isRowOf(field, values[0])
    const tensor = mistakes.attempt(field.name, () => {
      if (isStacked) expectArrays(field, nested)
      return toTensor(field, isStacked ? nested : values[0], signature.isNonBatching)
    })
    if (tensor !== undefined) inputs[field.name] = tensor
  }
}

/** The numbers of as many records as a row has elements are no row. */
function expectArrays(field: TensorField, rows: readonly JsonValue[]): void {
  const row = field.shape.length < 2 ? -1 : rows.findIndex((value) => !Array.isArray(value))
  if (row < 0) return
  if (rows[row] === null) throw missingRow(field, row)
  const rule = `a row, an array of the shape ${formatShape(field.shape.slice(1), true)},`
  throw argumentError(`${field.name}[${row}]`, rule, rows[row], '', 'ERR_SHAPE')
}

/** Whether a lone record has a row of the tensor, not all of it: then it has an axis less, and the first dim is free. */
function isRowOf({ shape }: TensorField, value: JsonValue | undefined): boolean {
  const dims: number[] = []
  for (let inner = value; Array.isArray(inner); inner = inner[0]) dims.push(inner.length)
  if (shape[0] !== null || dims.length !== shape.length - 1) return false
  // `[]` of a tensor [n, 3] cannot be a row: it is the tensor without rows.
  const size = shape.at(-1)
  return dims.at(-1) !== 0 || size === null || size === 0
}

/** One value per row: numbers when all are, else text. A record without the key has '' and takes the default. */
function metaOf(routing: ReadonlyMap<string, JsonValue[]>, rows: number): Meta | null {
  const meta = Object.create(null) as Record<string, MetaValue>
  for (const [key, values] of routing) {
    if (values.length === 0) continue
    const all = Array.from({ length: rows }, (_, row) => values[row])
    if (all.every((value) => typeof value === 'number')) meta[key] = all
    else meta[key] = all.map((value) => textOf(key, value))
  }
  return Object.keys(meta).length === 0 ? null : meta
}

function textOf(key: string, value: JsonValue | undefined): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'object')
    throw argumentError(
      `column ${key}`,
      'a string or a number in each record, for the pipeline routes on it or logs it,',
      value,
      '',
      'ERR_META',
    )
  return String(value)
}
