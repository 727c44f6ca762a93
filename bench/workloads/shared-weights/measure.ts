/**
 * One measurement, in a process of its own (a fork of this file): an engine with m workers serves a large model, every
 * worker runs it, and the process then reports its memory. Figures of a process that served something before would hold
 * what its allocator kept.
 *
 * rss counts a page of a mapped file once for every mapping of it, so that m workers on one file look like m copies;
 * pss divides by the mappings, and is what the machine, and a container's memory limit, really gives.
 */
import { createHash } from 'node:crypto'
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { Engine, Home, type InferResult } from '../../../src/index.js'
import { memoryOf } from '../../harness/memory.js'
import { projectRoot } from '../../harness/project.js'
import { seeded } from './dense-model.js'

export interface MeasureTask {
  /** Holds the model `dense`. */
  readonly home: string
  readonly workers: number
  readonly width: number
  /** Absent: natively, where that can be had. */
  readonly runs?: 'native' | 'onnxruntime-node'
}

export interface Measurement {
  readonly workers: number
  readonly rssMib: number
  readonly pssMib: number
  readonly peakRssMib: number
  /** Hash of the answers to the same requests: equal or something is wrong. */
  readonly answers: string
  /** Milliseconds of one run of one row, median. */
  readonly runMs: number
  readonly notices: readonly string[]
}

const REQUESTS_PER_WORKER = 16
const REQUESTS_KEPT = 16

/** Measures in a fresh process. @throws Error when it fails. */
export function measureInChild(task: MeasureTask): Promise<Measurement> {
  const file = join(projectRoot, 'dist/bench/workloads/shared-weights/measure.js')
  const child = fork(file, [JSON.stringify(task)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Measurement))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`The measuring process ended with ${String(code)}`)))
  })
}

if (process.send !== undefined && process.argv[1]?.endsWith('measure.js') === true) {
  process.send(await measure(JSON.parse(process.argv[2] ?? '{}') as MeasureTask))
}

async function measure({ home: path, workers, width, runs }: MeasureTask): Promise<Measurement> {
  const notices: string[] = []
  const home = await Home.open({ path })
  const engine = await Engine.open({
    models: home.models,
    inferWorkers: workers,
    runs,
    // Its threads would map the weights once more, for as long as they measure.
    calibration: 'off',
    // One row a batch, so that many requests reach every worker.
    batchRowsMax: 1,
    onNotice: ({ message }) => notices.push(message),
  })
  try {
    await engine.applyPipeline({ name: 'dense', steps: [{ type: 'model', model: 'dense' }] }, { deploy: true })
    const answers = await Promise.all(
      requests(width, Math.max(REQUESTS_KEPT, REQUESTS_PER_WORKER * workers)).map((x) =>
        engine.infer('dense', { inputs: { x } }),
      ),
    )
    const memory = { ...memoryOf('self'), peakRssMib: process.resourceUsage().maxRSS / 1024 }
    const runMs = await medianRunMs(engine, width)
    return { workers, ...memory, answers: hashOf(answers.slice(0, REQUESTS_KEPT)), runMs, notices }
  } finally {
    await engine.close()
    await home.close()
  }
}

function requests(width: number, count: number): Float32Array[] {
  const draw = seeded(11)
  return Array.from({ length: count }, () => Float32Array.from({ length: width }, draw))
}

async function medianRunMs(engine: Engine, width: number): Promise<number> {
  const times: number[] = []
  for (const x of requests(width, 21)) {
    const start = performance.now()
    await engine.infer('dense', { inputs: { x } })
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)[10] ?? 0
}

function hashOf(answers: readonly InferResult[]): string {
  const hash = createHash('sha256')
  for (const { outputs } of answers) hash.update(outputs['y']?.data as Float32Array)
  return hash.digest('hex').slice(0, 16)
}
