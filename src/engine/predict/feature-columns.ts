/** Checked columns to those that the transforms of a pipeline take: the same memory, texts as UTF-8, missing values as bits. */
import type { ContractColumn } from '../../contract/columns.js'
import type { NumericData } from '../../tensor/dtype.js'
import { bitsOf, type ColumnType, packStrings, type TransformColumn } from '../../transforms/draft/column.js'
import type { TransformColumns } from '../deploy/request-transforms.js'

/**
 * Makes the columns.
 * @param types what the first operation takes: features of the contract, by name.
 * @param columns of the contract's inputs.
 */
export function featureColumns(types: readonly ColumnType[], columns: readonly ContractColumn[]): TransformColumns {
  const byName = new Map(columns.map((column) => [column.name, column]))
  const named = types.flatMap((type): [string, TransformColumn][] => {
    const column = byName.get(type.name)
    return column === undefined ? [] : [[type.name, transformColumn(column, type)]]
  })
  return Object.fromEntries(named)
}

function transformColumn({ rows, data, validity }: ContractColumn, type: ColumnType): TransformColumn {
  const { dtype, isNullable } = type
  const shape = [rows, ...type.shape]
  // What is missing where no bit says so is NaN, or was refused.
  const bits = isNullable && validity !== null ? bitsOf(Array.from(validity, (one) => one === 1)) : null
  if (dtype !== 'string') return { dtype, shape, data: data as NumericData, offsets: null, validity: bits }
  return { dtype, shape, ...packStrings(data as readonly string[]), validity: bits }
}
