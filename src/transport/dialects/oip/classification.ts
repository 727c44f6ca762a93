/**
 * The classification extension: instead of a tensor of scores, its N largest by row as text, `value:index`, the largest
 * first and equal ones in the order of their indexes. Models here carry no labels, so there is no third part.
 */
import { bfloat16Value, float16Value } from '../../../tensor/float16.js'
import type { Tensor } from '../../../tensor/tensor.js'
import { badRequest } from './failures.js'

/** @param hasRows the first dim is the row axis: the answer is [rows, n], else [n]. */
export function classify(name: string, tensor: Tensor, count: number, hasRows: boolean): Tensor {
  const { shape, dtype, data } = tensor
  if (dtype === 'string' || dtype === 'bool')
    throw badRequest(`class result not available for output '${name}' due to unsupported type '${dtype}'`)
  const rows = hasRows ? (shape[0] ?? 0) : 1
  const length = rows === 0 ? 0 : data.length / rows
  const kept = Math.min(count, length)
  const texts: string[] = []
  for (let row = 0; row < rows; row++) {
    const scores = Array.from({ length }, (_, index) => valueAt(tensor, row * length + index))
    const order = scores.map((_, index) => index).sort((a, b) => compare(scores[b], scores[a]) || a - b)
    for (const index of order.slice(0, kept)) texts.push(`${print(scores[index], dtype)}:${index}`)
  }
  return { dtype: 'string', shape: hasRows ? [rows, kept] : [kept], data: texts }
}

type Score = number | bigint | undefined

function valueAt({ dtype, data }: Tensor, index: number): Score {
  const value = data[index] as number | bigint
  if (dtype === 'float16') return float16Value(value as number)
  return dtype === 'bfloat16' ? bfloat16Value(value as number) : value
}

/** NaN is no class: it comes last. */
function compare(a: Score = 0, b: Score = 0): number {
  const isOdd = (value: Score): boolean => value !== value
  if (isOdd(a) || isOdd(b)) return Number(isOdd(b)) - Number(isOdd(a))
  return a < b ? -1 : a > b ? 1 : 0
}

function print(value: Score = 0, dtype: Tensor['dtype']): string {
  return dtype.includes('float') ? Number(value).toFixed(6) : String(value)
}
