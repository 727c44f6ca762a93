/**
 * Which columns of a result or of the log a caller gets: the rules of `dataset` and `dataset_exclude`, on names only.
 *
 *   an entry is        a column (`out.score`), a group (`time in out anomaly check_failures metadata out_<model>`),
 *                      `out_` for all models beside the answering one, or `*` = time, in, out, anomaly
 *   `*` and metadata   do not go together: a caller that wants metadata names what else it wants
 *   dataset wins       what it names itself stays, whatever `dataset_exclude` says; `*` names nothing itself
 *   order              is the table's, whatever the order of the entries
 */
import { argumentError } from '../base/expect.js'

export interface DatasetOptions {
  /** Absent: the columns of `base`. */
  readonly dataset?: readonly string[] | undefined
  readonly datasetExclude?: readonly string[] | undefined
}

export interface SelectOptions extends DatasetOptions {
  /** What is there without a dataset: `default` is `*`, `all` is every column that is not hidden. */
  readonly base?: 'default' | 'all'
  /** Columns that only their own name selects. */
  readonly hidden?: readonly string[]
  /** true: a column that is not there is passed over, as the log does, whose columns change with the versions. */
  readonly isLenient?: boolean
}

const defaultGroups: readonly string[] = ['time', 'in', 'out', 'anomaly']
const knownGroups: readonly string[] = [...defaultGroups, 'check_failures', 'metadata', 'out_']

/** `in.x` → in · `out_other.y` → out_other · `time` → time. */
export function groupOf(column: string): string {
  const dot = column.indexOf('.')
  return dot < 0 ? column : column.slice(0, dot)
}

/**
 * The columns that are wanted, in the order of `names`.
 * @param names of all columns, flat: `time`, `in.x`, `out.y`, `anomaly.count` …
 * @throws PenstockError ERR_ARGUMENT: an entry that means nothing, `*` beside metadata, nothing left.
 */
export function selectColumns(names: readonly string[], options: SelectOptions): string[] {
  const { dataset, datasetExclude = [], base = 'default', hidden = [], isLenient = false } = options
  const all = [...names, ...hidden]
  const isKnown = (entry: string): boolean =>
    entry === '*' || knownGroups.includes(entry) || all.some((name) => name === entry || groupOf(name) === entry)
  const expectKnown = (argument: string, entry: string): void => {
    if (isLenient || isKnown(entry)) return
    throw argumentError(`each entry of ${argument}`, `*, a group or a column of ${all.join(', ')}`, entry)
  }
  dataset?.forEach((entry) => expectKnown('dataset', entry))
  datasetExclude.forEach((entry) => expectKnown('dataset_exclude', entry))
  if (dataset?.includes('*') === true && dataset.some((entry) => groupOf(entry) === 'metadata')) {
    throw argumentError(
      'dataset',
      '* without metadata',
      dataset.join(','),
      `List the columns: ${defaultGroups.join(',')},metadata`,
    )
  }
  const isNamed = (name: string): boolean =>
    dataset?.some((entry) => entry !== '*' && isMeant(entry, name, hidden)) === true
  const isBase = (name: string): boolean => {
    if (dataset === undefined && base === 'all') return !hidden.includes(name)
    return (dataset === undefined || dataset.includes('*')) && defaultGroups.includes(groupOf(name))
  }
  const isExcluded = (name: string): boolean => datasetExclude.some((entry) => isMeant(entry, name, []))
  const chosen = all.filter((name) => isNamed(name) || (isBase(name) && !hidden.includes(name) && !isExcluded(name)))
  if (chosen.length > 0) return chosen
  throw argumentError('dataset and dataset_exclude', 'such that a column is left', (dataset ?? ['*']).join(','))
}

/** Whether `entry` stands for the column. */
function isMeant(entry: string, name: string, hidden: readonly string[]): boolean {
  if (entry === name) return true
  if (hidden.includes(name)) return false
  const group = groupOf(name)
  return entry === group || (entry === 'out_' && group.startsWith('out_'))
}

/** Whether a dataset asks for columns of models that are not the answer's. */
export function wantsOtherModels(dataset: readonly string[] | undefined): boolean {
  return dataset?.some((entry) => entry.startsWith('out_')) === true
}

/**
 * The documented order: time, in.*, out.*, anomaly.count, anomaly.*, check_failures, out_<model>.*, metadata.*, and what
 * is in no group; by name within a group (upper case first), metadata and what follows as they come.
 */
export function orderColumns(names: readonly string[]): string[] {
  const rankOf = (name: string): number => {
    const group = groupOf(name)
    if (group.startsWith('out_')) return 6
    if (name === 'anomaly.count') return 3
    return { time: 0, in: 1, out: 2, anomaly: 4, check_failures: 5, metadata: 7 }[group] ?? 8
  }
  return [...names].sort((a, b) => {
    const rank = rankOf(a)
    if (rank !== rankOf(b)) return rank - rankOf(b)
    if (rank >= 7 || a === b) return 0
    return a < b ? -1 : 1
  })
}
