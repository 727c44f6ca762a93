/**
 * One column per feature: tables of a pipeline whose only input is one tensor of numbers [n, k], as people keep them:
 * a column for each of the k features instead of one column of lists.
 *
 * No contract says which column is which feature, so the rule is narrow. Beside routing keys there are exactly k columns,
 * none of them named like the input, and k > 1 (a single column goes by the input's name: it may be a slip otherwise).
 * Their order is, by the first that holds:
 *
 *   1. by name      the pipeline knows the names of its features, and the columns are those, in any order
 *   2. by number    the names are numbered 0..k-1 or 1..k: f0 f1 … f11, x[0], "3": writers sort f10 before f2
 *   3. by position  as they stand in the table
 *
 * Records, columns, CSV, Arrow and Parquet bodies all ask here, so that one table has one meaning.
 */
import { formatShape } from './shape.js'
import type { TensorField } from './tensor.js'

/** The input, and the columns that make it in the order of its features. */
export interface FeatureColumns {
  readonly kind: 'features'
  readonly field: TensorField
  readonly columns: readonly string[]
}

/** The rule would apply, but the columns are not the tensor's: a sentence that says why, with the way out. */
export interface FeatureRefusal {
  readonly kind: 'refused'
  readonly reason: string
}

/** Names of a refused table that its sentence shows. */
const shownNamesMax = 12

/**
 * Plans how the columns of a table become the one input of a pipeline.
 * @param inputs of the pipeline, row axis first unless `isNonBatching`.
 * @param columns names in the order of the table, without those that the pipeline routes on.
 * @param featureNames the pipeline's own names of the k features; absent: it knows none.
 * @returns null when the rule does not apply: the input is there by its name, or there is not one input [n, k], k > 1.
 * @example planFeatureColumns([{ name: 'x', dtype: 'float32', shape: [null, 2] }], false, ['age', 'fare'])
 */
export function planFeatureColumns(
  inputs: readonly TensorField[],
  isNonBatching: boolean,
  columns: readonly string[],
  featureNames?: readonly string[],
): FeatureColumns | FeatureRefusal | null {
  const [field, ...others] = inputs
  if (field === undefined || others.length > 0 || columns.includes(field.name)) return null
  const width = featureWidth(field, isNonBatching)
  if (width === null) return null
  if (columns.length !== width) return { kind: 'refused', reason: refusalOf(field, width, columns) }
  return { kind: 'features', field, columns: byName(columns, featureNames) ?? byNumber(columns) ?? [...columns] }
}

/** The features of a tensor of numbers [n, k], k > 1; null: it has no columns of that kind. */
export function featureWidth(field: TensorField, isNonBatching: boolean): number | null {
  const [, width] = field.shape
  if (isNonBatching || field.shape.length !== 2 || field.dtype === 'string') return null
  return typeof width === 'number' && width > 1 ? width : null
}

function byName(columns: readonly string[], names: readonly string[] | undefined): readonly string[] | null {
  if (names?.length !== columns.length) return null
  const present = new Set(columns)
  return names.every((name) => present.has(name)) ? [...names] : null
}

/** Columns of one prefix, numbered without a gap. */
function byNumber(columns: readonly string[]): readonly string[] | null {
  const ordered = new Array<string | undefined>(columns.length).fill(undefined)
  const numbered = columns.map((name) => /^(.*?)(\d{1,9})(\D?)$/s.exec(name))
  const [first] = numbered
  const start = numbered.some((match) => match !== null && Number(match[2]) === 0) ? 0 : 1
  for (const [index, match] of numbered.entries()) {
    if (match === null || match[1] !== first?.[1] || match[3] !== first?.[3]) return null
    const at = Number(match[2]) - start
    if (at < 0 || at >= ordered.length || ordered[at] !== undefined) return null
    ordered[at] = columns[index]
  }
  return ordered as string[]
}

function refusalOf(field: TensorField, width: number, columns: readonly string[]): string {
  const shown = columns.slice(0, shownNamesMax).map((name) => JSON.stringify(name))
  const more = columns.length > shown.length ? `, … and ${columns.length - shown.length} more` : ''
  const received = columns.length === 0 ? 'none' : `${columns.length}: ${shown.join(', ')}${more}`
  const wayOut =
    columns.length > width
      ? 'Leave out the columns that are no features'
      : 'Add the missing columns; a missing value is null, or an empty cell, in a column that is there'
  return (
    `Expected a column ${JSON.stringify(field.name)} of ${field.dtype} ${formatShape(field.shape)}, or one column for each of its ${width} features, ` +
    `but received ${received}. ${wayOut}, or send ${JSON.stringify(field.name)} with a list in each row`
  )
}
