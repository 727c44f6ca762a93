/** Tensors printed in parts, by the addon and in JavaScript: together they are what writeNested prints as a whole. */
import { describe, expect, it } from 'vitest'
import { nestedPieces } from '../../tensor/print-pieces.js'
import { writeNested } from '../../tensor/print.js'
import type { Tensor } from '../../tensor/tensor.js'
import { nestedParts } from './nested-parts.js'

const joined = (parts: Iterable<string | Uint8Array>): { text: string; count: number } => {
  // A part is valid until the next one is asked for.
  const texts = Array.from(parts, (part) => Buffer.from(part as string).toString())
  return { text: texts.join(''), count: texts.length }
}

const count = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)
const shapes = [
  [1],
  [5],
  [1, 1],
  [2, 3],
  [3, 1, 2],
  [2, 2, 2, 2],
  [7, 1031],
  [40_000],
  [1, 40_000],
  [40_000, 1],
  [3, 4001, 5],
]
const empty = [[0], [2, 0], [0, 3], [2, 0, 3], [1, 2, 0], [300, 300, 0]]

describe('tensors in parts', () => {
  it('are those of the whole, of every shape', () => {
    for (const shape of [...shapes, ...empty, []]) {
      const tensor: Tensor = {
        dtype: 'float32',
        shape,
        data: Float32Array.from({ length: count(shape) }, (_, index) => Math.sin(index) * 10 ** (index % 7)),
      }
      const whole = writeNested(tensor)
      expect(joined(nestedParts(tensor)).text === whole, String(shape)).toBe(true)
      expect(joined(nestedPieces(tensor)).text === whole, String(shape)).toBe(true)
    }
  })

  it('are those of the whole, of every kind of element', () => {
    const length = 9000
    const of = (index: number): number => (index * 37) % 120
    const tensors: Tensor[] = [
      { dtype: 'float64', shape: [length / 3, 3], data: Float64Array.from({ length }, (_, i) => Math.cos(i) / 3) },
      { dtype: 'int8', shape: [length], data: Int8Array.from({ length }, (_, i) => of(i) - 60) },
      { dtype: 'int64', shape: [length], data: BigInt64Array.from({ length }, (_, i) => -(10n ** BigInt(i % 19))) },
      { dtype: 'bool', shape: [length], data: Uint8Array.from({ length }, (_, i) => i % 2) },
      { dtype: 'float16', shape: [length], data: Uint16Array.from({ length }, (_, i) => (i * 13) % 65_536) },
      { dtype: 'string', shape: [length / 2, 2], data: Array.from({ length }, (_, i) => `"${i}\\ ä`) },
      { dtype: 'float32', shape: [4], data: Float32Array.of(NaN, Infinity, -0, 1e-45) },
    ]
    for (const tensor of tensors)
      expect(joined(nestedParts(tensor)).text === writeNested(tensor), tensor.dtype).toBe(true)
  })

  it('are many where the text is long', () => {
    const data = new Float32Array(100_000).fill(0.1234567)
    expect(joined(nestedParts({ dtype: 'float32', shape: [100_000], data })).count).toBeGreaterThan(5)
  })
})
