/**
 * `concat`: columns, or tensors whose rows are flattened, become one tensor [rows, width] in the order given; they go
 * themselves. numpy.concatenate along the second axis. `dtype` casts them first; without it they must be of one.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { DTYPES } from '../../../tensor/dtype.js'
import type { Dtype } from '../../../tensor/tensor.js'
import { elementsOf } from '../../draft/column.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { AnyOp } from '../../draft/operation.js'

export interface ConcatOp extends AnyOp {
  readonly op: 'concat'
  readonly columns: readonly string[]
  readonly as: string
  readonly dtype?: Dtype
}

export const concatKind: OpKind<ConcatOp> = {
  op: 'concat',
  keys: ['columns', 'as', 'dtype'],
  parse: (reader) => ({
    op: 'concat',
    columns: reader.names('columns'),
    as: reader.name('as'),
    ...(reader.has('dtype')
      ? {
          dtype: reader.oneOf(
            'dtype',
            DTYPES.map(({ name }) => name),
          ),
        }
      : {}),
  }),
  compile: (op, draft) => {
    const slots = op.columns.map((name, i) => draft.column(name, `columns[${i}]`))
    const dtype = op.dtype ?? (slots[0] as Slot).dtype
    const parts = slots.map((slot, i) => partOf(draft, op, slot, i, dtype))
    const width = parts.reduce((sum, { shape }) => sum + elementsOf(shape), 0)
    const joined = draft.emit(TransformOpcode.concat, parts, { dtype, isNullable: false, shape: [width] })
    for (const name of op.columns) draft.remove(name)
    draft.set(op.as, joined)
  },
}

/** In the dtype of all, without missing values: those of integers and texts fail their rows. */
function partOf(draft: ProgramDraft, op: ConcatOp, slot: Slot, i: number, dtype: Dtype): Slot {
  const name = op.columns[i] as string
  const key = `columns[${i}]`
  if (op.dtype === undefined && slot.dtype !== dtype)
    throw draft.typeError(
      key,
      name,
      `${dtype}, as the first column is`,
      slot,
      `Give the result's dtype, e.g. "dtype": "float32"`,
    )
  if ((slot.dtype === 'string') !== (dtype === 'string'))
    throw draft.typeError(
      key,
      name,
      dtype === 'string' ? 'a column of texts' : 'a column of numbers',
      slot,
      'Encode it before',
    )
  return draft.cast(slot, dtype, name)
}
