/**
 * `standard-scale`: (x - mean) / scale. scikit-learn's StandardScaler; of a float32 column in float32, with the constants
 * rounded to it. A missing value stays NaN. Fitted: the mean and the population's standard deviation, 1 where it is 0.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { Parameter } from '../../draft/op-reader.js'
import { standardLearner, type Standard } from '../../statistics/moments.js'
import { perElement } from './parameters.js'

export interface StandardScaleOp extends ColumnsOp {
  readonly op: 'standard-scale'
  /** One a column, or of a tensor one an element. Fitted together with `scale`. */
  readonly mean?: readonly Parameter[]
  readonly scale?: readonly Parameter[]
}

export const standardScaleKind: OpKind<StandardScaleOp> = {
  op: 'standard-scale',
  keys: ['columns', 'as', 'mean', 'scale'],
  parse: (reader) => {
    const named = reader.columns()
    if (!reader.has('mean') && !reader.has('scale')) return { op: 'standard-scale', ...named }
    const read = (key: string): Parameter[] =>
      reader.perColumn(key, named.columns, (at, value) => reader.parameter(at, value))
    return { op: 'standard-scale', ...named, mean: read('mean'), scale: read('scale') }
  },
  compile: (op, draft) => {
    const { mean, scale } = op
    if (mean === undefined || scale === undefined) throw draft.notFitted('mean')
    draft.mapColumns(op, (slot, name, i) => {
      const source = draft.real(slot, name, `columns[${i}]`)
      const means = perElement(draft, `mean[${i}]`, mean[i] as Parameter, source)
      const scales = perElement(draft, `scale[${i}]`, scale[i] as Parameter, source)
      if (scales.includes(0))
        throw draft.error(`scale[${i}]`, 'a number that is not 0', 0, 'Of a constant column it is 1')
      return draft.emit(TransformOpcode.normalise, [source], source, { numbers: Float64Array.of(...means, ...scales) })
    })
  },
  fit: {
    isFitted: (op) => op.mean !== undefined,
    columns: (op) => op.columns,
    learner: (_op, column) => standardLearner(column),
    complete: (op, learnt) => {
      const standards = learnt as Standard[]
      return { ...op, mean: standards.map(({ mean }) => mean), scale: standards.map(({ scale }) => scale) }
    },
  },
}
