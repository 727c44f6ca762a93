/**
 * From normalised batches to the table that a caller sees: the chosen columns, with `check_failures` derived where it was
 * asked for, as one Arrow table.
 */
import { type Data, DataType, Field, List, type RecordBatch, Schema, Table, Utf8 } from 'apache-arrow'
import { utf8Lists } from '../../results/column-types.js'
import { groupOf, orderColumns, selectColumns, type DatasetOptions } from '../../results/dataset.js'
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
  const fields = names.map((name) =>
    name === checkFailures
      ? new Field(checkFailures, new List(new Field('item', new Utf8(), true)), false)
      : (schema.fields.find((field) => field.name === name) as Field),
  )
  const chosen = new Schema(fields)
  return new Table(
    chosen,
    batches.map((batch) => batchOf(chosen, columnsOf(batch, names), batch.numRows)),
  )
}

function columnsOf(batch: RecordBatch, names: readonly string[]): Data[] {
  return names.map((name) => {
    if (name === checkFailures) return failuresOf(batch)
    const index = batch.schema.fields.findIndex((field) => field.name === name)
    return batch.data.children[index] as Data
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
