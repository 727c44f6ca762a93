/** What operations learn from tables, against scikit-learn (program-goldens.json) and by its rules. */
import { describe, expect, it } from 'vitest'
import { columnOf, type ColumnType, type TransformColumn } from '../../src/transforms/draft/column.js'
import { fitOps } from '../../src/transforms/fit/fit.js'
import { parseOps } from '../../src/transforms/program/definition.js'
import { columnsOf, readGoldens, typeOf } from './testing/columns.js'
import { rowOf } from './testing/rows.js'

const fits = readGoldens().filter(({ fitted }) => fitted !== undefined)

describe('fits: goldens', () => {
  it.each(fits)('$name: learns the same', async (golden) => {
    const columns = columnsOf(golden)
    const table = {
      columns: golden.columns.map(typeOf),
      // A part a row: what is learnt does not depend on how the rows are cut, but for the last bits.
      parts: async function* () {
        for (let row = 0; row < (golden.columns[0]?.shape[0] ?? 0); row++)
          yield await Promise.resolve(rowOf(columns, row))
      },
    }
    const whole = {
      ...table,
      parts: async function* () {
        yield await Promise.resolve(columns)
      },
    }
    for (const one of [table, whole]) {
      const fitted = await fitOps(parseOps(golden.ops), one)
      expect(wrongMember(golden.fitted, fitted, Math.max(golden.tolerance, 1e-15))).toBeNull()
      // What was written is read again, and does the same.
      expect(parseOps(JSON.parse(JSON.stringify(fitted)))).toEqual(fitted)
    }
  })
})

describe('fits: rules', () => {
  const table = (columns: Record<string, TransformColumn>, own: ColumnType[]) => ({
    columns: own,
    parts: async function* () {
      yield await Promise.resolve(columns)
    },
  })
  const x: ColumnType[] = [{ name: 'x', dtype: 'float64', isNullable: false, shape: [] }]
  const fitRows = (ops: object[], values: (number | null)[]) =>
    fitOps(parseOps(ops), table({ x: columnOf('float64', values) }, x))

  it('fits an operation on the rows as those before it make them', async () => {
    const ops = [
      { op: 'impute', columns: ['x'], strategy: 'median' },
      { op: 'clip', columns: ['x'], high: 6 },
      { op: 'min-max', columns: ['x'] },
    ]
    expect(await fitRows(ops, [1, NaN, 9])).toEqual([
      { op: 'impute', columns: ['x'], strategy: 'median', values: [5] },
      { op: 'clip', columns: ['x'], high: 6 },
      { op: 'min-max', columns: ['x'], min: [1], max: [6] },
    ])
  })

  it('keeps the constants that are there', async () => {
    const ops = [{ op: 'impute', columns: ['x'], strategy: 'mean', values: [7] }]
    expect(await fitRows(ops, [1, 2])).toEqual(ops)
  })

  it.each<[object[], number[], RegExp]>([
    [
      [{ op: 'impute', columns: ['y'], strategy: 'mean' }],
      [1],
      /Expected ops\[0\]\.columns\[0\] \(\w+\) to be one of x but received "y"/,
    ],
    [
      [{ op: 'impute', columns: ['x'], strategy: 'mean' }],
      [NaN],
      /Expected a column with a value for the mean but all are missing/,
    ],
    [[{ op: 'impute', columns: ['x'], strategy: 'mean' }], [], /with a value for the mean/],
    [
      [
        { op: 'bucketise', columns: ['x'], edges: [[1]] },
        { op: 'min-max', columns: ['x'] },
      ],
      [1, NaN],
      /Expected x to have a value but it is missing, in row 1 \(ops\[0\], bucketise\)/,
    ],
    [
      [
        { op: 'min-max', columns: ['x'] },
        { op: 'softmax', columns: ['x'] },
      ],
      [1, 2],
      /ops\[1\]\.columns\[0\] \(softmax\)/,
    ],
  ])('says why it cannot %j', async (ops, values, message) => {
    await expect(fitRows(ops, values)).rejects.toThrow(message)
  })
})

/** The first member that differs, numbers by `tolerance`; or null. */
function wrongMember(expected: unknown, received: unknown, tolerance: number, path = ''): string | null {
  if (typeof expected === 'number' && typeof received === 'number')
    return Math.abs(expected - received) <= tolerance * Math.max(1, Math.abs(expected))
      ? null
      : `${path}: ${expected}, ${received}`
  if (typeof expected !== 'object' || expected === null || typeof received !== 'object' || received === null)
    return Object.is(expected, received) ? null : `${path}: ${String(expected)}, ${String(received)}`
  const keys = new Set([...Object.keys(expected), ...Object.keys(received)])
  for (const key of keys) {
    const [a, b] = [expected, received].map((side) => (side as Record<string, unknown>)[key])
    const wrong = wrongMember(a, b, tolerance, `${path}.${key}`)
    if (wrong !== null) return wrong
  }
  return null
}
