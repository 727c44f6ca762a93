/** What the parts of a `lookup` step mean: the step kind and the stage read them the same way. */
import type { Dtype } from '../../tensor/tensor.js'
import type { ColumnType } from '../../transforms/draft/column.js'
import type { LookupColumn, LookupKey, LookupStep } from '../definition.js'

export function lookupKeys({ key }: LookupStep): LookupKey[] {
  return key.map((one) => (typeof one === 'string' ? { name: one, from: one } : one))
}

export function lookupColumnType({ name, dtype, shape = [] }: LookupColumn): ColumnType {
  const isNullable = dtype.endsWith('?')
  return { name, dtype: (isNullable ? dtype.slice(0, -1) : dtype) as Dtype, isNullable, shape }
}
