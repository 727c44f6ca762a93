/**
 * `mean-pool`: rows [steps, ...] become their mean over the steps, of those alone whose `mask` is not 0: sentence
 * embeddings out of a transformer's tokens. numpy.mean(axis=0) of each row, summed in float64; 0 where no step counts.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

export interface MeanPoolOp extends ColumnsOp {
  readonly op: 'mean-pool'
  /** A column of integers or bools with rows [steps], e.g. attention_mask. */
  readonly mask?: string
}

export const meanPoolKind: OpKind<MeanPoolOp> = {
  op: 'mean-pool',
  keys: ['columns', 'as', 'mask'],
  parse: (reader) => ({
    op: 'mean-pool',
    ...reader.columns(),
    ...(reader.has('mask') ? { mask: reader.name('mask') } : {}),
  }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const key = `columns[${i}]`
      const source = draft.real(slot, name, key)
      const [steps, ...shape] = source.shape
      if (steps === undefined) throw draft.typeError(key, name, 'a tensor with rows of [steps, ...]', slot)
      const inputs = op.mask === undefined ? [source] : [source, maskOf(draft, op.mask, steps)]
      return draft.emit(TransformOpcode.meanPool, inputs, { ...source, shape }, { integers: [steps] })
    }),
}

function maskOf(draft: ProgramDraft, name: string, steps: number): Slot {
  const slot = draft.column(name, 'mask')
  const { kind } = dtypeInfo(slot.dtype)
  const isFit = slot.shape.length === 1 && slot.shape[0] === steps
  if ((kind !== 'integer' && kind !== 'bool') || !isFit)
    throw draft.typeError('mask', name, `integers or bools with rows of [${steps}]`, slot)
  return draft.cast(slot, 'int64', name)
}
