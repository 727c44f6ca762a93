/**
 * Columns of JSON records that no model reads, as Arrow columns for answers in other forms. JSON does not say types, so
 * they are read off the values: bools, integers, floats, texts, lists of numbers or texts; a mixture becomes the JSON
 * text of each value. A value that is null or absent is no value.
 */
import { type Data, Field, Float64, Int64, List, makeData, type Utf8 } from 'apache-arrow'
import { boolData, type Column, utf8Data } from './arrow/column-types.js'

/** @param values one per row; undefined: absent. */
export function jsonColumn(name: string, values: readonly unknown[]): Column {
  const data = dataOf(values.map((value) => value ?? null))
  return { field: new Field(name, data.type, true), data }
}

function dataOf(values: readonly unknown[]): Data {
  const present = values.filter((value) => value !== null)
  const is = (test: (value: unknown) => boolean): boolean => present.length > 0 && present.every(test)
  const isPresent = values.map((value) => (value === null ? 0 : 1))
  const nulls = present.length === values.length ? { nullCount: 0 } : { nullBitmap: boolData(isPresent).values }
  const { length } = values
  if (is((value) => typeof value === 'boolean')) {
    const bits = boolData(values.map(Number))
    return makeData({ type: bits.type, length, data: bits.values, ...nulls })
  }
  if (is(Number.isSafeInteger))
    return makeData({
      type: new Int64(),
      length,
      data: BigInt64Array.from(values, (value) => BigInt((value ?? 0) as number)),
      ...nulls,
    })
  if (is((value) => typeof value === 'number'))
    return makeData({
      type: new Float64(),
      length,
      data: Float64Array.from(values, (value) => (value ?? 0) as number),
      ...nulls,
    })
  if (is((value) => isListOf(value, 'number') || isListOf(value, 'string'))) {
    const child = elementsOf((present as unknown[][]).flat())
    const valueOffsets = new Int32Array(length + 1)
    values.forEach(
      (value, row) =>
        (valueOffsets[row + 1] = (valueOffsets[row] as number) + ((value as unknown[] | null)?.length ?? 0)),
    )
    return makeData({ type: new List(new Field('item', child.type, true)), length, valueOffsets, child, ...nulls })
  }
  const texts = values.map((value) =>
    value === null ? null : typeof value === 'string' ? value : JSON.stringify(value),
  )
  return utf8Data(texts)
}

/** Elements of lists: all numbers, or else all are texts. */
function elementsOf(values: readonly unknown[]): Data<Float64> | Data<Utf8> {
  if (values.every((value) => typeof value === 'number'))
    return makeData({ type: new Float64(), length: values.length, nullCount: 0, data: Float64Array.from(values) })
  return utf8Data(values.map(String))
}

function isListOf(value: unknown, type: 'number' | 'string'): boolean {
  return Array.isArray(value) && value.every((element) => typeof element === type)
}
