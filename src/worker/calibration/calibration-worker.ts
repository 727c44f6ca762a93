/**
 * A calibration thread: runs one model on random inputs and reports how long it took. It stands beside the inference
 * workers, not among them, so that a deploy takes turns with what serves by the operating system's grace, in slices of
 * milliseconds, instead of holding a worker through a long run.
 *
 * Sessions are made by the code that makes the workers' and inputs are fresh views for each run, as a worker makes them:
 * what is measured is what a worker will do. Each run takes other rows than the one before: on the same few rows again
 * and again a forest's branches are all predicted, and a batch of 16 looks twice as fast as it will be in life.
 * Sessions and inputs are kept until the next model.
 */
import { readFileSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { systemClock } from '../../base/clock.js'
import { seededRandom } from '../../base/random.js'
import { median } from '../../base/median.js'
import type { NumericData } from '../../tensor/dtype.js'
import type { CalibrationReply, CalibrationRequest, MeasuredModel, MeasuredRun } from './calibration-messages.js'
import { openSession } from '../sessions/node-runner.js'
import { makeTensor } from '../sessions/ort-tensor.js'
import { runtimeReason } from '../sessions/runtime-reason.js'
import { sampleData, sampleDims } from '../sessions/sample-inputs.js'

type Feeds = readonly {
  readonly name: string
  readonly dtype: MeasuredModel['inputs'][number]['dtype']
  readonly data: NumericData
  readonly dims: readonly number[]
}[]

const SEED = 20_261_121
/** Runs of one slice whose times are kept: a cheap model makes thousands. */
const RUNS_KEPT_MAX = 256

const sessions = new Map<string, InferenceSession>()
/** Rows to draw from: more than branch predictors and small caches remember, within bytes that are quickly drawn. */
const POOL_ROWS = 1024
const POOL_ELEMENTS_MAX = 2 ** 21
let pool: { rows: number; innerSize: number; data: readonly NumericData[] } | null = null
let model: MeasuredModel | null = null

parentPort?.on('message', (request: CalibrationRequest) => {
  void answer(request).then((reply) => {
    if (reply !== null) parentPort?.postMessage(reply)
  })
})

async function answer(request: CalibrationRequest): Promise<CalibrationReply | null> {
  try {
    if (request.kind === 'begin') {
      await releaseAll()
      model = request.model
      return { kind: 'done', medianUs: 0, meanUs: 0, waitedShare: 0 }
    }
    if (request.kind === 'end') {
      await releaseAll()
      parentPort?.close()
      return null
    }
    const session = await sessionOf(request.run)
    return await repeat(session, request.run, request.kind === 'warm' ? 0 : request.sliceUs)
  } catch (error) {
    return { kind: 'refused', reason: runtimeReason(error) }
  }
}

async function repeat(session: InferenceSession, run: MeasuredRun, sliceUs: number): Promise<CalibrationReply> {
  fillPool(run)
  const runsUs: number[] = []
  const waitedBeforeUs = readWaitedUs()
  const startUs = systemClock.monotonicUs()
  let beforeUs = startUs
  let afterUs = startUs
  let count = 0
  do {
    const tensors: Record<string, OrtTensor> = {}
    for (const { name, dtype, data, dims } of feedsOf(run, count)) tensors[name] = makeTensor(dtype, data, dims)
    await session.run(tensors)
    afterUs = systemClock.monotonicUs()
    runsUs[count++ % RUNS_KEPT_MAX] = afterUs - beforeUs
    beforeUs = afterUs
  } while (afterUs - startUs < sliceUs)
  const elapsedUs = afterUs - startUs
  const waitedShare = Math.max(0, (readWaitedUs() - waitedBeforeUs) / elapsedUs)
  return { kind: 'done', medianUs: median(runsUs), meanUs: elapsedUs / count, waitedShare }
}

/** How long this thread has waited for a core since its birth, as Linux counts it; elsewhere 0: nothing is known. */
function readWaitedUs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1000
  } catch {
    return 0
  }
}

async function sessionOf({ settings }: MeasuredRun): Promise<InferenceSession> {
  const key = JSON.stringify(settings)
  let session = sessions.get(key)
  if (session === undefined) {
    if (model === null) throw new Error('Expected a model to be named before it is run')
    ;({ session } = await openSession(model, settings))
    sessions.set(key, session)
  }
  return session
}

/** Draws the rows of the runs to come, unless those that are there suffice. */
function fillPool({ rows, innerSize }: MeasuredRun): void {
  if (pool !== null && pool.innerSize === innerSize && pool.rows >= rows) return
  const fields = model?.inputs ?? []
  const rowElements = fields.map((field) => countOf(sampleDims(field, 1, innerSize)))
  const rowsAllowed = Math.floor(POOL_ELEMENTS_MAX / Math.max(1, ...rowElements))
  const poolRows = Math.max(rows, Math.min(POOL_ROWS, rowsAllowed))
  const random = seededRandom(SEED)
  const data = fields.map((field, i) => {
    const elements = poolRows * (rowElements[i] as number)
    const width = sampleDims(field, 1, innerSize).at(-1)
    return sampleData(field.dtype, elements, random, field.hint, width) as NumericData
  })
  pool = { rows: poolRows, innerSize, data }
}

/** The rows behind those of the run before; from the first again where they end. */
function feedsOf({ rows, innerSize }: MeasuredRun, runIndex: number): Feeds {
  if (pool === null) throw new Error('Expected inputs to be drawn before a run')
  const { data, rows: poolRows } = pool
  const firstRow = (runIndex % Math.floor(poolRows / rows)) * rows
  return (model?.inputs ?? []).map((field, index) => {
    const dims = sampleDims(field, rows, innerSize)
    const start = firstRow * countOf(sampleDims(field, 1, innerSize))
    const values = (data[index] as NumericData).subarray(start, start + countOf(dims))
    return { name: field.name, dtype: field.dtype, dims, data: values }
  })
}

function countOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

async function releaseAll(): Promise<void> {
  pool = null
  for (const session of sessions.values()) await session.release()
  sessions.clear()
}
