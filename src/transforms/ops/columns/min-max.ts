/**
 * `min-max`: from the range of the table to `range`, 0..1 when left out. scikit-learn's MinMaxScaler: x · factor + offset
 * in the column's dtype; `clip` keeps what lies outside at the ends. A missing value stays NaN.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { Parameter } from '../../draft/op-reader.js'
import { extentLearner, type Extent } from '../../statistics/moments.js'
import { perElement } from './parameters.js'

export interface MinMaxOp extends ColumnsOp {
  readonly op: 'min-max'
  /** What the table has: one a column, or of a tensor one an element. Fitted together with `max`. */
  readonly min?: readonly Parameter[]
  readonly max?: readonly Parameter[]
  readonly range?: readonly [number, number]
  readonly clip?: boolean
}

export const minMaxKind: OpKind<MinMaxOp> = {
  op: 'min-max',
  keys: ['columns', 'as', 'min', 'max', 'range', 'clip'],
  parse: (reader) => {
    const named = reader.columns()
    const read = (key: string): Parameter[] =>
      reader.perColumn(key, named.columns, (at, value) => reader.parameter(at, value))
    const isFitted = reader.has('min') || reader.has('max')
    return {
      op: 'min-max',
      ...named,
      ...(isFitted ? { min: read('min'), max: read('max') } : {}),
      ...(reader.has('range') ? { range: readRange(reader) } : {}),
      ...(reader.has('clip') ? { clip: reader.boolean('clip', false) } : {}),
    }
  },
  compile: (op, draft) => {
    const { min, max } = op
    if (min === undefined || max === undefined) throw draft.notFitted('min')
    draft.mapColumns(op, (slot, name, i) => {
      const source = draft.real(slot, name, `columns[${i}]`)
      const mins = perElement(draft, `min[${i}]`, min[i] as Parameter, source)
      const maxs = perElement(draft, `max[${i}]`, max[i] as Parameter, source)
      return rescale(draft, source, mins, maxs, op)
    })
  },
  fit: {
    isFitted: (op) => op.min !== undefined,
    columns: (op) => op.columns,
    learner: (_op, column) => extentLearner(column),
    complete: (op, learnt) => {
      const extents = learnt as Extent[]
      return { ...op, min: extents.map(({ min }) => min), max: extents.map(({ max }) => max) }
    },
  },
}

function readRange(reader: {
  list: (key: string, min: number, max: number) => readonly unknown[]
  number: (key: string, value: unknown) => number
  error: (key: string, rule: string, value: unknown) => Error
}): [number, number] {
  const [low, high] = reader.list('range', 2, 2).map((value, i) => reader.number(`range[${i}]`, value)) as [
    number,
    number,
  ]
  if (low < high) return [low, high]
  throw reader.error('range', 'two numbers of which the first is less', `${low}, ${high}`)
}

function rescale(draft: ProgramDraft, source: Slot, mins: number[], maxs: number[], op: MinMaxOp): Slot {
  // scikit-learn computes both constants in the dtype of the table.
  const round = source.dtype === 'float32' ? Math.fround : (x: number): number => x
  const epsilon = source.dtype === 'float32' ? 2 ** -23 : 2 ** -52
  const [low, high] = (op.range ?? [0, 1]).map(round) as [number, number]
  const factors = mins.map((min, i) => {
    const width = round(round(maxs[i] as number) - round(min))
    return round(round(high - low) / (width < 10 * epsilon ? 1 : width))
  })
  const offsets = mins.map((min, i) => round(low - round(round(min) * (factors[i] as number))))
  const scaled = draft.emit(TransformOpcode.scale, [source], source, {
    numbers: Float64Array.of(...factors, ...offsets),
  })
  if (op.clip !== true) return scaled
  const ends = [...mins.map(() => low), ...mins.map(() => high)]
  return draft.emit(TransformOpcode.clip, [scaled], source, { numbers: Float64Array.from(ends) })
}
