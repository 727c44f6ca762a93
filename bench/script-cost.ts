/**
 * What a `script` step costs: microseconds of a request, and nanoseconds of each of its rows, through a pipeline that is
 * nothing but a script, one request at a time and sixteen in flight, in this process. The script doubles a float32 column,
 * or makes a text of one.
 *
 *   npm run setup && node dist/bench/script-cost.js
 */
import { Engine, pipeline } from 'penstock'

const scripts = {
  numbers: 'export default ({ columns }) => ({ y: columns.x.map((x) => 2 * x) })',
  texts: "export default ({ columns }) => ({ y: Array.from(columns.x, (x) => (x > 1 ? 'high' : 'low')) })",
} as const
const trials = 5
const rowsOfTrial = 400_000

const engine = await Engine.open({ allowScripts: true, calibration: 'off' })
console.log('SCRIPT    ROWS  1 IN FLIGHT, US/REQUEST  16 IN FLIGHT, US/REQUEST  NS/ROW')
for (const [name, source] of Object.entries(scripts)) {
  await pipeline(name, engine)
    .script({
      file: 'double.js',
      source,
      inputs: [{ name: 'x', dtype: 'float32' }],
      columns: ['x'],
      outputs: [{ name: 'y', dtype: name === 'texts' ? 'string' : 'float32' }],
    })
    .deploy()
  for (const rows of [1, 100, 10_000]) {
    const x = Float32Array.from({ length: rows }, (_, row) => row % 3)
    const count = Math.max(40, Math.min(2_000, rowsOfTrial / rows))
    const answer = async (): Promise<void> => {
      const { outputs } = await engine.infer(name, { inputs: { x } })
      if (outputs['y']?.shape[0] !== rows) throw new Error(`Expected ${rows} rows of an answer`)
    }
    await Promise.all(Array.from({ length: 200 }, answer))
    const alone = await median(count, 1, answer)
    const together = await median(count, 16, answer)
    const cells = [String(rows).padStart(8), alone.toFixed(0).padStart(26), together.toFixed(0).padStart(26)]
    console.log(`${name.padEnd(6)}${cells.join('')}${((together * 1000) / rows).toFixed(0).padStart(8)}`)
  }
}
await engine.close()

/** Microseconds of a request. */
async function median(count: number, inFlight: number, answer: () => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let trial = 0; trial < trials; trial++) {
    const begunMs = performance.now()
    let left = count
    const ask = async (): Promise<void> => {
      while (left-- > 0) await answer()
    }
    await Promise.all(Array.from({ length: inFlight }, ask))
    times.push(((performance.now() - begunMs) * 1000) / count)
  }
  return times.sort((a, b) => a - b)[trials >> 1] as number
}
