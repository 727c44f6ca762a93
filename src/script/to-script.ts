/** Columns as a script sees them. Each array is the script's own: it may change it. */
import { castData, type NumericData } from '../tensor/dtype.js'
import { cellsOf, type TransformColumn } from '../transforms/draft/column.js'
import type { ScriptColumn } from './api.js'
import type { ScriptInput } from './messages.js'

/** A copy in memory of its own; a Buffer's `slice` would be a view of what it is a part of. */
export function ownCopy<T extends NumericData>(data: T): T {
  return Uint8Array.prototype.slice.call(data) as unknown as T
}

/** The type decides the form, not what happens to be missing in this request. */
export function toScript(type: ScriptInput, column: TransformColumn): ScriptColumn {
  const { dtype, isNullable } = type
  if (dtype === 'string' || (isNullable && dtype !== 'float32' && dtype !== 'float64')) return cellsOf(column)
  const data = dtype === 'float16' || dtype === 'bfloat16' ? castData(column.data, dtype, 'float32') : column.data
  return data
}
