/** `clip`: to low..high, either of which may be left out. numpy.clip; NaN and missing values stay. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { OpReader, Parameter } from '../../draft/op-reader.js'
import { perElement } from './parameters.js'

export interface ClipOp extends ColumnsOp {
  readonly op: 'clip'
  /** One number for all columns, or one a column. */
  readonly low?: number | readonly Parameter[]
  readonly high?: number | readonly Parameter[]
}

export const clipKind: OpKind<ClipOp> = {
  op: 'clip',
  keys: ['columns', 'as', 'low', 'high'],
  parse: (reader) => {
    const named = reader.columns()
    if (!reader.has('low') && !reader.has('high')) throw reader.error('low', 'there, or high', undefined)
    return {
      op: 'clip',
      ...named,
      ...readBound(reader, 'low', named.columns),
      ...readBound(reader, 'high', named.columns),
    }
  },
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const isInteger = dtypeInfo(slot.dtype).kind === 'integer'
      const source = isInteger ? slot : draft.real(slot, name, `columns[${i}]`)
      const bound = (key: 'low' | 'high', without: number): number[] => {
        const given = op[key]
        const at = given instanceof Array ? `${key}[${i}]` : key
        return perElement(draft, at, given instanceof Array ? (given[i] as Parameter) : (given ?? without), source)
      }
      const [lows, highs] = [bound('low', -Infinity), bound('high', Infinity)]
      const wrong = lows.findIndex((low, e) => low > (highs[e] as number))
      if (wrong >= 0) throw draft.error('low', `at most high, ${highs[wrong]}`, lows[wrong])
      const bounds = [...lows, ...highs]
      if (!isInteger) return draft.emit(TransformOpcode.clip, [source], source, { numbers: Float64Array.from(bounds) })
      return draft.emit(TransformOpcode.clip, [source], source, { integers: integerBounds(draft, bounds, source) })
    }),
}

function readBound(
  reader: OpReader,
  key: 'low' | 'high',
  columns: readonly string[],
): Partial<Record<'low' | 'high', number | Parameter[]>> {
  if (!reader.has(key)) return {}
  if (!Array.isArray(reader.get(key))) return { [key]: reader.number(key) }
  return { [key]: reader.perColumn(key, columns, (at, value) => reader.parameter(at, value)) }
}

/** An integer column stays one: its bounds are integers, or none. */
function integerBounds(draft: ProgramDraft, bounds: readonly number[], slot: Slot): BigInt64Array {
  return BigInt64Array.from(bounds, (bound) => {
    if (bound === Infinity) return 2n ** 63n - 1n
    if (bound === -Infinity) return -(2n ** 63n)
    if (Number.isSafeInteger(bound)) return BigInt(bound)
    throw draft.error('low', `an integer, as the column is ${slot.dtype}`, bound, 'Cast the column to float64 before')
  })
}
