/**
 * `cast`: to another dtype. numpy.astype, but nothing is lost unseen: an integer that does not fit fails its row instead of
 * wrapping, and so does a missing value where the result has none (`missing: keep` keeps it). Floats are cut towards 0.
 * Texts are read as numbers, as Python's float() and int() read them.
 */
import { DTYPES, dtypeInfo } from '../../../tensor/dtype.js'
import type { Dtype } from '../../../tensor/tensor.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

export interface CastOp extends ColumnsOp {
  readonly op: 'cast'
  readonly dtype: Dtype
  /** Whether a missing integer, bool or text fails its row (when left out) or stays missing. */
  readonly missing?: 'error' | 'keep'
}

export const castKind: OpKind<CastOp> = {
  op: 'cast',
  keys: ['columns', 'as', 'dtype', 'missing'],
  parse: (reader) => ({
    op: 'cast',
    ...reader.columns(),
    dtype: reader.oneOf(
      'dtype',
      DTYPES.map(({ name }) => name),
    ),
    ...(reader.has('missing') ? { missing: reader.oneOf('missing', ['error', 'keep']) } : {}),
  }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const key = `columns[${i}]`
      if (op.dtype === 'string' && slot.dtype !== 'string')
        throw draft.typeError(
          key,
          name,
          'a column of texts, as they are cast to',
          slot,
          'Numbers become texts by label-map',
        )
      const isUnread = slot.dtype === 'string' && dtypeInfo(op.dtype).kind === 'bool'
      if (isUnread)
        throw draft.typeError(key, name, 'a column of numbers', slot, 'Texts become bools by label-map and cast')
      return draft.cast(slot, op.dtype, name, op.missing === 'keep')
    }),
}
