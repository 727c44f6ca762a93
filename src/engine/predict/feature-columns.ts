/** Checked columns to those that the first step of a pipeline takes: the same memory, texts as UTF-8, missing values as bits. */
import type { ContractColumn } from '../../contract/columns.js'
import type { NumericData } from '../../tensor/dtype.js'
import type { StageColumn, TransformColumns } from '../../pipeline/columns/stage.js'
import { bitsOf, packStrings, type TransformColumn } from '../../transforms/draft/column.js'

/**
 * Makes the columns.
 * @param types what it takes: fields of the contract, by name. None of them has a free dim.
 * @param columns of the contract's inputs.
 */
export function featureColumns(types: readonly StageColumn[], columns: readonly ContractColumn[]): TransformColumns {
  const byName = new Map(columns.map((column) => [column.name, column]))
  const named = types.flatMap((type): [string, TransformColumn][] => {
    const column = byName.get(type.name)
    return column === undefined ? [] : [[type.name, transformColumn(column, type)]]
  })
  return Object.fromEntries(named)
}

function transformColumn({ rows, data, validity }: ContractColumn, type: StageColumn): TransformColumn {
  const { dtype, isNullable } = type
  const shape = [rows, ...(type.shape as number[])]
  // What is missing where no bit says so is NaN, or was refused.
  const bits = isNullable && validity !== null ? bitsOf(Array.from(validity, (one) => one === 1)) : null
  if (dtype !== 'string') return { dtype, shape, data: data as NumericData, offsets: null, validity: bits }
  return { dtype, shape, ...packStrings(data as readonly string[]), validity: bits }
}
