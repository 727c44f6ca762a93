/**
 * A thread of engine-isolates.test.ts: adopts a pipeline of another isolate and sends requests into its queue through a
 * port of its own. Role `thief`: opens a worker, takes one batch and ends without completing it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { addon } from '../../../dist/bindings/native.js'

const { role, runtime, pipelineId, base, requests } = workerData
if (role === 'thief') steal()
else submitAll()

function submitAll() {
  const pipeline = addon.adoptPipeline(pipelineId)
  const port = addon.openPort(runtime, drain, requests)
  // A port alone does not keep an isolate alive.
  const alive = setInterval(() => undefined, 1000)
  const wrong = []
  let done = 0
  for (let i = 0; i < requests; i++) {
    const x = Float32Array.of(base + i, base + i + 0.5, -(base + i))
    const request = addon.submit(port, pipeline, [x], 1, null, null, 0, 0, i)
    if (request < 0) wrong.push(addon.lastFailure(port))
    if (i % 50 === 49) addon.flush(port)
  }
  addon.flush(port)

  function drain() {
    for (let count = addon.drain(port); count > 0; count = addon.drain(port)) {
      const events = addon.events(port).slice(0, count * 4)
      for (let at = 0; at < events.length; at += 4) {
        const [kind, tag, request] = events.subarray(at, at + 3)
        if (kind !== 1) wrong.push(addon.readFailure(port, request))
        else {
          const y = new Float32Array(addon.readAnswer(port, request).outputs[0])
          if (y[0] !== Math.fround(base + tag + 1)) wrong.push([tag, ...y])
        }
        done++
      }
    }
    if (done < requests) return
    clearInterval(alive)
    addon.closePort(port)
    parentPort.postMessage({ done, wrong })
  }
}

function steal() {
  const worker = addon.openWorker(runtime, 1)
  parentPort.postMessage('ready')
  const taken = addon.take(worker, 10_000)
  parentPort.postMessage({ taken })
  process.exit(0)
}
