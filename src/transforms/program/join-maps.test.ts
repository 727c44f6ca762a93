/** Joined maps: which instructions are left, and that no bit of a result changes. */
import { describe, expect, it } from 'vitest'
import { TransformOpcode } from '../../base/generated/boundary.js'
import { seededRandom } from '../../base/random.js'
import type { ColumnType, TransformColumn } from '../draft/column.js'
import type { TransformOp } from '../ops/kinds.js'
import { compileOps } from './compile.js'
import { Transform } from './transform.js'

const floats = (name: string, shape: number[] = []): ColumnType => ({
  name,
  dtype: 'float32',
  isNullable: false,
  shape,
})
const nameOf = new Map<number, string>(Object.entries(TransformOpcode).map(([name, opcode]) => [opcode, name]))
const opcodes = (ops: readonly TransformOp[], inputs: readonly ColumnType[]): (string | undefined)[] =>
  compileOps(ops, inputs).spec.instructions.map(({ opcode }) => nameOf.get(opcode))

const [a, b, c, wide] = [floats('a'), floats('b'), floats('c'), floats('wide', [2])]
const impute = (columns: string[], values: number[]): TransformOp => ({
  op: 'impute',
  columns,
  strategy: 'mean',
  values,
})
const scaler = (columns: string[], mean: number[], scale: number[]): TransformOp => ({
  op: 'standard-scale',
  columns,
  mean,
  scale,
})
const clip = (columns: string[], low: number[], high: number[]): TransformOp => ({ op: 'clip', columns, low, high })
const concat = (...columns: string[]): TransformOp => ({ op: 'concat', columns, as: 'x' })

const cases: readonly [string, readonly TransformOp[], readonly ColumnType[], string[]][] = [
  ['imputers', [impute(['a', 'b'], [1, 2]), concat('a', 'b')], [a, b], ['concat', 'imputeFloats']],
  [
    'imputers, then scalers',
    [impute(['a', 'b', 'c'], [1, 2, 3]), scaler(['a', 'b', 'c'], [1, 2, 3], [0.1, 0.2, 0.3]), concat('c', 'a', 'b')],
    [a, b, c],
    ['concat', 'imputeFloats', 'normalise'],
  ],
  [
    'imputers of some columns',
    [impute(['a', 'c'], [1, 2]), concat('a', 'b', 'c')],
    [a, b, c],
    ['concat', 'imputeFloats'],
  ],
  [
    'clips beside a tensor that is not clipped',
    [clip(['a', 'b'], [-1, -0.5], [0.5, 1]), concat('a', 'wide', 'b')],
    [a, b, wide],
    ['concat', 'clip'],
  ],
  [
    'scalers of all columns',
    [{ op: 'min-max', columns: ['a', 'b'], min: [-3, -2], max: [3, 9] }, concat('b', 'a')] as TransformOp[],
    [a, b],
    ['concat', 'scale'],
  ],
  [
    'scalers of some, which would change a negative zero',
    [{ op: 'min-max', columns: ['a', 'b'], min: [-3, -2], max: [3, 9] }, concat('a', 'b', 'c')] as TransformOp[],
    [a, b, c],
    ['scale', 'scale', 'concat'],
  ],
  ['one imputer', [impute(['a'], [1]), concat('a', 'b')], [a, b], ['imputeFloats', 'concat']],
  [
    'a column that stays besides',
    [{ op: 'impute', columns: ['a', 'b'], as: ['p', 'q'], strategy: 'mean', values: [1, 2] }, concat('p', 'p', 'q')],
    [a, b],
    ['imputeFloats', 'imputeFloats', 'concat'],
  ],
]

const rows = 37
function columnsOf(inputs: readonly ColumnType[], seed: number): Record<string, TransformColumn> {
  const random = seededRandom(seed)
  const special = [NaN, -0, 0, Infinity, -Infinity, 3.4e38]
  const value = (): number =>
    random() < 0.4 ? (special[Math.floor(random() * special.length)] as number) : random() * 8 - 4
  return Object.fromEntries(
    inputs.map(({ name, shape }) => {
      const width = shape[0] ?? 1
      const data = Float32Array.from({ length: rows * width }, value)
      return [name, { dtype: 'float32', shape: [rows, ...shape], data, offsets: null, validity: null }]
    }),
  )
}

/** Each column by itself, and joined here. */
function apart(
  ops: readonly TransformOp[],
  inputs: readonly ColumnType[],
  columns: Record<string, TransformColumn>,
): Float32Array {
  const result = new Transform(compileOps(ops.slice(0, -1), inputs)).run(columns, rows).columns
  const parts = (ops.at(-1) as { columns: readonly string[] }).columns.map((name) => result[name]?.data as Float32Array)
  const elements = Array.from({ length: rows }, (_, row) =>
    parts.flatMap((part) => [...part.subarray((row * part.length) / rows, ((row + 1) * part.length) / rows)]),
  )
  return Float32Array.from(elements.flat())
}

describe('maps in front of a concat', () => {
  it.each(cases)('are one behind it, or stay: %s', (_, ops, inputs, expected) => {
    expect(opcodes(ops, inputs)).toEqual(expected)
    for (let seed = 1; seed <= 5; seed++) {
      const columns = columnsOf(inputs, seed)
      const joined = new Transform(compileOps(ops, inputs)).run(columns, rows).columns['x']?.data as Float32Array
      expect(new Uint32Array(joined.buffer, joined.byteOffset, joined.length)).toEqual(
        new Uint32Array(apart(ops, inputs, columns).buffer),
      )
    }
  })
})
