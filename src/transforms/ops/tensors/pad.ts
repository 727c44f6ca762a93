/** `pad`: rows with `value` (0 when left out) around them. numpy.pad with a constant: [before, after] an axis of the row. */
import { RANK_MAX, TransformOpcode } from '../../../base/generated/boundary.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { JsonCell } from '../../draft/op-reader.js'
import { cellConstant, cellRule } from '../columns/parameters.js'

const widthMax = 2 ** 31 - 1

export interface PadOp extends ColumnsOp {
  readonly op: 'pad'
  readonly widths: readonly (readonly [number, number])[]
  readonly value?: Exclude<JsonCell, null>
}

export const padKind: OpKind<PadOp> = {
  op: 'pad',
  keys: ['columns', 'as', 'widths', 'value'],
  parse: (reader) => {
    const named = reader.columns()
    const widths = reader.list('widths', 1, RANK_MAX - 1).map((pair, axis): [number, number] => {
      const [before, after] = reader.list(`widths[${axis}]`, 2, 2, pair)
      return [
        reader.integer(`widths[${axis}][0]`, 0, widthMax, before),
        reader.integer(`widths[${axis}][1]`, 0, widthMax, after),
      ]
    })
    if (!reader.has('value')) return { op: 'pad', ...named, widths }
    const value = reader.cell('value', reader.get('value'))
    if (value === null) throw reader.error('value', 'a value', null)
    return { op: 'pad', ...named, widths, value }
  },
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      if (slot.shape.length !== op.widths.length)
        throw draft.typeError(`columns[${i}]`, name, `a tensor with rows of ${op.widths.length} dims`, slot)
      const shape = slot.shape.map(
        (dim, axis) => dim + (op.widths[axis] as [number, number])[0] + (op.widths[axis] as [number, number])[1],
      )
      const starts = op.widths.map(([before]) => -before)
      const constant = padValue(
        draft,
        slot,
        op.value ?? (slot.dtype === 'string' ? '' : slot.dtype === 'bool' ? false : 0),
      )
      return draft.emit(
        TransformOpcode.window,
        [slot],
        { ...slot, shape },
        { integers: [...slot.shape, ...starts, ...shape], ...constant },
      )
    }),
}

/** @param value 0 for what is never seen. */
export function padValue(
  draft: ProgramDraft,
  { dtype }: Slot,
  value: JsonCell,
): { texts: string[] } | { table: Uint8Array } {
  const unseen = dtype === 'string' ? '' : dtype === 'bool' ? false : 0
  const constant = cellConstant(value === 0 ? unseen : value, dtype)
  if (constant === null) throw draft.error('value', `${cellRule(dtype)}, as the column is ${dtype}`, value)
  return constant
}
