/**
 * An engine in a process of its own, for suites that take its disk away: logs `requests` requests of `rows` rows to `path`
 * and says on stdout what became of them, as JSON. `durability` is the pipeline's.
 */
import { readFileSync } from 'node:fs'
import { Engine } from 'penstock'

const { path, durability, requests, rows } = JSON.parse(process.argv[2])
const engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: { path } })
await engine.addModel('add-one', readFileSync(new URL('../../models/add-one.onnx', import.meta.url)))
const steps = [{ type: 'model', model: 'add-one' }]
await engine.applyPipeline({ name: 'p', steps, log: { durability } }, { deploy: true })
const codes = {}
for (let request = 0; request < requests; request++) {
  const data = Float32Array.from({ length: rows * 3 }, (_, i) => request * rows + Math.floor(i / 3))
  const answer = engine.infer('p', { inputs: { x: { dtype: 'float32', shape: [rows, 3], data } } })
  const code = await answer.then(
    () => 'answered',
    (error) => error.code,
  )
  codes[code] = (codes[code] ?? 0) + 1
  if (request % 10 === 0) await engine.flushLogs()
}
await engine.flushLogs()
const { rowCount, droppedRowCount, isFailing, fault } = engine.metrics().pipelines[0].log
await engine.close()
process.stdout.write(JSON.stringify({ codes, rowCount, droppedRowCount, isFailing, fault }))
