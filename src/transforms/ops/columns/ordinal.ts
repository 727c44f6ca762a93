/**
 * `ordinal`: a category becomes its place in the list, from 0. scikit-learn's OrdinalEncoder: what is no category fails
 * its row, or becomes `unknownValue`; a missing value becomes `missingValue`, NaN when left out.
 */
import { CategoryCode, TransformOpcode } from '../../../base/generated/boundary.js'
import { elementBytes, isFloat } from '../../draft/column.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { JsonCell } from '../../draft/op-reader.js'
import { categoriesLearner } from '../../statistics/counts.js'
import { lookUp } from './categories.js'
import { numberDtypes, readCategories } from './one-hot.js'
import { cellAs, cellRule } from './parameters.js'

export interface OrdinalOp extends ColumnsOp {
  readonly op: 'ordinal'
  /** A list a column; fitted: sorted. null is passed over: a missing value has no place. */
  readonly categories?: readonly (readonly JsonCell[])[]
  readonly unknown: 'error' | 'use-value'
  readonly unknownValue?: number
  readonly missingValue?: number
  /** float64, as scikit-learn's, when left out. */
  readonly dtype?: (typeof numberDtypes)[number]
}

export const ordinalKind: OpKind<OrdinalOp> = {
  op: 'ordinal',
  keys: ['columns', 'as', 'categories', 'unknown', 'unknownValue', 'missingValue', 'dtype'],
  parse: (reader) => {
    const named = reader.columns()
    const unknown = reader.oneOf('unknown', ['error', 'use-value'], 'error')
    if (reader.has('unknownValue') !== (unknown === 'use-value'))
      throw reader.error(
        'unknownValue',
        unknown === 'error' ? 'absent unless unknown is use-value' : 'a number',
        reader.get('unknownValue'),
      )
    return {
      op: 'ordinal',
      ...named,
      ...readCategories(reader, named.columns),
      unknown,
      ...(unknown === 'error' ? {} : { unknownValue: reader.number('unknownValue') }),
      ...(reader.has('missingValue') ? { missingValue: reader.number('missingValue') } : {}),
      ...(reader.has('dtype') ? { dtype: reader.oneOf('dtype', numberDtypes) } : {}),
    }
  },
  compile: (op, draft) => {
    const { categories } = op
    if (categories === undefined) throw draft.notFitted('categories')
    draft.mapColumns(op, (slot, name, i) => places(draft, op, slot, name, i, categories[i] as JsonCell[]))
  },
  fit: {
    isFitted: (op) => op.categories !== undefined,
    columns: (op) => op.columns,
    learner: (_op, column) => categoriesLearner(column),
    complete: (op, learnt) => ({ ...op, categories: learnt as JsonCell[][] }),
  },
}

function places(
  draft: ProgramDraft,
  op: OrdinalOp,
  slot: Slot,
  name: string,
  i: number,
  categories: readonly JsonCell[],
): Slot {
  const known = categories.filter((cell) => cell !== null)
  if (known.length === 0) throw draft.error(`categories[${i}]`, 'a list with a value in it', categories)
  const dtype = op.dtype ?? 'float64'
  const table: (number | bigint)[] = known.map((_, place) => place)
  const put = (key: string, value: number | undefined): number => {
    if (value === undefined) {
      if (!isFloat(dtype)) return CategoryCode.fails
      table.push(NaN)
      return table.length - 1
    }
    const cell = cellAs(value, dtype)
    if (cell === null) throw draft.error(key, `${cellRule(dtype)}, which the result is`, value)
    table.push(cell as number | bigint)
    return table.length - 1
  }
  const unknown = op.unknown === 'error' ? CategoryCode.fails : put('unknownValue', op.unknownValue)
  const missing = put('missingValue', op.missingValue)
  const codes = lookUp(draft, slot, name, `categories[${i}]`, known, { unknown, missing })
  const type = { dtype, isNullable: false, shape: slot.shape }
  return draft.emit(TransformOpcode.gather, [codes], type, { table: elementBytes(dtype, table) })
}
