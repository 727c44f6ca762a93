/**
 * Runs f over many changed copies of the rows, a chunk at a time. How many rows a chunk has is the runner's to say before
 * each: it knows what the model costs, and that others are waiting.
 */
import { copyRow, emptyRows, type Tensors } from './rows.js'

/** Runs rows through the pipeline. */
export interface RowRunner {
  /** Rows that the next chunk may have. */
  readonly chunkRows: number
  /**
   * @param inputs lent until the promise settles.
   * @param origins for each row the row of the problem that it is a copy of.
   * @returns f of each row.
   * @throws (rejects) what ends the explanation.
   */
  run(inputs: Tensors, origins: Int32Array): Promise<Float64Array>
}

export interface Variants {
  readonly count: number
  /** The row of the problem that variant `index` is a copy of. */
  origin(index: number): number
  /** Changes the copy, which is row `place` of `chunk`. */
  change(chunk: Tensors, place: number, index: number): void
}

/** @returns f of each variant, in order. */
export async function runVariants(inputs: Tensors, variants: Variants, runner: RowRunner): Promise<Float64Array> {
  const results = new Float64Array(variants.count)
  for (let start = 0; start < variants.count;) {
    const rows = Math.min(runner.chunkRows, variants.count - start)
    const { chunk, origins } = makeChunk(inputs, variants, start, rows)
    results.set(await runner.run(chunk, origins), start)
    start += rows
  }
  return results
}

/** f of the rows as they are. */
export function runRows(inputs: Tensors, rows: number, runner: RowRunner): Promise<Float64Array> {
  return runVariants(inputs, { count: rows, origin: (index) => index, change: () => undefined }, runner)
}

function makeChunk(inputs: Tensors, variants: Variants, start: number, rows: number) {
  const names = Object.keys(inputs)
  const chunk = Object.fromEntries(names.map((name) => [name, emptyRows(inputs[name] as Tensors[string], rows)]))
  const origins = new Int32Array(rows)
  for (let place = 0; place < rows; place++) {
    const origin = variants.origin(start + place)
    origins[place] = origin
    for (const name of names) copyRow(chunk[name] as Tensors[string], place, inputs[name] as Tensors[string], origin)
    variants.change(chunk, place, start + place)
  }
  return { chunk, origins }
}
