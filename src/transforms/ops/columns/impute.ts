/**
 * `impute`: a missing value becomes a constant of its column. scikit-learn's SimpleImputer: mean, median, most frequent
 * (the least of equals) or constant. NaN is what is missing of floats; of integers, bools and texts what has no value.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { JsonCell } from '../../draft/op-reader.js'
import { mostFrequentLearner } from '../../statistics/counts.js'
import { meanLearner } from '../../statistics/moments.js'
import { medianLearner } from '../../statistics/quantiles.js'
import { cellConstant, cellRule } from './parameters.js'

const strategies = ['mean', 'median', 'most-frequent', 'constant'] as const

export interface ImputeOp extends ColumnsOp {
  readonly op: 'impute'
  readonly strategy: (typeof strategies)[number]
  /** One a column; fitted, or with `constant` chosen. */
  readonly values?: readonly JsonCell[]
}

export const imputeKind: OpKind<ImputeOp> = {
  op: 'impute',
  keys: ['columns', 'as', 'strategy', 'values'],
  parse: (reader) => {
    const named = reader.columns()
    const strategy = reader.oneOf('strategy', strategies)
    if (!reader.has('values')) {
      if (strategy !== 'constant') return { op: 'impute', ...named, strategy }
      throw reader.error('values', 'one value a column, for there is nothing to fit of a constant', undefined)
    }
    const values = reader.perColumn('values', named.columns, (key, value) => {
      const cell = reader.cell(key, value)
      if (cell === null) throw reader.error(key, 'a value', null)
      return cell
    })
    return { op: 'impute', ...named, strategy, values }
  },
  compile: (op, draft) => {
    const { values } = op
    if (values === undefined) throw draft.notFitted('values')
    draft.mapColumns(op, (slot, name, i) => fill(draft, slot, name, i, values[i] as JsonCell))
  },
  fit: {
    isFitted: (op) => op.values !== undefined,
    columns: (op) => op.columns,
    learner: ({ strategy }, column) => {
      if (strategy === 'mean') return meanLearner(column)
      return strategy === 'median' ? medianLearner(column) : mostFrequentLearner(column)
    },
    complete: (op, learnt) => ({ ...op, values: learnt as JsonCell[] }),
  },
}

function fill(draft: ProgramDraft, slot: Slot, name: string, i: number, value: JsonCell): Slot {
  const key = `values[${i}]`
  if (dtypeInfo(slot.dtype).kind === 'float') {
    if (typeof value !== 'number') throw draft.error(key, 'a number, as the column is of floats', value)
    const source = draft.real(slot, name, `columns[${i}]`)
    return draft.emit(TransformOpcode.imputeFloats, [source], source, { numbers: fillOf(source, value) })
  }
  const constant = cellConstant(value, slot.dtype)
  if (constant === null) {
    const wayOut = typeof value === 'number' ? 'Cast the column to float64 before' : ''
    throw draft.error(
      key,
      `${cellRule(slot.dtype)}, as the column ${JSON.stringify(name)} is ${slot.dtype}`,
      value,
      wayOut,
    )
  }
  // Nothing is missing of what has no validity.
  if (!slot.isNullable) return slot
  return draft.emit(TransformOpcode.imputeValues, [slot], { ...slot, isNullable: false }, constant)
}

function fillOf({ shape }: Slot, value: number): Float64Array {
  return new Float64Array(shape.reduce((product, dim) => product * dim, 1)).fill(value)
}
