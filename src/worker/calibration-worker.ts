/**
 * A calibration thread: runs one model on random inputs and tells how long it took. It stands beside the inference
 * workers, not among them, so that a deploy takes turns with what serves by the operating system's grace, in slices of
 * milliseconds, instead of holding a worker through a long run.
 *
 * Sessions are made by the code that makes the workers' and inputs are fresh views for each run, as a worker makes them:
 * what is measured is what a worker will do. Sessions and inputs are kept until the next model.
 */
import { readFileSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { systemClock } from '../base/clock.js'
import { seededRandom } from '../base/random.js'
import { median } from '../base/median.js'
import type { NumericData } from '../tensor/dtype.js'
import type { CalibrationReply, CalibrationRequest, MeasuredModel, MeasuredRun } from './calibration-messages.js'
import { openSession } from './model-session.js'
import { makeTensor, runtimeReason } from './ort-tensor.js'
import { sampleData, sampleDims } from './sample-inputs.js'

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
let kept: { rows: number; innerSize: number; data: readonly NumericData[] } | null = null
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
    return await repeat(session, feedsOf(request.run), request.kind === 'warm' ? 0 : request.sliceUs)
  } catch (error) {
    return { kind: 'refused', reason: runtimeReason(error) }
  }
}

async function repeat(session: InferenceSession, inputs: Feeds, sliceUs: number): Promise<CalibrationReply> {
  const runsUs: number[] = []
  const waitedBeforeUs = readWaitedUs()
  const startUs = systemClock.monotonicUs()
  let beforeUs = startUs
  let afterUs = startUs
  let count = 0
  do {
    const tensors: Record<string, OrtTensor> = {}
    for (const { name, dtype, data, dims } of inputs) tensors[name] = makeTensor(dtype, data, dims)
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

/** Those of the largest batch so far are kept; a smaller one takes their first rows. */
function feedsOf({ rows, innerSize }: MeasuredRun): Feeds {
  if (kept === null || kept.innerSize !== innerSize || kept.rows < rows) {
    const random = seededRandom(SEED)
    const inputs = (model?.inputs ?? []).map(({ dtype, ...field }) => {
      const elements = countOf(sampleDims({ dtype, ...field }, rows, innerSize))
      return sampleData(dtype, elements, random) as NumericData
    })
    kept = { rows, innerSize, data: inputs }
  }
  const { data } = kept
  return (model?.inputs ?? []).map((field, index) => {
    const dims = sampleDims(field, rows, innerSize)
    return { name: field.name, dtype: field.dtype, dims, data: (data[index] as NumericData).subarray(0, countOf(dims)) }
  })
}

function countOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

async function releaseAll(): Promise<void> {
  kept = null
  for (const session of sessions.values()) await session.release()
  sessions.clear()
}
