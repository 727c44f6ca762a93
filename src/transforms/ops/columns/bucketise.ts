/**
 * `bucketise`: the number of the bucket between edges, from 0. numpy.digitize(x, edges, right): bucket i has
 * edges[i - 1] <= x < edges[i], with `right` edges[i - 1] < x <= edges[i]. A missing value fails its row, or with
 * `missing: last` goes behind the last edge, as in numpy. Fitted: the inner edges of KBinsDiscretizer.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { TRANSFORM_CATEGORIES_MAX } from '../../../base/limits/transform-limits.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { OpReader } from '../../draft/op-reader.js'
import { edgesLearner } from '../../statistics/quantiles.js'
import { numberDtypes } from './one-hot.js'

export interface BucketiseOp extends ColumnsOp {
  readonly op: 'bucketise'
  /** A list a column, ascending; fitted from `bins` and `strategy`. */
  readonly edges?: readonly (readonly number[])[]
  readonly bins?: number
  readonly strategy?: 'quantile' | 'uniform'
  readonly right?: boolean
  readonly missing?: 'error' | 'last'
  /** int64, as numpy's, when left out. */
  readonly dtype?: (typeof numberDtypes)[number]
}

export const bucketiseKind: OpKind<BucketiseOp> = {
  op: 'bucketise',
  keys: ['columns', 'as', 'edges', 'bins', 'strategy', 'right', 'missing', 'dtype'],
  parse: (reader) => {
    const named = reader.columns()
    if (!reader.has('edges') && !reader.has('bins'))
      throw reader.error('edges', 'there, or bins to fit them', undefined)
    return {
      op: 'bucketise',
      ...named,
      ...(reader.has('edges')
        ? { edges: reader.perColumn('edges', named.columns, (key, value) => readEdges(reader, key, value)) }
        : {}),
      ...(reader.has('bins') ? { bins: reader.integer('bins', 2, TRANSFORM_CATEGORIES_MAX) } : {}),
      ...(reader.has('bins') ? { strategy: reader.oneOf('strategy', ['quantile', 'uniform'], 'quantile') } : {}),
      ...(reader.has('right') ? { right: reader.boolean('right', false) } : {}),
      ...(reader.has('missing') ? { missing: reader.oneOf('missing', ['error', 'last']) } : {}),
      ...(reader.has('dtype') ? { dtype: reader.oneOf('dtype', numberDtypes) } : {}),
    }
  },
  compile: (op, draft) => {
    const { edges } = op
    if (edges === undefined) throw draft.notFitted('edges')
    draft.mapColumns(op, (slot, name, i) => {
      // Compared in float64, as numpy compares a float32 column with edges of float64.
      const source = draft.cast(draft.real(slot, name, `columns[${i}]`), 'float64', name)
      const type = { dtype: 'int32', isNullable: false, shape: slot.shape } as const
      const constants = {
        numbers: Float64Array.from(edges[i] as readonly number[]),
        integers: [op.right === true ? 1 : 0, op.missing === 'last' ? 1 : 0],
      }
      const bins = draft.emit(TransformOpcode.bins, [source], type, constants, { column: name, rule: 'a number' })
      return draft.cast(bins, op.dtype ?? 'int64', name)
    })
  },
  fit: {
    isFitted: (op) => op.edges !== undefined,
    columns: (op) => op.columns,
    learner: ({ bins, strategy }, column) => edgesLearner(column, bins ?? 2, strategy ?? 'quantile'),
    complete: (op, learnt) => ({ ...op, edges: learnt as number[][] }),
  },
}

function readEdges(reader: OpReader, key: string, value: unknown): number[] {
  const edges = reader
    .list(key, 1, TRANSFORM_CATEGORIES_MAX, value)
    .map((edge, i) => reader.number(`${key}[${i}]`, edge))
  const wrong = edges.findIndex((edge, i) => i > 0 && edge < (edges[i - 1] as number))
  if (wrong >= 0)
    throw reader.error(`${key}[${wrong}]`, `at least the edge before it, ${edges[wrong - 1]}`, edges[wrong])
  return edges
}
