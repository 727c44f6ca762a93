/**
 * Tables with one column per feature, in rows and in columns, to the one tensor [n, k] of a pipeline. Which column is which
 * feature, tensor/feature-columns.ts has decided; all rows have the columns of the first.
 */
import { PenstockError } from '../../base/errors.js'
import { BODY_MISTAKES_MAX } from '../../base/limits/limits.js'
import { toTensor } from '../../tensor/convert.js'
import { allocateData } from '../../tensor/dtype.js'
import type { FeatureColumns } from '../../tensor/feature-columns.js'
import type { NumericDtype, Tensor, TensorData, TensorField } from '../../tensor/tensor.js'
import type { JsonReader, JsonValue } from '../json/json-reader.js'
import { dataOf, isExactField, isFastField, readTensor } from '../json/tensor-reader.js'
import { Mistakes } from './mistakes.js'
import { takeNull } from '../json/peek.js'
import { expectRoom, expectRows, type RowFacts, type RowSource } from './row-source.js'
import type { Signature } from './signature.js'

/** Reads rows of cells. A cell that is absent is missing, as one that is null. */
export function readFeatureRows(
  source: RowSource,
  { field, columns }: FeatureColumns,
  signature: Signature,
  facts: RowFacts,
): Tensor {
  const { reader } = source
  const width = columns.length
  const positions = new Map(columns.map((name, position) => [name, position]))
  const hasMissing = field.dtype === 'float32' || field.dtype === 'float64'
  let isFast = isFastField(field)
  let values = new Float64Array(16 * width).fill(NaN)
  let seen = 0
  source.readAll({
    beginRow: () => expectRoom(facts.rows, signature),
    cell: (key) => {
      const position = positions.get(key)
      const keys = facts.routing.get(key)
      if (position === undefined) {
        if (keys === undefined) throw newColumn(key, facts.rows, field)
        keys[facts.rows] = reader.readValue()
        return
      }
      seen++
      if (isFast && reader.isAtNumber) values[facts.rows * width + position] = reader.readNumber()
      else if (!hasMissing || !takeNull(reader)) {
        isFast = false
        reader.skipValue()
      }
    },
    endRow: (echo) => {
      if (seen < width && !hasMissing) isFast = false
      seen = 0
      facts.echoes.push(echo())
      facts.rows++
      if ((facts.rows + 1) * width <= values.length) return
      const grown = new Float64Array(2 * values.length).fill(NaN)
      grown.set(values)
      values = grown
    },
  })
  expectRows(facts, signature)
  const { rows } = facts
  const data = isFast ? dataOf({ values, length: rows * width }, field.dtype as NumericDtype) : null
  if (data !== null) return { dtype: field.dtype, shape: [rows, width], data }
  return readRowsSlowly(source, field, positions, rows)
}

function newColumn(name: string, row: number, field: TensorField): PenstockError {
  return new PenstockError(
    'ERR_UNKNOWN_INPUT',
    `Expected record ${row} to have the columns of record 0, for they are the features of ${field.name}, but received also ${JSON.stringify(name)}. Leave it out of all records, or have it in the first`,
  )
}

function readRowsSlowly(
  source: RowSource,
  field: TensorField,
  positions: ReadonlyMap<string, number>,
  rows: number,
): Tensor {
  const { reader } = source
  const table = Array.from({ length: rows }, () => new Array<JsonValue>(positions.size).fill(null))
  let row = 0
  source.readAll({
    beginRow: () => undefined,
    cell: (key) => {
      const position = positions.get(key)
      if (position === undefined) reader.skipValue()
      else (table[row] as JsonValue[])[position] = reader.readValue(isExactField(field))
    },
    endRow: () => row++,
  })
  try {
    return toTensor(field, table, false)
  } catch (error) {
    explainCells(field, [...positions.keys()], table)
    throw error
  }
}

/** @throws PenstockError with the first wrong cell of each column: by column and record, as the caller has them. */
function explainCells(field: TensorField, names: readonly string[], table: readonly (readonly JsonValue[])[]): void {
  const mistakes = new Mistakes()
  let count = 0
  for (const [position, name] of names.entries()) {
    for (const [row, cells] of table.entries()) {
      const cell = cells[position]
      const at = { name: `${JSON.stringify(name)} of record ${row}`, dtype: field.dtype, shape: [] }
      if (mistakes.attempt(name, () => toTensor(at, cell, true)) !== undefined) continue
      count++
      break
    }
    if (count > BODY_MISTAKES_MAX) break
  }
  mistakes.throwAny()
}

/**
 * Reads the columns of an object, each an array with one value per row.
 * @param rowsMax of a request.
 */
export function readFeatureColumns(reader: JsonReader, { field, columns }: FeatureColumns, rowsMax: number): Tensor {
  const mistakes = new Mistakes()
  const parts = new Map<string, Tensor>()
  reader.readObject((key) => {
    const mark = reader.mark()
    const column = { name: key, dtype: field.dtype, shape: [null] }
    const tensor = columns.includes(key)
      ? mistakes.attempt(key, () => readTensor(reader, column, false, rowsMax))
      : undefined
    if (tensor !== undefined) parts.set(key, tensor)
    else {
      reader.reset(mark)
      reader.skipValue()
    }
  })
  const rows = parts.values().next().value?.shape[0] ?? 0
  for (const [name, { shape }] of parts)
    if (shape[0] !== rows) mistakes.add(name, unevenColumn(name, shape[0] as number, columns[0] as string, rows))
  mistakes.throwAny()
  const data = allocateData(field.dtype as NumericDtype, rows * columns.length)
  columns.forEach((name, position) => interleave(data, (parts.get(name) as Tensor).data, position, columns.length))
  return { dtype: field.dtype, shape: [rows, columns.length], data }
}

function interleave(target: TensorData, source: TensorData, position: number, width: number): void {
  const to = target as { [index: number]: unknown }
  for (let row = 0; row < source.length; row++) to[row * width + position] = source[row]
}

function unevenColumn(name: string, rows: number, first: string, rowsFirst: number): PenstockError {
  return new PenstockError(
    'ERR_SHAPE',
    `Expected all columns to have as many values, but ${JSON.stringify(name)} has ${rows} and ${JSON.stringify(first)} ${rowsFirst}`,
  )
}
