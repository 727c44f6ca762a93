/** `round`: to so many decimals, half to even. numpy.round: x · 10^d rounded, / 10^d; a missing value stays NaN. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

const decimalsMax = 15

export interface RoundOp extends ColumnsOp {
  readonly op: 'round'
  /** 0 when left out; -2 rounds to hundreds. */
  readonly decimals?: number
}

export const roundKind: OpKind<RoundOp> = {
  op: 'round',
  keys: ['columns', 'as', 'decimals'],
  parse: (reader) => ({
    op: 'round',
    ...reader.columns(),
    ...(reader.has('decimals') ? { decimals: reader.integer('decimals', -decimalsMax, decimalsMax) } : {}),
  }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const source = draft.real(slot, name, `columns[${i}]`)
      const { decimals = 0 } = op
      const numbers = Float64Array.of(10 ** Math.abs(decimals))
      return draft.emit(TransformOpcode.round, [source], source, { numbers, integers: [decimals < 0 ? 1 : 0] })
    }),
}
