/** Lookups: categories of a column to codes 0, 1, 2 …, shared by one-hot, ordinal and label-map. */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import { type JsonCell, listed } from '../../draft/op-reader.js'
import { cellAs, cellRule } from './parameters.js'

export interface Codes {
  /** In place of a value that is no category, and of a missing one: a code, none, or the row fails. */
  readonly unknown: number
  readonly missing: number
}

/** @param key the member that lists the categories, e.g. `categories[0]`; null is not among them. */
export function lookUp(
  draft: ProgramDraft,
  slot: Slot,
  name: string,
  key: string,
  categories: readonly JsonCell[],
  codes: Codes,
): Slot {
  const { kind } = dtypeInfo(slot.dtype)
  if (slot.dtype === 'float16' || slot.dtype === 'bfloat16')
    return lookUp(draft, draft.cast(slot, 'float32', name), name, key, categories, codes)
  const values = categories.map((cell, i) => {
    const value = cellAs(cell, slot.dtype)
    if (value !== null) return value
    throw draft.error(
      `${key}[${i}]`,
      `${cellRule(slot.dtype)}, as the column ${JSON.stringify(name)} is ${slot.dtype}`,
      cell,
    )
  })
  const rule = `one of ${listed(categories)}`
  const type = { dtype: 'int32', isNullable: false, shape: slot.shape } as const
  const integers = [codes.unknown, codes.missing]
  return draft.emit(
    TransformOpcode.lookup,
    [slot],
    type,
    { integers, keys: keysOf(values, kind, slot) },
    { column: name, rule },
  )
}

function keysOf(
  values: readonly (number | bigint | string | boolean)[],
  kind: string,
  slot: Slot,
): Float64Array | BigInt64Array | string[] {
  if (kind === 'string') return values as string[]
  // Compared in the dtype of the column, as scikit-learn does: 0.1 of float32 is another number.
  if (kind === 'float') return Float64Array.from(values as number[], slot.dtype === 'float32' ? Math.fround : undefined)
  return BigInt64Array.from(values as (bigint | boolean)[], (value) => BigInt(value))
}
