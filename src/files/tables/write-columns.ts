/** Columns of transforms as Arrow tables, which all formats are written from. */
import { Field, FixedSizeList, makeData, type Data, type Table, Utf8 } from 'apache-arrow'
import {
  arrowType,
  boolData,
  type Column,
  tableOf,
  tensorColumn,
  tensorMetadata,
} from '../../formats/arrow/column-types.js'
import type { NumericData } from '../../tensor/dtype.js'
import type { Float32 } from 'apache-arrow'
import { elementsOf, hasBit, type TransformColumn } from '../../transforms/draft/column.js'

export function columnsTable(columns: Readonly<Record<string, TransformColumn>>): Table {
  return tableOf(Object.entries(columns).map(([name, column]) => arrowColumn(name, column)))
}

function arrowColumn(name: string, { dtype, shape, data, offsets, validity }: TransformColumn): Column {
  const [rows = 0, ...dims] = shape
  if (dtype !== 'string' && dims.length > 0) return tensorColumn(name, { dtype, shape, data })
  const count = rows * elementsOf(dims)
  const values = elementData(dtype, count, data, offsets, validity)
  if (dims.length === 0)
    return { field: new Field(name, values.type, validity !== null, tensorMetadata([], dtype)), data: values }
  const type = new FixedSizeList(elementsOf(dims), new Field('item', values.type, false))
  return {
    field: new Field(name, type, false, tensorMetadata(dims, dtype)),
    data: makeData({ type, length: rows, nullCount: 0, child: values }),
  }
}

function elementData(
  dtype: TransformColumn['dtype'],
  length: number,
  data: NumericData,
  offsets: Int32Array | null,
  validity: Uint8Array | null,
): Data {
  const nulls = validity === null ? { nullCount: 0 } : { nullBitmap: validity, nullCount: missingOf(validity, length) }
  if (dtype === 'string')
    return makeData({
      type: new Utf8(),
      length,
      valueOffsets: offsets ?? new Int32Array(length + 1),
      data: data as Uint8Array,
      ...nulls,
    })
  const type = arrowType(dtype) as Float32
  const own = dtype === 'bool' ? boolData(data as Uint8Array).values : data
  return makeData({ type, length, data: own as unknown as Float32Array, ...nulls })
}

function missingOf(validity: Uint8Array, rows: number): number {
  let missing = 0
  for (let row = 0; row < rows; row++) if (!hasBit(validity, row)) missing++
  return missing
}
