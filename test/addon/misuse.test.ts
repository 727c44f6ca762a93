/**
 * Misuse of the addon: every entry × every handle that it must not accept. A wrong kind, a closed one, one that came
 * through structured clone (another isolate's) or no handle at all throws a TypeError with code ERR_HANDLE, and nothing
 * is broken afterwards: the same runtime still answers. A crash would end the test process, which is the point.
 */
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SubmissionSlot } from '../../bindings/generated/boundary.js'
import { addon } from '../../bindings/native.js'
import type {
  EncodedBatch,
  LogHandle,
  LogSpec,
  NativeColumnsSpec,
  NativeTransformSpec,
  PipelineHandle,
  PlanHandle,
  PlanSpec,
  PortHandle,
  QueueHandle,
  RowMemberSpec,
  RowsFormHandle,
  RowsFormSpec,
  TransformHandle,
  WorkerHandle,
} from '../../bindings/native.js'
import { submission } from '../support/submission.js'
import { Submissions } from '../../bindings/submissions.js'

const FLOAT32 = 1
let runtime: number
let queue: QueueHandle
let plan: PlanHandle
let pipeline: PipelineHandle
let port: PortHandle
let submissions: Submissions
let log: LogHandle
let worker: WorkerHandle
let rowsForm: RowsFormHandle
const rowSpec = addon.makeRowSpec({
  fields: [
    { name: 'x', dtype: FLOAT32, dims: [2] },
    { name: 'n', dtype: 7 },
  ],
})
const noForm: RowsFormSpec = { features: [], members: [], isNarrowed: [false, false], keys: [] }

const noColumns: NativeColumnsSpec = {
  input: null,
  inputColumns: [],
  freeDims: [],
  output: null,
  outputColumns: [],
  signature: '',
}

const logSpec: LogSpec = {
  directory: '/nowhere',
  schema: new Uint8Array(8),
  columns: [],
  keys: [],
  durability: 0,
  sampleRate: 1,
  seed: 1n,
  refusesWhileFailing: false,
  segmentBytesMax: 1,
  segmentMsMax: 1,
}

const batch: EncodedBatch = { message: new Uint8Array(8), rows: 1, firstMs: 0, lastMs: 0 }

function planSpec(of: QueueHandle): PlanSpec {
  return {
    planKey: 1,
    inputs: [{ dtype: FLOAT32, dims: [2] }],
    isNonBatching: false,
    requestRowsMax: 100,
    splits: [],
    stages: [
      {
        positions: [
          {
            options: [{ label: 'm', queue: of, inputBindings: [{ requestInput: 0, source: null }] }],
            split: -1,
            isBackground: false,
          },
        ],
      },
    ],
    checks: [],
    answer: [{ stage: 0, position: 0, side: 1, slots: [0] }],
    others: [],
    routeSplit: -1,
    log: null,
  }
}

beforeAll(() => {
  runtime = addon.createRuntime(true, 0, 2 ** 30)
  queue = addon.createQueue(runtime, {
    modelKey: 3,
    inputs: [{ dtype: FLOAT32, dims: [2] }],
    outputs: [{ dtype: FLOAT32, dims: [1] }],
    batching: 0,
    batchRowsMax: 16,
    batchBytesMax: 1 << 16,
    pendingRowsMax: [1000, 100],
    maxDelayUs: 0,
    isPageLocked: false,
  })
  plan = addon.createPlan(planSpec(queue))
  pipeline = addon.createPipeline()
  addon.setPlan(pipeline, plan)
  port = addon.openPort(runtime, () => undefined, 16)
  submissions = new Submissions(port)
  log = addon.createLog(runtime, pipeline, logSpec)
  worker = addon.openWorker(runtime, 0)
  rowsForm = addon.makeRowsForm(rowSpec, plan, { ...noForm, features: [{ field: 0, input: 0, start: 0 }] })
})
afterAll(() => {
  addon.closeRuntime(runtime)
})

/** Sends one row through the runtime by hand; proves that what came before broke nothing. */
function expectAnswered(): void {
  const request = submissions.submit(pipeline, submission(1, [Float32Array.of(2, 3)]))
  expect(request).toBeGreaterThan(0)
  addon.flush(port)
  expect(addon.take(worker, 1000)).toBe(1)
  const { inputs, outputs } = addon.bucketLayout(worker)
  const buffer = addon.batchBuffer(worker)
  const x = new Float32Array(buffer, inputs[0]?.offsetBytes, 2)
  new Float32Array(buffer, outputs[0]?.offsetBytes, 1)[0] = (x[0] ?? 0) * (x[1] ?? 0)
  addon.completeBatch(worker, 0, 1)
  expect(addon.drain(port)).toBe(1)
  expect(Array.from(new Float32Array(addon.readAnswer(port, request).outputs[0] as ArrayBuffer))).toEqual([6])
  expect(addon.inFlight(port)).toBe(0)
}

/** Each entry with its handle as the only unknown. */
const entries: Record<string, (handle: never) => unknown> = {
  queueStats: (handle) => addon.queueStats(handle),
  'createLog(pipeline)': (handle) => addon.createLog(runtime, handle, logSpec),
  'appendLog(log)': (handle) => addon.appendLog(handle, port, 1, batch),
  'appendLog(port)': (handle) => addon.appendLog(log, handle, 1, batch),
  drawLogSample: (handle) => addon.drawLogSample(handle),
  logFault: (handle) => addon.logFault(handle),
  'flushLog(log)': (handle) => addon.flushLog(handle, port, 1),
  'flushLog(port)': (handle) => addon.flushLog(log, handle, 1),
  'closeLog(log)': (handle) => addon.closeLog(handle, port, 1),
  'closeLog(port)': (handle) => addon.closeLog(log, handle, 1),
  logStats: (handle) => addon.logStats(handle),
  'createPlan(log)': (handle) => addon.createPlan({ ...planSpec(queue), log: handle }),
  limitQueue: (handle) => addon.limitQueue(handle, 1, 8),
  'createPlan(queue)': (handle) => addon.createPlan(planSpec(handle)),
  'setPlan(pipeline)': (handle) => addon.setPlan(handle, plan),
  'setPlan(plan)': (handle) => addon.setPlan(pipeline, handle),
  'bindColumns(plan)': (handle) => addon.bindColumns(handle, noColumns),
  'bindColumns(input)': (handle) => addon.bindColumns(plan, { ...noColumns, input: handle }),
  'bindColumns(output)': (handle) => addon.bindColumns(plan, { ...noColumns, output: handle }),
  planInFlight: (handle) => addon.planInFlight(handle),
  pipelineStats: (handle) => addon.pipelineStats(handle),
  route: (handle) => addon.route(handle, 0, 1, null),
  shareId: (handle) => addon.shareId(handle),
  closeWorker: (handle) => addon.closeWorker(handle),
  workerInfo: (handle) => addon.workerInfo(handle),
  take: (handle) => addon.take(handle, 0),
  bucketLayout: (handle) => addon.bucketLayout(handle),
  batchBuffer: (handle) => addon.batchBuffer(handle),
  batchEntries: (handle) => addon.batchEntries(handle),
  setOutput: (handle) => addon.setOutput(handle, 0, new Float32Array(1), [1, 1], 0),
  failEntry: (handle) => addon.failEntry(handle, 0, ''),
  completeBatch: (handle) => addon.completeBatch(handle, 0, 1),
  takeJob: (handle) => addon.takeJob(handle),
  completeJob: (handle) => addon.completeJob(handle, 1, new Uint8Array()),
  postJob: (handle) => addon.postJob(handle, -1, 1, new Uint8Array()),
  closePort: (handle) => addon.closePort(handle),
  submission: (handle) => addon.submission(handle),
  'submitJson(port)': (handle) => addon.submitJson(handle, pipeline, new Uint8Array(2), null),
  'submitJson(pipeline)': (handle) => addon.submitJson(port, handle, new Uint8Array(2), null),
  'submit(port)': (handle) => addon.submit(handle, pipeline, [new Float32Array(2)], null, null),
  'submit(pipeline)': (handle) => addon.submit(port, handle, [new Float32Array(2)], null, null),
  lastFailure: (handle) => addon.lastFailure(handle),
  flush: (handle) => addon.flush(handle),
  cancel: (handle) => addon.cancel(handle, 1),
  expire: (handle) => addon.expire(handle),
  drain: (handle) => addon.drain(handle),
  events: (handle) => addon.events(handle),
  outbox: (handle) => addon.outbox(handle),
  readAnswer: (handle) => addon.readAnswer(handle, 1),
  readFailure: (handle) => addon.readFailure(handle, 1),
  inFlight: (handle) => addon.inFlight(handle),
  openConnection: (handle) => addon.openConnection(handle, 1),
  closeConnection: (handle) => addon.closeConnection(handle, 0),
  openChannel: (handle) => addon.openChannel(handle, 0, 0, pipeline, false),
  closeChannel: (handle) => addon.closeChannel(handle, 0, 0),
  setCongested: (handle) => addon.setCongested(handle, 0, true),
  acknowledge: (handle) => addon.acknowledge(handle, 0, 1),
  cancelWebSocket: (handle) => addon.cancelWebSocket(handle, 0, 0, 0),
  readRows: (handle) => addon.readRows(handle, new Uint8Array(8)),
  takeRows: (handle) => addon.takeRows(handle, new Uint8Array(8), false, 1, 1024),
  'makeRowsForm(spec)': (handle) => addon.makeRowsForm(handle, plan, noForm),
  'makeRowsForm(plan)': (handle) => addon.makeRowsForm(rowSpec, handle, noForm),
  'submitRows(port)': (handle) => addon.submitRows(handle, pipeline, rowsForm, new Uint8Array(2), null),
  'submitRows(pipeline)': (handle) => addon.submitRows(port, handle, rowsForm, new Uint8Array(2), null),
  'submitRows(form)': (handle) => addon.submitRows(port, pipeline, handle, new Uint8Array(2), null),
  checkColumns: (handle) => addon.checkColumns(handle, [], 0),
  receive: (handle) => addon.receive(handle, 0, new ArrayBuffer(8)),
}

const strangers: Record<string, () => unknown> = {
  nothing: () => undefined,
  null: () => null,
  'a number': () => 7,
  'a plain object': () => ({}),
  'a typed array': () => new Uint8Array(8),
  'a clone, as another isolate would get it': () => structuredClone({ ...queue }),
  'a proxy of a real one': () => new Proxy(port, {}),
  'a handle of no kind that the entry takes': () => addon.createPlan({ ...planSpec(queue), stages: [], answer: [] }),
}

/** setPlan(null) undeploys, plans may have no log and no programs, and the last stranger is a plan, which some entries take. */
function isAccepted(entry: string, stranger: string): boolean {
  const takesNull = ['setPlan(plan)', 'createPlan(log)', 'bindColumns(input)', 'bindColumns(output)']
  if (stranger === 'null') return takesNull.includes(entry)
  const takesPlan = ['setPlan(plan)', 'planInFlight', 'route', 'makeRowsForm(plan)', 'bindColumns(plan)']
  return stranger.startsWith('a handle') && takesPlan.includes(entry)
}

for (const [entry, call] of Object.entries(entries)) {
  for (const [stranger, make] of Object.entries(strangers)) {
    if (isAccepted(entry, stranger)) continue
    test(`addon: ${entry} refuses ${stranger}`, () => {
      expect(() => call(make() as never)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_HANDLE' }))
    })
  }
}

test('addon: after every refusal the runtime still answers', () => {
  expectAnswered()
})

test('addon: a form of rows that does not fit its plan or contract is refused, in a sentence', () => {
  const whole = { field: 0, input: 0, start: 0 }
  const form: RowsFormSpec = { ...noForm, features: [whole] }
  const member: RowMemberSpec = {
    kind: 1,
    head: '"y":',
    field: 0,
    source: 0,
    column: -1,
    isScalar: true,
    dtype: 1,
    text: '',
  }
  const refused: [RowsFormSpec, RegExp][] = [
    [noForm, /features to fill each input/],
    [{ ...form, isNarrowed: [false] }, /isNarrowed to have one entry a field/],
    [{ ...form, features: [{ ...whole, field: 2 }] }, /features of known fields/],
    [{ ...form, features: [{ ...whole, input: 1 }] }, /features of known fields/],
    [{ ...form, features: [{ ...whole, start: 1 }] }, /features inside their input/],
    [{ ...form, features: [whole, whole] }, /features to fill each input/],
    [{ ...form, features: [{ field: 1, input: 0, start: 0 }] }, /dtype that always fits/],
    [{ ...form, members: [{ ...member, source: 1 }] }, /members of known outputs/],
    [{ ...form, members: [{ ...member, column: 1 }] }, /members inside their output/],
    [{ ...form, members: [{ ...member, dtype: 7 }] }, /the contract's dtype/],
    [{ ...form, members: [{ ...member, kind: 0 }] }, /echoes of scalars/],
    [{ ...form, members: [{ ...member, kind: 3 as never }] }, /kind to be an integer from 0 to 2/],
  ]
  for (const [spec, sentence] of refused) {
    expect(() => addon.makeRowsForm(rowSpec, plan, spec), String(sentence)).toThrow(sentence)
    expect(() => addon.makeRowsForm(rowSpec, plan, spec)).toThrow(RangeError)
  }
  expect(addon.makeRowsForm(rowSpec, plan, { ...form, members: [member] })).toBeTypeOf('object')
})

test('addon: columns that a plan does not take or give are refused, in a sentence, and a plan has them once', () => {
  const type = { dtype: FLOAT32, isNullable: false, width: 2 }
  const program = (spec: Partial<NativeTransformSpec>): TransformHandle =>
    addon.makeTransform({ values: [type], inputCount: 1, instructions: [], outputs: [0], blockRows: 0, ...spec })
  const input = program({})
  const single = program({ values: [{ ...type, width: 1 }] })
  const columns = { ...noColumns, input, inputColumns: [0] }
  const spare = addon.createPlan({ ...planSpec(queue), planKey: 2 })
  const refused: [NativeColumnsSpec, RegExp][] = [
    [noColumns, /columns need a program/],
    [{ ...columns, inputColumns: [] }, /no output of its program/],
    [{ ...columns, inputColumns: [1] }, /no output of its program/],
    [{ ...columns, inputColumns: [0, 0] }, /other inputs than the plan has/],
    [{ ...columns, inputColumns: [-1] }, /inputColumns to be an integer/],
    [{ ...columns, inputColumns: 'x' as never }, /inputColumns to be an array/],
    [{ ...columns, freeDims: [1] }, /other free dims/],
    [{ ...columns, input: single }, /not what its input takes/],
    [{ ...columns, output: input, outputColumns: [0] }, /takes another output/],
    [{ ...columns, outputColumns: [0] }, /a column of the answer/],
    [{ ...columns, signature: 7 as never }, /signature to be a string/],
    [undefined as never, /columns to be an object/],
  ]
  for (const [spec, sentence] of refused) {
    expect(() => addon.bindColumns(spare, spec), String(sentence)).toThrow(sentence)
    expect(() => addon.bindColumns(spare, spec)).toThrow(RangeError)
  }
  addon.bindColumns(spare, { ...columns, output: single, outputColumns: [0] })
  expect(() => addon.bindColumns(spare, columns)).toThrow(/no columns yet/)
})

test('addon: closed handles are refused, closing twice is nothing', () => {
  const spare = addon.openPort(runtime, () => undefined, 4)
  addon.closePort(spare)
  addon.closePort(spare)
  expect(() => addon.drain(spare)).toThrow(/is closed/)
  const slot = addon.openWorker(runtime, 9)
  addon.closeWorker(slot)
  addon.closeWorker(slot)
  expect(() => addon.take(slot, 0)).toThrow(/is closed/)
  expect(() => addon.openWorker(999_999, 0)).toThrow(/runtime/)
  expect(() => addon.adoptQueue(12_345)).toThrow(/queue/)
  expect(() => addon.adoptPipeline(2)).toThrow(/pipeline/)
  expectAnswered()
})

test('addon: numbers that no request has are refused, and the next request is not touched by them', () => {
  const inputs = [Float32Array.of(1, 1)]
  for (const requestNumber of [-1, 0.5, NaN, 2 ** 52]) {
    const submit = (): number => submissions.submit(pipeline, submission(1, inputs, { requestNumber }))
    expect(submit, `${requestNumber}`).toThrow(/Expected number 1 to be an integer from 0 to 4503599627370495/)
  }
  const submitJson = (exchange: number): number =>
    submissions.submitJson(pipeline, new Uint8Array(2), exchange, 1, null)
  for (const exchange of [-1, 2 ** 32, NaN]) expect(() => submitJson(exchange)).toThrow(RangeError)
  for (const rows of [NaN, -1, 2, 2 ** 33]) {
    expect(submissions.submit(pipeline, submission(rows, inputs)), `${rows} rows`).toBeLessThan(0)
    expect(addon.lastFailure(port).status).toBeGreaterThan(0)
  }
  expectAnswered()
})

test('addon: sizes of kernels come as as many numbers as the kernel has', () => {
  const data = new Float32Array(4)
  const resize = (sizes: unknown) => () => addon.resizeImages(data, data, sizes as Float64Array)
  for (const sizes of [undefined, {}, [1, 2, 2, 1, 2, 2, 1], new Float64Array(6), new Float32Array(7)])
    expect(resize(sizes)).toThrow(/Expected a Float64Array of 7 numbers/)
  expect(resize(Float64Array.of(1, 2, 2, 1, 2, 0.5, 1))).toThrow(RangeError)
  for (const elementBytes of [0, 3, 16])
    expect(() => addon.transposeImages(data, data, Float64Array.of(1, 2, 2, elementBytes))).toThrow(RangeError)
})

test('addon: a batch is taken before it is read and completed before the next is taken', () => {
  expect(() => addon.completeBatch(worker, 0, 1)).toThrow(/no batch in hand/)
  const request = submissions.submit(pipeline, submission(1, [Float32Array.of(1, 1)]))
  addon.flush(port)
  expect(addon.take(worker, 1000)).toBe(1)
  expect(() => addon.take(worker, 0)).toThrow(/still has a batch/)
  expect(() => addon.failEntry(worker, 1, '')).toThrow(RangeError)
  addon.failEntry(worker, 0, 'poison')
  addon.completeBatch(worker, 0, 1)
  addon.drain(port)
  expect(addon.readFailure(port, request)).toMatchObject({ status: 14, text: 'poison' })
  expect(() => addon.readFailure(port, request)).toThrow(/already released/)
  expectAnswered()
})

test('addon: a worker that is closed with a batch in hand fails it with ERR_WORKER_LOST', () => {
  const lost = addon.openWorker(runtime, 5)
  const request = submissions.submit(pipeline, submission(1, [Float32Array.of(1, 1)]))
  addon.flush(port)
  expect(addon.take(lost, 1000)).toBe(1)
  addon.closeWorker(lost)
  addon.drain(port)
  expect(addon.readFailure(port, request).status).toBe(15)
  expectAnswered()
})

test('addon: a port that is closed with requests in flight leaves nothing behind', () => {
  const doomed = addon.openPort(runtime, () => undefined, 4)
  const requests = new Submissions(doomed)
  const submit = (tag: number): number => requests.submit(pipeline, submission(1, [Float32Array.of(1, 1)], { tag }))
  for (let tag = 0; tag < 4; tag++) submit(tag)
  expect(submit(5)).toBe(-10)
  addon.closePort(doomed)
  while (addon.take(worker, 0) === 1) addon.completeBatch(worker, 0, 1)
  expect(addon.planInFlight(plan)).toBe(0)
  expect(addon.queueStats(queue).pendingRows).toEqual([0, 0])
  expectAnswered()
})

const isolateSource = `
const { parentPort, workerData } = require('node:worker_threads')
const addon = require(workerData.file)
const pipeline = addon.adoptPipeline(workerData.pipeline)
const port = addon.openPort(workerData.runtime, onReady, 4096)
const numbers = addon.submission(port)
numbers[workerData.slots.rows] = 1
let sent = 0, answered = 0, wrong = 0
const requests = new Map()
function onReady() {
  for (let n = addon.drain(port); n > 0; n = addon.drain(port)) {
    const events = addon.events(port)
    for (let i = 0; i < n; i++) {
      const tag = events[4 * i + 1]
      const answer = addon.readAnswer(port, requests.get(tag))
      requests.delete(tag)
      answered++
      if (new Float32Array(answer.outputs[0])[0] !== tag * workerData.factor) wrong++
    }
  }
  if (answered === workerData.count) { addon.closePort(port); clearInterval(alive); parentPort.postMessage({ answered, wrong }) }
  else submit()
}
const alive = setInterval(() => undefined, 1000)
function submit() {
  while (sent < workerData.count && requests.size < 64) {
    const tag = sent++
    numbers[workerData.slots.tag] = tag
    requests.set(tag, addon.submit(port, pipeline, [Float32Array.of(tag, workerData.factor)], null, null))
  }
  addon.flush(port)
}
submit()
`

test('addon: two isolates append to one queue, each gets its own answers', async () => {
  const { createRequire } = await import('node:module')
  const file = createRequire(import.meta.url).resolve('../../build/Release/penstock.node')
  const count = 2000
  const isolates = [2, 3].map(
    (factor) =>
      new Worker(isolateSource, {
        eval: true,
        workerData: { file, runtime, pipeline: addon.shareId(pipeline), factor, count, slots: SubmissionSlot },
      }),
  )
  const reports = isolates.map(
    (isolate) => new Promise((resolve, reject) => isolate.once('message', resolve).once('error', reject)),
  )
  const done = Promise.all(reports)
  let isDone = false
  void done.then(() => (isDone = true))
  let batches = 0
  while (!isDone) {
    if (addon.take(worker, 1) === 1) {
      batches++
      const rows = addon.workerInfo(worker)[2] ?? 0
      const { inputs, outputs } = addon.bucketLayout(worker)
      const buffer = addon.batchBuffer(worker)
      const x = new Float32Array(buffer, inputs[0]?.offsetBytes, rows * 2)
      const y = new Float32Array(buffer, outputs[0]?.offsetBytes, rows)
      for (let r = 0; r < rows; r++) y[r] = (x[2 * r] ?? 0) * (x[2 * r + 1] ?? 0)
      addon.completeBatch(worker, 0, 1)
    }
    await new Promise(setImmediate)
  }
  expect(await done).toEqual([
    { answered: count, wrong: 0 },
    { answered: count, wrong: 0 },
  ])
  expect(batches).toBeLessThan(2 * count)
  for (const isolate of isolates) await isolate.terminate()
  expect(addon.planInFlight(plan)).toBe(0)
})
