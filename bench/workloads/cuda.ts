/**
 * What a model on the GPU gives, for owners of a GPU machine: the engine against bare onnxruntime-node on the same
 * device, in one process and one run. Skips itself, with the reason, where CUDA cannot be used.
 *
 *     npm run build && node dist/bench/workloads/cuda.js [--model FILE] [--provider cuda|cpu] [--seconds 5]
 *
 * Three figures: one row a request with 1024 in flight, without sockets; saturated throughput as a share of the best
 * batch size of bare onnxruntime-node; latency at 80 % of that rate, arrivals at random times and counted from
 * when they were due. Every answer is compared with the CPU's (1e-2 relative: GPUs use TF32). The model takes one
 * float32 input whose first dim is free. Non-goals: competitors, several GPUs.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { Engine, isPenstockError } from '../../src/index.js'
import type { ExecutionProvider } from '../../src/base/providers.js'
import { machineLine, projectRoot, readMachine } from '../harness/project.js'
import { seeded } from './shared-weights/dense-model.js'

const IN_FLIGHT = 1024
const BATCHES = [1, 4, 16, 64, 256, 1024]
const SAMPLES = 64
const LOAD = 0.8

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx') },
    provider: { type: 'string', default: 'cuda' },
    seconds: { type: 'string', default: '5' },
  },
})
const provider: ExecutionProvider = values.provider === 'cpu' ? 'cpu' : 'cuda'
const durationMs = Number(values.seconds) * 1000

interface Subject {
  readonly engine: Engine
  readonly input: string
  readonly output: string
  readonly rowDims: readonly number[]
  readonly rows: readonly Float32Array[]
  readonly expected: readonly Float32Array[]
}

await main()

async function main(): Promise<void> {
  const bytes = readFileSync(values.model)
  const engine = await Engine.open({ inferWorkers: provider === 'cuda' ? 2 : undefined })
  try {
    await engine.addModel('m', bytes, { providers: [provider] })
    await engine.applyPipeline({ name: 'm', steps: [{ type: 'model', model: 'm' }] }, { deploy: true })
    await measure(await subjectOf(engine, bytes), bytes)
  } catch (error) {
    if (!isPenstockError(error) || error.code !== 'ERR_PROVIDER') throw error
    process.stdout.write(`Skipped: ${error.message}\n`)
  } finally {
    await engine.close()
  }
}

async function measure(subject: Subject, bytes: Uint8Array): Promise<void> {
  const status = subject.engine.pipelineStatus('m').models[0]
  process.stdout.write(`${machineLine(readMachine())}\n${values.model} on ${status?.provider ?? '?'}, `)
  process.stdout.write(`batches ${status?.isPageLocked === true ? '' : 'not '}page-locked\n\n`)
  const bare = await bareRates(subject, bytes)
  for (const { rows, rate } of bare) process.stdout.write(`bare, ${rows} rows a run: ${rate.toFixed(0)} rows/s\n`)
  const best = Math.max(...bare.map(({ rate }) => rate))
  const saturated = await closedLoop(subject)
  process.stdout.write(`engine, one row a request, ${IN_FLIGHT} in flight: ${saturated.toFixed(0)} rows/s, `)
  process.stdout.write(`${(saturated / best).toFixed(2)} of the best bare rate\n`)
  const { p50Ms, p99Ms, rate } = await openLoop(subject, LOAD * saturated)
  const runMs = 1000 / (bare[0]?.rate ?? 1)
  process.stdout.write(
    `engine, open loop at ${rate.toFixed(0)} rows/s: p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, `,
  )
  process.stdout.write(`${(p99Ms / runMs).toFixed(1)} times a run of one row (${runMs.toFixed(2)} ms)\n`)
}

/** Seeded rows, and what the CPU answers to each. */
async function subjectOf(engine: Engine, bytes: Uint8Array): Promise<Subject> {
  const session = await InferenceSession.create(bytes, { executionProviders: ['cpu'] })
  const input = session.inputNames[0] ?? ''
  const output = session.outputNames[0] ?? ''
  const [field] = session.inputMetadata
  const rowDims = field?.isTensor === true ? field.shape.slice(1).map(Number) : []
  const size = rowDims.reduce((product, dim) => product * dim, 1)
  if (!Number.isSafeInteger(size)) throw new Error('Expected a model whose dims are fixed but for the first one')
  const draw = seeded(29)
  const rows = Array.from({ length: SAMPLES }, () => Float32Array.from({ length: size }, draw))
  const expected: Float32Array[] = []
  for (const row of rows) {
    const answers = await session.run({ [input]: new Tensor('float32', row, [1, ...rowDims]) })
    expected.push((answers[output]?.data as Float32Array).slice())
  }
  await session.release()
  return { engine, input, output, rowDims, rows, expected }
}

async function bareRates(subject: Subject, bytes: Uint8Array): Promise<{ rows: number; rate: number }[]> {
  const session = await InferenceSession.create(bytes, { executionProviders: [provider] })
  const rates: { rows: number; rate: number }[] = []
  for (const rows of BATCHES) {
    const size = subject.rows[0]?.length ?? 0
    const data = Float32Array.from({ length: rows * size }, seeded(rows))
    const feeds = { [subject.input]: new Tensor('float32', data, [rows, ...subject.rowDims]) }
    for (let i = 0; i < 5; i++) await session.run(feeds)
    const start = performance.now()
    let runs = 0
    while (performance.now() - start < durationMs / BATCHES.length) {
      await session.run(feeds)
      runs++
    }
    rates.push({ rows, rate: (runs * rows * 1000) / (performance.now() - start) })
  }
  await session.release()
  return rates
}

async function closedLoop(subject: Subject): Promise<number> {
  const start = performance.now()
  let answered = 0
  const caller = async (offset: number): Promise<void> => {
    for (let i = offset; performance.now() - start < durationMs; i++) {
      await ask(subject, i)
      answered++
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, (_, offset) => caller(offset)))
  return (answered * 1000) / (performance.now() - start)
}

/** Latencies from the time a request was due, so that a late generator hides nothing. */
async function openLoop(subject: Subject, rate: number): Promise<{ p50Ms: number; p99Ms: number; rate: number }> {
  const draw = seeded(7)
  const latencies: number[] = []
  const pending: Promise<void>[] = []
  const start = performance.now()
  let dueMs = 0
  for (let i = 0; dueMs < durationMs;) {
    const nowMs = performance.now() - start
    for (; dueMs <= nowMs && dueMs < durationMs; i++) {
      const dueAtMs = start + dueMs
      pending.push(ask(subject, i).then(() => void latencies.push(performance.now() - dueAtMs)))
      dueMs += (-Math.log(1 - draw()) * 1000) / rate
    }
    await new Promise((resume) => setImmediate(resume))
  }
  await Promise.all(pending)
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99), rate: (latencies.length * 1000) / durationMs }
}

async function ask({ engine, input, output, rowDims, rows, expected }: Subject, index: number): Promise<void> {
  const sample = index % SAMPLES
  const data = rows[sample] as Float32Array
  const { outputs } = await engine.infer('m', {
    inputs: { [input]: { dtype: 'float32', shape: [1, ...rowDims], data } },
  })
  const answer = outputs[output]?.data as Float32Array
  expected[sample]?.forEach((value, i) => {
    const received = answer[i] ?? NaN
    if (!(Math.abs(received - value) <= 1e-4 + 1e-2 * Math.abs(value)))
      throw new Error(
        `Expected ${value} at ${i} of answer ${sample} but received ${received}: no figure is worth anything`,
      )
  })
}
