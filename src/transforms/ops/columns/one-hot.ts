/**
 * `one-hot`: a column becomes indicators, one a category in the order listed. scikit-learn's OneHotEncoder (dense): what
 * is no category fails its row (`error`), leaves zeros (`ignore`), or has an indicator of its own behind the others
 * (`other`). A missing value is the category null where that is listed, else treated as unknown.
 */
import { CategoryCode, TransformOpcode } from '../../../base/generated/boundary.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { JsonCell, OpReader } from '../../draft/op-reader.js'
import { categoriesLearner } from '../../statistics/counts.js'
import { elementBytes } from '../../draft/column.js'
import { lookUp } from './categories.js'

export const numberDtypes = [
  'float32',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
] as const

export interface OneHotOp extends ColumnsOp {
  readonly op: 'one-hot'
  /** A list a column; fitted: sorted, null last. */
  readonly categories?: readonly (readonly JsonCell[])[]
  readonly unknown: 'error' | 'ignore' | 'other'
  /** The indicator that is left out: the first, or of two categories the first. */
  readonly drop?: 'first' | 'if-binary'
  /** float64, as scikit-learn's, when left out. */
  readonly dtype?: (typeof numberDtypes)[number]
}

export const oneHotKind: OpKind<OneHotOp> = {
  op: 'one-hot',
  keys: ['columns', 'as', 'categories', 'unknown', 'drop', 'dtype'],
  parse: (reader) => {
    const named = reader.columns()
    return {
      op: 'one-hot',
      ...named,
      ...readCategories(reader, named.columns),
      unknown: reader.oneOf('unknown', ['error', 'ignore', 'other'], 'error'),
      ...(reader.has('drop') ? { drop: reader.oneOf('drop', ['first', 'if-binary']) } : {}),
      ...(reader.has('dtype') ? { dtype: reader.oneOf('dtype', numberDtypes) } : {}),
    }
  },
  compile: (op, draft) => {
    const { categories } = op
    if (categories === undefined) throw draft.notFitted('categories')
    draft.mapColumns(op, (slot, name, i) => indicators(draft, op, slot, name, i, categories[i] as JsonCell[]))
  },
  fit: {
    isFitted: (op) => op.categories !== undefined,
    columns: (op) => op.columns,
    learner: (_op, column) => categoriesLearner(column),
    complete: (op, learnt) => ({ ...op, categories: learnt as JsonCell[][] }),
  },
}

export function readCategories(reader: OpReader, columns: readonly string[]): { categories?: JsonCell[][] } {
  if (!reader.has('categories')) return {}
  return { categories: reader.perColumn('categories', columns, (key, value) => reader.cells(key, value)) }
}

/** The categories that are values, and the code of a missing one where null is among them. */
export function splitCategories(categories: readonly JsonCell[]): {
  known: JsonCell[]
  codeOf: number[]
  missing: number | null
} {
  const known: JsonCell[] = []
  const codeOf: number[] = []
  categories.forEach((cell, code) => {
    if (cell === null) return
    known.push(cell)
    codeOf.push(code)
  })
  const missing = categories.indexOf(null)
  return { known, codeOf, missing: missing < 0 ? null : missing }
}

function indicators(
  draft: ProgramDraft,
  op: OneHotOp,
  slot: Slot,
  name: string,
  i: number,
  categories: readonly JsonCell[],
): Slot {
  if (slot.shape.length > 0) throw draft.typeError(`columns[${i}]`, name, 'one value a row', slot)
  const { known, codeOf, missing } = splitCategories(categories)
  // Codes of the lookup count values only; a missing one comes behind them, then what is unknown.
  const [missingCode, otherCode] = [known.length, known.length + 1]
  const unknown = { error: CategoryCode.fails, ignore: CategoryCode.none, other: otherCode }[op.unknown]
  const codes = lookUp(draft, slot, name, `categories[${i}]`, known, {
    unknown,
    missing: missing === null ? unknown : missingCode,
  })
  const shown = categories.map((_, code) => (code === missing ? missingCode : codeOf.indexOf(code)))
  const isDropped = op.drop === 'first' || (op.drop === 'if-binary' && categories.length === 2)
  const table = [...(isDropped ? shown.slice(1) : shown), ...(op.unknown === 'other' ? [otherCode] : [])]
  if (table.length === 0) throw draft.error(`categories[${i}]`, 'more than the one that is dropped', categories)
  const type = { dtype: 'float32', isNullable: false, shape: [table.length] } as const
  const result = draft.emit(TransformOpcode.oneHot, [codes], type, { table: elementBytes('int32', table) })
  return draft.cast(result, op.dtype ?? 'float64', name)
}
