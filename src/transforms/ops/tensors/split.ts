/** `split`: rows of one dim cut into parts of these sizes. numpy.split along the second axis; a part of size 1 is a column. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { TRANSFORM_COLUMNS_MAX } from '../../../base/limits/transform-limits.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { AnyOp } from '../../draft/operation.js'

export interface SplitOp extends AnyOp {
  readonly op: 'split'
  readonly column: string
  /** Names of the parts. */
  readonly as: readonly string[]
  /** Elements of each part; all 1 when left out. */
  readonly sizes?: readonly number[]
}

export const splitKind: OpKind<SplitOp> = {
  op: 'split',
  keys: ['column', 'as', 'sizes'],
  parse: (reader) => {
    const [column, as] = [reader.name('column'), reader.names('as')]
    if (!reader.has('sizes')) return { op: 'split', column, as }
    const sizes = reader.perColumn('sizes', as, (key, value) => reader.integer(key, 1, 2 ** 31 - 1, value))
    return { op: 'split', column, as, sizes }
  },
  compile: (op, draft) => {
    const slot = draft.column(op.column, 'column')
    const [width, ...others] = slot.shape
    if (width === undefined || others.length > 0)
      throw draft.typeError('column', op.column, 'a tensor with rows of one dim', slot, 'Reshape it before')
    const sizes = op.sizes ?? op.as.map(() => 1)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    if (total !== width || op.as.length > TRANSFORM_COLUMNS_MAX)
      throw draft.error(
        op.sizes === undefined ? 'as' : 'sizes',
        `${width} elements in all, as many as a row has`,
        total,
      )
    draft.remove(op.column)
    let offset = 0
    sizes.forEach((size, i) => {
      const type = { ...slot, shape: size === 1 ? [] : [size] }
      draft.set(op.as[i] as string, draft.emit(TransformOpcode.slice, [slot], type, { integers: [offset] }))
      offset += size
    })
  },
}
