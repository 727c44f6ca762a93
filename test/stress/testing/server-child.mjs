/**
 * A server in a process of its own, for suites that measure it, kill it or starve it: the built package, nothing patched
 * unless the setup asks for a canary. Talks to the test over the IPC channel: `{ id, command, … }` → `{ id, result | error }`.
 *
 * Canaries are leaks on purpose, on the path that every request takes; a suite that does not notice them notices nothing.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setEnvironmentData } from 'node:worker_threads'
import { Engine, PenstockServer } from 'penstock'

const setup = JSON.parse(process.argv[2])
const doom = new Int32Array(new SharedArrayBuffer(4))
// Before the engine starts its threads: doom.mjs reads it in each of them.
setEnvironmentData('doom', doom.buffer)

const kept = []
const notices = []
/** Reads a model of test/models by its name, or any by its path. */
const modelFile = (name) =>
  readFileSync(name.includes('/') ? name : new URL(`../../models/${name}.onnx`, import.meta.url))

const logPath = setup.isLogged === true ? mkdtempSync(join(tmpdir(), 'penstock-log-')) : undefined
// Ended by a signal it leaves the folder behind, as any process does.
process.once('exit', () => logPath !== undefined && rmSync(logPath, { recursive: true, force: true }))

// What `penstock serve` does first, for its own process.
if (setup.isAsShipped === true) {
  const { keepLittleFreeMemory } = await import('../../../dist/src/worker/free-memory.js')
  keepLittleFreeMemory()
}

const engine = await Engine.open({
  // Suites that are about it ask for it.
  calibration: 'off',
  ...setup.engine,
  ...(logPath === undefined ? {} : { log: { path: logPath } }),
  onNotice: ({ level, message }) => void (notices.length < 1000 && notices.push(`${level}: ${message}`)),
})
for (const [name, bytes] of Object.entries(setup.modelBytes ?? {}))
  await engine.addModel(name, Buffer.from(bytes, 'base64'), { alias: 'champion' })
for (const [name, files] of Object.entries(setup.models ?? {})) {
  for (const file of [files].flat()) await engine.addModel(name, modelFile(file), { alias: 'champion' })
}
for (const [name, steps] of Object.entries(setup.pipelines ?? {}))
  await engine.applyPipeline({ name, steps }, { deploy: true })
if (setup.canary !== undefined) plant(setup.canary)
const grpc = setup.hasGrpc === true || setup.isAsShipped === true ? { grpcPort: 0 } : {}
const server = await PenstockServer.start({ engine, port: 0, limits: setup.limits ?? {}, ...grpc })

const commands = {
  observe: () => observe(),
  /** The next run of a model ends its thread, with the batch in hand. */
  doom: () => void Atomics.store(doom, 0, 1),
  call: ({ method, parameters }) => engine[method](...parameters),
  close: async () => {
    await server.close()
    await engine.close()
    setImmediate(() => process.exit(0))
  },
}

process.on('message', ({ id, command, ...rest }) => {
  Promise.resolve()
    .then(() => commands[command](rest))
    .then(
      (result) => process.send({ id, result }),
      (error) => process.send({ id, error: { code: error.code, message: error.message } }),
    )
})
// The test process ended: nobody else would end this one.
process.on('disconnect', () => process.exit(1))
process.send({ url: server.url, grpcPort: server.grpcPort ?? 0 })

/** Memory and handles at rest: collected twice, because the first pass runs finalizers that free more. */
async function observe() {
  if (globalThis.gc !== undefined) {
    for (let pass = 0; pass < 2; pass++) {
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  const { models, pipelines, inFlight, workers } = engine.metrics()
  return {
    rssBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    handles: process.getActiveResourcesInfo().length,
    webSockets: server.connectionCount,
    inFlight,
    workers,
    notices,
    models,
    pipelines,
  }
}

function plant(canary) {
  const leaks = {
    heap: ({ bytes }) => kept.push(new Array(Math.ceil(bytes / 8)).fill(kept.length)),
    memory: ({ bytes }) => kept.push(Buffer.alloc(bytes, 1)),
    handle: () => kept.push(setInterval(() => undefined, 1e6)),
    descriptor: () => {
      const listener = createServer().listen(0, '127.0.0.1', () => kept.push(connect(listener.address())))
      kept.push(listener)
    },
  }
  const leakIn = (owner, method) => {
    const whole = owner[method].bind(owner)
    owner[method] = (...parameters) => {
      leaks[canary.kind](canary)
      return whole(...parameters)
    }
  }
  leakIn(engine, canary.method ?? 'infer')
  // JSON over HTTP goes by the engine's port for it, past `infer`.
  if (canary.method === undefined) leakIn(engine.json, 'submit')
}
