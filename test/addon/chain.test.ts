/**
 * Between two steps of a pipeline no tensor bytes pass through JavaScript: rows go from batch to batch inside the addon.
 *
 * A gauge counts every byte that calls of the addon are given or give back. In the I/O isolate a request costs its inputs
 * in and its answer out, once, however many steps it has. A worker's calls carry nothing at all: what ONNX Runtime reads
 * and writes are views of the batches' own memory. An output whose shape is known only after the run is the exception,
 * copied in by `setOutput`; it shows that the gauge would notice.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { Engine, pipeline as buildPipeline } from 'penstock'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { addon } from '../../bindings/native.js'
import type { Native, PipelineHandle, PlanSpec, PortHandle, QueueHandle } from '../../bindings/native.js'
import { Submissions } from '../../bindings/submissions.js'
import { BatchRunner } from '../../src/worker/inference/batch-runner.js'
import { openModelSession, type ModelSession } from '../../src/worker/sessions/model-session.js'
import type { NodeRunner } from '../../src/worker/sessions/node-runner.js'
import { defaultSessionSettings } from '../../src/worker/sessions/session-options.js'
import { submission } from '../support/submission.js'

/** 12 floats in, 12 floats out, so that it can follow itself. */
const modelPath = fileURLToPath(new URL('../../examples/models/wine-scaler/model.onnx', import.meta.url))
const width = 12
const rows = 7
const tensorBytes = 4 * width * rows
const FLOAT32 = 1
const ANSWERED = 1
const x = Float32Array.from({ length: width * rows }, (_value, index) => index / 3)

/** Views of the addon's own bookkeeping; everything else that holds bytes may be a tensor's. */
const bookkeeping = new Set(['events', 'workerInfo', 'elapsedNs'])

/** Bytes by name of the call, of those that carried any. */
class Gauge {
  readonly bytes = new Map<string, number>()

  count(name: string, values: readonly unknown[]): void {
    const bytes = bookkeeping.has(name) ? 0 : bytesIn(values)
    if (bytes > 0) this.bytes.set(name, (this.bytes.get(name) ?? 0) + bytes)
  }

  read(): Record<string, number> {
    const bytes = Object.fromEntries(this.bytes)
    this.bytes.clear()
    return bytes
  }
}

function bytesIn(value: unknown): number {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + bytesIn(item), 0)
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce((sum, [name, item]) => sum + (bookkeeping.has(name) ? 0 : bytesIn(item)), 0)
}

describe('steps: in the I/O isolate', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('steps: a request crosses once in and once out, with one step or with nine', async () => {
    const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    try {
      await engine.addModel('step', await readFile(modelPath))
      await chainOf(engine, 1).deploy()
      await chainOf(engine, 9).deploy()
      const gauge = new Gauge()
      spyOnAddon(gauge)
      for (const steps of [1, 9]) {
        await engine.infer(`chain-${steps}`, {
          inputs: { [inputName]: { dtype: 'float32', shape: [rows, width], data: x } },
        })
        expect(gauge.read(), `${steps} steps`).toEqual({ submit: tensorBytes, readAnswer: tensorBytes })
      }
    } finally {
      await engine.close()
    }
  })
})

function chainOf(engine: Engine, steps: number): ReturnType<typeof buildPipeline> {
  const chain = buildPipeline(`chain-${steps}`, engine)
  for (let step = 0; step < steps; step++) chain.model('step')
  return chain
}

/** The engine's calls, too: one library, one object of exports in an isolate. */
function spyOnAddon(gauge: Gauge): void {
  const calls = addon as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const [name, call] of Object.entries(calls)) {
    vi.spyOn(calls, name).mockImplementation((...args) => {
      const result = call(...args)
      gauge.count(name, [args, result])
      return result
    })
  }
}

let model: ModelSession
let inputName: string
type Tensors = Record<string, OrtTensor & { data: Float32Array }>

/** The memory that ONNX Runtime read and wrote, by run. */
const runMemory: Set<ArrayBufferLike>[] = []

beforeAll(async () => {
  const settings = {
    settings: defaultSessionSettings,
    latencySettings: null,
    runInputBytesMax: null,
    hasRowChecks: false,
  }
  const source = {
    label: 'step',
    path: modelPath,
    bytes: null,
    preparedPath: null,
    modelKey: 1,
    isNonBatching: false,
    isGraphProven: true,
    warmUpRuns: [],
  }
  const form = { ...source, ...settings, instances: 1, shared: null }
  const opened = await openModelSession(form, { index: 0, handle: null })
  inputName = opened.inputNames[0] as string
  const { session, fields, way } = opened.runner as NodeRunner
  const runner = { way, fields, session: watchRuns(session) } as NodeRunner
  model = { ...opened, runner, latencyRunner: runner }
})

/**
 * Notes what a run reads and writes. onnxruntime-node returns a copy of each result besides what it wrote in place; they
 * are spoilt here, so that an answer that was right came from the batch.
 */
function watchRuns(session: InferenceSession): InferenceSession {
  const run = async (inputBindings: Tensors, fetches: Tensors) => {
    const results = await session.run(inputBindings, fetches)
    const inPlace = Object.values(fetches).filter((tensor) => tensor !== null)
    runMemory.push(new Set([...Object.values(inputBindings), ...inPlace].map(({ data }) => data.buffer)))
    for (const name of Object.keys(fetches)) if (fetches[name] !== null) (results[name]?.data as Float32Array).fill(NaN)
    return results
  }
  return { run } as unknown as InferenceSession
}

describe('steps: in a worker', () => {
  it('steps: a step runs on views of its batch, and no call carries bytes', async () => {
    const { buffers, infer } = openChain(3, [width])
    const cold = await infer()
    expect(Object.keys(cold.carried)).toEqual(['batchBuffer'])
    const warm = await infer()
    expect(warm.carried).toEqual({})
    expect(warm.answer).toEqual(cold.answer)
    expect(Math.abs(warm.answer[0] as number)).toBeGreaterThan(0)
    // Each run stayed in one buffer, and those are the addon's own.
    expect(runMemory).toHaveLength(6)
    for (const memory of runMemory) {
      expect(memory.size).toBe(1)
      expect(buffers.has([...memory][0] as ArrayBuffer)).toBe(true)
    }
  })

  it('steps: a worker lets go of the memory of all batches when the addon has freed some', async () => {
    const { buffers, queues, infer } = openChain(3, [width])
    await infer()
    await infer()
    expect(buffers.size).toBe(3)
    // Rows of another number to a batch: the first queue's batches go.
    addon.limitQueue(queues[0] as QueueHandle, 1, tensorBytes)
    const { answer } = await infer()
    expect(buffers.size).toBe(6)
    expect(answer).toHaveLength(rows * width)
  })

  it('steps: the gauge sees outputs that JavaScript hands over, which are those of unknown shape', async () => {
    const { infer } = openChain(2, [-1])
    await infer()
    const { carried } = await infer()
    expect(carried).toEqual({ setOutput: tensorBytes })
  })
})

/** A chain of `steps` queues in a runtime of its own, whose only worker is this thread. */
function openChain(steps: number, outputDims: number[]) {
  const runtime = addon.createRuntime(true, 0, 2 ** 30)
  closing.push(() => addon.closeRuntime(runtime))
  // All steps but the last write what the next one reads; only the last may leave its shape open.
  const queues = Array.from({ length: steps }, (_value, step) =>
    openQueue(runtime, step === steps - 1 ? outputDims : [width]),
  )
  const chain = addon.createPipeline()
  addon.setPlan(chain, addon.createPlan(planOf(queues)))
  const port = addon.openPort(runtime, () => undefined, 16)
  const gauge = new Gauge()
  const buffers = new Set<ArrayBuffer>()
  const watched = watchAddon(gauge, buffers)
  const worker = addon.openWorker(runtime, 0)
  const runner = new BatchRunner(watched, worker, new Map([[1, model]]))
  const infer = async () => {
    const request = send(port, chain)
    for (let step = 0; step < steps; step++) {
      expect(addon.take(worker, 1000)).toBe(1)
      await runner.runBatch()
    }
    return { carried: gauge.read(), answer: receive(port, request) }
  }
  return { buffers, queues, infer }
}

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function openQueue(runtime: number, outputDims: number[]): QueueHandle {
  return addon.createQueue(runtime, {
    modelKey: 1,
    inputs: [{ dtype: FLOAT32, dims: [width] }],
    outputs: [{ dtype: FLOAT32, dims: outputDims }],
    batching: 0,
    batchRowsMax: 16,
    batchBytesMax: 1 << 16,
    pendingRowsMax: [1000, 100],
    maxDelayUs: 0,
    isPageLocked: false,
  })
}

function planOf(queues: readonly QueueHandle[]): PlanSpec {
  const outputOf = (stage: number) => ({ stage, position: 0, side: 1 as const, slots: [0] })
  const positionOf = (queue: QueueHandle, stage: number) => ({
    options: [
      { queue, label: 'step', inputBindings: [{ requestInput: 0, source: stage === 0 ? null : outputOf(stage - 1) }] },
    ],
    split: -1,
    isBackground: false,
  })
  return {
    planKey: 1,
    inputs: [{ dtype: FLOAT32, dims: [width] }],
    isNonBatching: false,
    requestRowsMax: 100,
    splits: [],
    stages: queues.map((queue, stage) => ({ positions: [positionOf(queue, stage)] })),
    checks: [],
    answer: [outputOf(queues.length - 1)],
    others: [],
    routeSplit: -1,
    log: null,
  }
}

/** The addon as a worker's code sees it, every call counted; `buffers` collects the memory of batches. */
function watchAddon(gauge: Gauge, buffers: Set<ArrayBuffer>): Native {
  return new Proxy(addon, {
    get:
      (target, name: keyof Native) =>
      (...args: unknown[]) => {
        const result = (target[name] as (...args: unknown[]) => unknown)(...args)
        if (name === 'batchBuffer') buffers.add(result as ArrayBuffer)
        gauge.count(name, [args, result])
        return result
      },
  })
}

function send(port: PortHandle, chain: PipelineHandle): number {
  const request = new Submissions(port).submit(chain, submission(rows, [x]))
  expect(request).toBeGreaterThan(0)
  addon.flush(port)
  return request
}

function receive(port: PortHandle, request: number): number[] {
  expect(addon.drain(port)).toBe(1)
  expect(addon.events(port)[0]).toBe(ANSWERED)
  return Array.from(new Float32Array(addon.readAnswer(port, request).outputs[0] as ArrayBuffer))
}
