/**
 * Bare ONNX Runtime as a program would best use it: INSTANCES threads, each with a session of INTRA_OP threads, each
 * running batches of ROWS rows that lie ready in memory, other rows each time as a server's are. No server, no copy, outputs
 * preallocated where their shape is known. The search over these numbers is bench/workloads/ort-search.ts; its best is what a server can at most reach.
 *   node bench/baselines/bare-ort-load.mjs '{"model","instances","intraOp","rows","freeDim","seconds","warmupSeconds"}'
 *   prints {"rowsPerSecond","p50Us"}: rate of all threads together, median time of a run
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { seededRandom } from '../../dist/src/base/random.js'

const rowsOfAll = 1024
const bytesOfAll = 8 * 1024 * 1024
const tokenMax = 2000

async function work({ model, intraOp, rows, freeDim, seconds, warmupSeconds }, barrier) {
  const session = await InferenceSession.create(model, { intraOpNumThreads: intraOp, interOpNumThreads: 1 })
  const batches = batchesOf(session.inputMetadata, rows, freeDim)
  const feeds = batches[0]
  await session.run(feeds)
  // All instances begin together, or the first would measure a machine that it has for itself.
  const gate = new Int32Array(barrier)
  Atomics.add(gate, 0, -1)
  Atomics.notify(gate, 0)
  for (let left = Atomics.load(gate, 0); left > 0; left = Atomics.load(gate, 0)) Atomics.wait(gate, 0, left)
  const results = await session.run(feeds)
  const fetches = Object.fromEntries(
    Object.entries(results).map(([name, { type, data, dims }]) => [name, new Tensor(type, data.slice(), dims)]),
  )
  await loop(session, batches, fetches, warmupSeconds)
  const { runs, elapsedMs, times } = await loop(session, batches, fetches, seconds)
  times.sort((left, right) => left - right)
  return { rowsPerSecond: (runs * rows * 1000) / elapsedMs, p50Us: times[times.length >> 1] * 1000 }
}

/**
 * Batches of different rows, 1,024 rows in all where memory allows: on a few rows over and over a forest's branches are
 * predicted, and its rate is one that nothing in life reaches.
 */
function batchesOf(fields, rows, freeDim) {
  const batches = []
  let bytes = 0
  do {
    const feeds = Object.fromEntries(fields.map((field) => [field.name, inputOf(field, rows, freeDim, batches.length)]))
    batches.push(feeds)
    for (const { data } of Object.values(feeds)) bytes += data.byteLength
  } while (batches.length * rows < rowsOfAll && bytes < bytesOfAll)
  return batches
}

async function loop(session, batches, fetches, seconds) {
  const times = []
  const start = performance.now()
  let now = start
  do {
    const before = now
    await session.run(batches[times.length % batches.length], fetches)
    now = performance.now()
    times.push(now - before)
  } while (now - start < seconds * 1000)
  return { runs: times.length, elapsedMs: now - start, times }
}

/** Drawn as the requests of a served model are (../workloads/requests.ts): a forest's time is that of its rows' paths. */
function inputOf({ name, type, shape }, rows, freeDim, batch) {
  const dims = shape.map((dim, axis) => (axis === 0 ? rows : typeof dim === 'number' ? dim : freeDim))
  const length = dims.reduce((product, dim) => product * dim, 1)
  const random = seededRandom(batch + 1)
  if (type === 'int64') {
    const isMask = name.endsWith('mask')
    const values = BigInt64Array.from({ length }, () => (isMask ? 1n : BigInt(Math.floor(random() * tokenMax))))
    return new Tensor('int64', values, dims)
  }
  return new Tensor(
    'float32',
    Float32Array.from({ length }, () => random() * 2 - 1),
    dims,
  )
}

if (isMainThread) {
  const options = JSON.parse(process.argv[2])
  const barrier = new SharedArrayBuffer(4)
  new Int32Array(barrier)[0] = options.instances
  const workers = Array.from({ length: options.instances }, () => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { options, barrier } })
    return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  })
  const figures = await Promise.all(workers)
  const rowsPerSecond = figures.reduce((sum, figure) => sum + figure.rowsPerSecond, 0)
  const p50Us = Math.max(...figures.map((figure) => figure.p50Us))
  process.stdout.write(`${JSON.stringify({ rowsPerSecond, p50Us })}\n`)
  process.exit(0)
} else {
  parentPort.postMessage(await work(workerData.options, workerData.barrier))
}
