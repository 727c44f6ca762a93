/**
 * `top-k`: the k largest of a row of float32 scores and their places (int64), the largest first.
 * numpy.argsort(-x, kind='stable')[:k]: of equals the lower place, NaN last. The scores go unless a result has their name.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { AnyOp } from '../../draft/operation.js'
import { scoresOf } from './scores.js'

export interface TopKOp extends AnyOp {
  readonly op: 'top-k'
  readonly column: string
  readonly k: number
  /** Names of the values and of their places. */
  readonly as: readonly [string, string]
}

export const topKKind: OpKind<TopKOp> = {
  op: 'top-k',
  keys: ['column', 'k', 'as'],
  parse: (reader) => ({
    op: 'top-k',
    column: reader.name('column'),
    k: reader.integer('k', 1, 2 ** 31 - 1),
    as: reader.names('as', 2, 2) as unknown as [string, string],
  }),
  compile: (op, draft) => {
    const scores = scoresOf(draft, draft.column(op.column, 'column'), op.column, 'column')
    const width = scores.shape[0] as number
    if (op.k > width) throw draft.error('k', `at most ${width}, the scores of a row`, op.k)
    const [values, places] = draft.emitAll(
      TransformOpcode.topK,
      [scores],
      [
        { ...scores, shape: [op.k] },
        { dtype: 'int32', isNullable: false, shape: [op.k] },
      ],
    ) as [Slot, Slot]
    draft.remove(op.column)
    draft.set(op.as[0], values)
    draft.set(op.as[1], draft.cast(places, 'int64', op.column))
  },
}
