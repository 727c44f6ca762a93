/**
 * From normalised batches to the table that a caller sees: the chosen columns, with `check_failures` derived where it was
 * asked for, and rows of tensors nested where only metadata.shape has their dims, as one Arrow table.
 */
import { type Data, DataType, Field, List, type RecordBatch, Schema, Table, Utf8 } from 'apache-arrow'
import { tensorTypeOf, utf8Lists } from '../../../formats/arrow/column-types.js'
import { groupOf, orderColumns, selectColumns, type DatasetOptions } from '../../../formats/dataset.js'
import { nestedType, nestRows } from '../../../formats/tensors/nest-rows.js'
import { batchOf } from './take.js'

const checkFailures = 'check_failures'

/**
 * The columns of `schema` that a dataset wants, in the documented order. Without a dataset: all but the metadata, the
 * outputs of other models among them.
 * @throws PenstockError ERR_ARGUMENT
 */
export function chosenColumns(schema: Schema, { dataset, datasetExclude }: DatasetOptions): string[] {
  const names = schema.fields.map((field) => field.name)
  const isDefault = dataset === undefined || (dataset.length === 1 && dataset[0] === '*')
  const isMetadata = (name: string): boolean => groupOf(name) === 'metadata' || groupOf(name).startsWith('model')
  const candidates = isDefault ? names.filter((name) => !isMetadata(name)) : names
  const chosen = selectColumns(candidates, {
    dataset: isDefault ? undefined : dataset,
    datasetExclude,
    base: 'all',
    hidden: [checkFailures],
    isLenient: true,
  })
  return orderColumns(chosen)
}

/** @param names from chosenColumns; `schema` is that of the batches, which may be none. */
export function tableOf(schema: Schema, batches: readonly RecordBatch[], names: readonly string[]): Table {
  const fields = names.map((name) => {
    if (name === checkFailures) return new Field(checkFailures, new List(new Field('item', new Utf8(), true)), false)
    const field = schema.fields.find((candidate) => candidate.name === name) as Field
    return isDeclared(schema, name) ? field.clone({ type: nestedType(field.type as List, rankOf(field)) }) : field
  })
  const chosen = new Schema(fields)
  return new Table(
    chosen,
    batches.map((batch) => batchOf(chosen, columnsOf(batch, names), batch.numRows)),
  )
}

/** The column of a row's dims, where two and more of them are free. */
function shapeName(name: string): string {
  return `metadata.shape.${name}`
}

function isDeclared({ fields }: Schema, name: string): boolean {
  return fields.some((field) => field.name === shapeName(name))
}

function rankOf(field: Field): number {
  return tensorTypeOf(field).shape?.length ?? 1
}

function columnsOf(batch: RecordBatch, names: readonly string[]): Data[] {
  const indexOf = (name: string): number => batch.schema.fields.findIndex((field) => field.name === name)
  const dataOf = (name: string): Data => batch.data.children[indexOf(name)] as Data
  return names.map((name) => {
    if (name === checkFailures) return failuresOf(batch)
    if (!isDeclared(batch.schema, name)) return dataOf(name)
    const rank = rankOf(batch.schema.fields[indexOf(name)] as Field)
    return nestRows(dataOf(name) as Data<List>, dataOf(shapeName(name)), rank)
  })
}

/** The names of the checks that failed, by row. */
function failuresOf(batch: RecordBatch): Data {
  const flags = batch.schema.fields.flatMap((field, index) =>
    field.name.startsWith('anomaly.') && DataType.isBool(field.type)
      ? [{ check: field.name.slice('anomaly.'.length), data: batch.data.children[index] as Data }]
      : [],
  )
  const rows = Array.from({ length: batch.numRows }, (_, row) =>
    flags.filter(({ data }) => isSet(data, row)).map(({ check }) => check),
  )
  return utf8Lists(rows)
}

function isSet(data: Data, row: number): boolean {
  const at = data.offset + row
  return (((data.values as unknown as Uint8Array)[at >> 3] as number) & (1 << (at & 7))) !== 0
}
