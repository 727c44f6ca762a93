/**
 * `dataset`, `dataset_exclude` and `dataset_separator` of an infer call's query, in the spellings that clients use:
 * `dataset=time,out` (comma-separated, repeatable) or `dataset[]=time&dataset[]=out`, which keeps commas in a name.
 */
import { argumentError } from '../../../base/expect.js'
import type { DatasetOptions } from '../../../formats/dataset.js'
import type { RouteDocument } from '../../http/route.js'

export interface ResultQuery extends DatasetOptions {
  /** Between group and field; null: nested. */
  readonly separator: string | null
  /** Something was asked for. */
  readonly isGiven: boolean
}

const includeNames = ['dataset', 'dataset[]']
const excludeNames = ['dataset_exclude', 'dataset_exclude[]', 'dataset.exclude', 'dataset.exclude[]']
const separatorNames = ['dataset_separator', 'dataset.separator']
const separatorCharactersMax = 16

export const resultQueryDocument: NonNullable<RouteDocument['query']> = [
  ...includeNames.map((name) => ({
    name,
    description: 'Columns or groups of the answer: time, in, out, anomaly, metadata, out_<model>, in.x, … or *',
    isRepeated: true,
  })),
  ...excludeNames.map((name) => ({ name, description: 'Columns or groups to leave out', isRepeated: true })),
  ...separatorNames.map((name) => ({ name, description: 'Flattens the answer: in<separator>x; absent: nested' })),
]

/** @throws PenstockError ERR_ARGUMENT */
export function readResultQuery(query: URLSearchParams): ResultQuery {
  if (query.size === 0) return nothing
  const dataset = entriesOf(query, includeNames)
  const datasetExclude = entriesOf(query, excludeNames)
  const [separator = null, ...others] = separatorNames.flatMap((name) => query.getAll(name))
  if (others.length > 0) throw argumentError('dataset_separator', 'given once', `${others.length + 1} times`)
  if (separator !== null && (separator.length === 0 || separator.length > separatorCharactersMax))
    throw argumentError('dataset_separator', `1..${separatorCharactersMax} characters`, separator)
  return { dataset, datasetExclude, separator, isGiven: true }
}

const nothing: ResultQuery = { separator: null, isGiven: false }

function entriesOf(query: URLSearchParams, names: readonly string[]): string[] | undefined {
  const entries = names.flatMap((name) =>
    query.getAll(name).flatMap((value) => (name.endsWith('[]') ? [value] : value.split(','))),
  )
  return entries.length === 0 ? undefined : entries.map((entry) => entry.trim())
}
