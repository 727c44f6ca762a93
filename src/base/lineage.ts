/**
 * Where a model version comes from: the run that made it, its metrics and parameters, the data that it was trained on. Kept
 * as it was said, by whoever added the version; checked in one place for the engine, the registry and readers of files.
 */
import { expectDatasetReference } from './dataset-reference.js'
import { argumentError, expectNoOtherKeys, expectNumber, expectRecord, expectString } from './expect.js'
import { LINEAGE_ENTRIES_MAX, LINEAGE_TEXT_CHARACTERS_MAX } from './limits/limits.js'

export interface Lineage {
  /** URI or file that the model was taken from. */
  readonly source?: string
  /** The run that made it, in the words of the tracker that knows it. */
  readonly runId?: string
  /** What it was made from: another model, a commit, a file. */
  readonly createdFrom?: string
  /** By name, finite. */
  readonly metrics?: Readonly<Record<string, number>>
  readonly params?: Readonly<Record<string, number | string>>
  /** A digest of the data that it was trained on. */
  readonly datasetDigest?: string
  /** Datasets of the registry by what they were used for: `{ train: 'wine@1' }`. */
  readonly datasets?: Readonly<Record<string, string>>
}

type Key = keyof Lineage

const wireNames: Readonly<Record<Key, string>> = {
  source: 'source',
  runId: 'run_id',
  createdFrom: 'created_from',
  metrics: 'metrics',
  params: 'params',
  datasetDigest: 'dataset_digest',
  datasets: 'datasets',
}

/**
 * Checks a lineage with the members of Lineage.
 * @param where the argument, for messages.
 * @returns a copy of what is there: nothing of it is the caller's.
 * @throws PenstockError ERR_ARGUMENT.
 */
export function expectLineage(where: string, value: unknown): Lineage {
  return checked(where, value, (key) => key)
}

/** The same of JSON on the wire and in files: `run_id`, `created_from`, `dataset_digest`. */
export function readLineage(where: string, value: unknown): Lineage {
  return checked(where, value, (key) => wireNames[key])
}

function checked(where: string, value: unknown, nameOf: (key: Key) => string): Lineage {
  const record = expectRecord(where, value)
  const keys = Object.keys(wireNames) as Key[]
  expectNoOtherKeys(where, record, keys.map(nameOf))
  const lineage: Partial<Record<Key, unknown>> = {}
  for (const key of keys) {
    const member = record[nameOf(key)]
    const path = `${where}.${nameOf(key)}`
    if (member === undefined) continue
    if (key === 'metrics') lineage[key] = checkEntries(path, member, checkMetric)
    else if (key === 'params') lineage[key] = checkEntries(path, member, checkParam)
    else if (key === 'datasets') lineage[key] = checkEntries(path, member, checkDataset)
    else lineage[key] = checkText(path, member)
  }
  return lineage as Lineage
}

function checkEntries<T>(
  path: string,
  value: unknown,
  check: (path: string, value: unknown) => T,
): Readonly<Record<string, T>> {
  const entries = Object.entries(expectRecord(path, value))
  if (entries.length > LINEAGE_ENTRIES_MAX)
    throw argumentError(path, `at most ${LINEAGE_ENTRIES_MAX} members`, `${entries.length} members`)
  // fromEntries defines, so that a metric called __proto__ stays a metric.
  return Object.fromEntries(
    entries.map(([name, entry]) => [checkText(`a name in ${path}`, name), check(`${path}.${name}`, entry)]),
  )
}

function checkMetric(path: string, value: unknown): number {
  return expectNumber(path, value, -Number.MAX_VALUE, Number.MAX_VALUE)
}

function checkDataset(path: string, value: unknown): string {
  const { name, version } = expectDatasetReference(path, value)
  return version === null ? name : `${name}@${version}`
}

/** A text may be empty: trackers keep parameters that were set to nothing. */
function checkParam(path: string, value: unknown): number | string {
  if (typeof value === 'string') return expectString(path, value, LINEAGE_TEXT_CHARACTERS_MAX)
  if (typeof value === 'number') return checkMetric(path, value)
  throw argumentError(path, 'a text or a number', value)
}

function checkText(path: string, value: unknown): string {
  const text = expectString(path, value, LINEAGE_TEXT_CHARACTERS_MAX)
  // Control characters would break the CLI's tables.
  if (!/^[^\p{Cc}]+$/u.test(text)) throw argumentError(path, 'printable text of at least one character', value)
  return text
}
