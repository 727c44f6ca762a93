/**
 * The same kernels as JavaScript calls them: penstock/transforms under tinybench, each beside the loop over a typed array
 * that a program would write instead. Results are compared before anything is timed. What the call itself costs (checks,
 * the crossing into the addon, the result's memory) shows at one row.
 */
import { Bench } from 'tinybench'
import { argMax, cast, normalise, oneHot, softmax, type Float32Tensor } from '../../src/transforms/index.js'
import type { Tensor } from '../../src/tensor/tensor.js'

export interface TransformFigure {
  readonly name: string
  readonly rows: number
  readonly nsPerRow: number
  readonly loopNsPerRow: number
}

interface Pair {
  readonly name: string
  readonly rows: number
  readonly transform: () => Tensor
  readonly loop: () => ArrayLike<number>
}

const features = 29

export async function benchTransforms(milliseconds: number, rowCounts: readonly number[]): Promise<TransformFigure[]> {
  const pairs = rowCounts.flatMap(pairsOf)
  for (const pair of pairs) check(pair)
  const bench = new Bench({ time: milliseconds, warmupTime: milliseconds / 5 })
  for (const { name, rows, transform, loop } of pairs) {
    bench.add(`${name} ${rows}`, () => void transform())
    bench.add(`${name} ${rows}, loop`, () => void loop())
  }
  await bench.run()
  const ns = bench.tasks.map(({ name, result }) => {
    if (!('latency' in result)) throw new Error(`${name} did not run`)
    return result.latency.p50 * 1e6
  })
  return pairs.map(({ name, rows }, index) => {
    const [own = NaN, loop = NaN] = ns.slice(2 * index)
    return { name, rows, nsPerRow: own / rows, loopNsPerRow: loop / rows }
  })
}

export function formatTransforms(figures: readonly TransformFigure[]): string {
  const lines = figures.map(({ name, rows, nsPerRow, loopNsPerRow }) =>
    [
      name.padEnd(34),
      String(rows).padStart(7),
      nsPerRow.toPrecision(4).padStart(12),
      loopNsPerRow.toPrecision(4).padStart(12),
      (loopNsPerRow / nsPerRow).toFixed(1).padStart(8),
    ].join(' '),
  )
  const heads = `${'penstock/transforms'.padEnd(34)}    rows       ns/row  loop ns/row   × loop`
  return [heads, ...lines].join('\n')
}

function pairsOf(rows: number): Pair[] {
  const input = matrix(rows, features)
  const scores = matrix(rows, 10)
  const codes: Tensor = { dtype: 'int32', shape: [rows, 1], data: Int32Array.from({ length: rows }, (_v, i) => i % 18) }
  const mean = Float32Array.from({ length: features }, (_v, c) => c / 3)
  const deviation = Float32Array.from({ length: features }, (_v, c) => 1 + c / 7)
  const categories = Array.from({ length: 16 }, (_v, k) => k)
  const pixels: Tensor = {
    dtype: 'uint8',
    shape: [rows, 192],
    data: Uint8Array.from({ length: rows * 192 }, (_v, i) => i),
  }
  return [
    {
      name: 'normalise, 29 columns',
      rows,
      transform: () => normalise(input, { mean, deviation }),
      loop: () => input.data.map((x, i) => (x - (mean[i % features] ?? 0)) / (deviation[i % features] ?? 1)),
    },
    {
      name: 'cast, 192 uint8 to float32',
      rows,
      transform: () => cast(pixels, 'float32'),
      loop: () => Float32Array.from(pixels.data as Uint8Array),
    },
    {
      name: 'one-hot, 16 categories',
      rows,
      transform: () => oneHot(codes, { categories: [categories] }),
      loop: () => loopOneHot(codes.data as Int32Array, categories),
    },
    { name: 'softmax of 10', rows, transform: () => softmax(scores), loop: () => loopSoftmax(scores.data, 10) },
    { name: 'arg-max of 10', rows, transform: () => argMax(scores), loop: () => loopArgMax(scores.data, 10) },
  ]
}

function matrix(rows: number, columns: number): Float32Tensor {
  const data = Float32Array.from({ length: rows * columns }, (_v, i) => ((i * 2654435761) % 1000) / 100 - 5)
  return { dtype: 'float32', shape: [rows, columns], data }
}

function loopOneHot(codes: Int32Array, categories: readonly number[]): Float32Array {
  const target = new Float32Array(codes.length * categories.length)
  codes.forEach((code, r) => {
    const k = categories.indexOf(code)
    if (k >= 0) target[r * categories.length + k] = 1
  })
  return target
}

function loopSoftmax(data: Float32Array, columns: number): Float32Array {
  const target = new Float32Array(data.length)
  for (let start = 0; start < data.length; start += columns) {
    let max = -Infinity
    let sum = 0
    for (let i = start; i < start + columns; i++) max = Math.max(max, data[i] ?? NaN)
    for (let i = start; i < start + columns; i++) sum += target[i] = Math.exp((data[i] ?? NaN) - max)
    for (let i = start; i < start + columns; i++) target[i] = (target[i] ?? NaN) / sum
  }
  return target
}

function loopArgMax(data: Float32Array, columns: number): Int32Array {
  return Int32Array.from({ length: data.length / columns }, (_v, r) => {
    let best = 0
    for (let c = 1; c < columns; c++) if ((data[r * columns + c] ?? NaN) > (data[r * columns + best] ?? NaN)) best = c
    return best
  })
}

function check({ name, rows, transform, loop }: Pair): void {
  const expected = loop()
  const received = transform().data
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [expected[i] ?? NaN, Number(received[i])]
    if (received.length !== expected.length || !(Math.abs(a - b) <= 2e-6 * Math.max(1, Math.abs(a))))
      throw new Error(`Expected ${name} of ${rows} rows to give ${a} at ${i} but received ${b}`)
  }
}
