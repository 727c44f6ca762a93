/**
 * Rows of an answer as JSON: the one place that says how a value is written, for replies and for the objects that programs
 * get. Floats are the shortest decimals that read back to their dtype; 64-bit integers beyond 2^53 are texts of their
 * digits, as rows have them; calendar values are the texts that rows have.
 */
import type { ContractColumn } from '../../contract/columns.js'
import { dateText, timestampText } from '../../contract/values/calendar.js'
import { elementPrinter } from '../../tensor/print.js'

/** @returns the members of a row's object, without its braces: `"a":1,"b":null`. */
export function memberWriter(columns: readonly ContractColumn[]): (row: number) => string {
  const cells = columns.map((column) => ({ key: `${JSON.stringify(column.name)}:`, write: cellWriter(column) }))
  return (row) => {
    let text = ''
    for (let index = 0; index < cells.length; index++) {
      const { key, write } = cells[index] as (typeof cells)[number]
      text += index === 0 ? key : `,${key}`
      text += write(row)
    }
    return text
  }
}

function cellWriter(column: ContractColumn): (row: number) => string {
  const { shape, offsets, validity } = column
  const print = elementWriter(column)
  const dims = shape.slice(1).map((dim) => dim ?? 1)
  const inner = dims.reduce((product, dim) => product * dim, 1)
  const length = (shape[0] ?? 1) * inner
  const writeAt = (row: number): string => {
    if (shape.length === 0) return print(row)
    if (offsets === null) return nested([shape[0] ?? 0, ...dims], row * length, print)
    const start = offsets[row] as number
    return nested([((offsets[row + 1] as number) - start) / inner, ...dims], start, print)
  }
  return validity === null ? writeAt : (row) => (validity[row] === 0 ? 'null' : writeAt(row))
}

function elementWriter({ dtype, data }: ContractColumn): (index: number) => string {
  if (dtype === 'uuid') return (index) => JSON.stringify(data[index])
  if (dtype === 'date') return (index) => JSON.stringify(dateText(Number(data[index])))
  if (dtype === 'timestamp') return (index) => JSON.stringify(timestampText(BigInt(data[index] ?? 0)))
  if (dtype === 'int64' || dtype === 'uint64')
    return (index) => (Number.isSafeInteger(Number(data[index])) ? String(data[index]) : `"${data[index]}"`)
  return elementPrinter({ dtype: dtype, shape: [data.length], data: data })
}

function nested([length = 0, ...rest]: readonly number[], start: number, print: (index: number) => string): string {
  const stride = rest.reduce((product, dim) => product * dim, 1)
  let text = '['
  for (let at = 0; at < length; at++) {
    if (at > 0) text += ','
    text += rest.length === 0 ? print(start + at) : nested(rest, start + at * stride, print)
  }
  return `${text}]`
}
