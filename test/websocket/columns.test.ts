/**
 * Columns in frames against the same columns by `infer`, which prepares them in JavaScript: both answer the same bits, what
 * is sound passes no JavaScript, and what is not is left to it with nothing done. PENSTOCK_SEED=<seed> repeats a run.
 */
import { Engine, type PenstockError, type StepInput, type Tensor, type TensorField } from 'penstock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/codec.js'
import { Body } from '../../src/protocol/generated/body.js'
import { TensorLayout } from '../../src/protocol/tensor-layout.js'
import { allocateData, type NumericData } from '../../src/tensor/dtype.js'
import { deploy, seeded, testModel, until } from '../support/engine-harness.js'

const seed = Number(process.env['PENSTOCK_SEED'] ?? Date.now() % 2 ** 31)
const random = seeded(seed)
const below = (count: number): number => Math.floor(random() * count)
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T

// add-one: float32 x [N, 3] → y [N, 3], each element one more.
const model = { type: 'model', model: 'add-one' }
const split = { op: 'split', column: 'y', as: ['a', 'b', 'c'] }
const pipelines = {
  colours: [
    {
      type: 'transform',
      inputs: [
        { name: 'size', dtype: 'float32' },
        { name: 'colour', dtype: 'string' },
      ],
      ops: [
        { op: 'impute', columns: ['size'], strategy: 'constant', values: [10] },
        { op: 'one-hot', columns: ['colour'], categories: [['blue', 'red', 'größe']], unknown: 'error', drop: 'first' },
        { op: 'concat', columns: ['size', 'colour'], as: 'x', dtype: 'float32' },
      ],
    },
    model,
    { type: 'transform', ops: [{ op: 'round', columns: ['y'], decimals: 1 }] },
  ],
  numbers: [
    {
      type: 'transform',
      inputs: [
        { name: 'is big', dtype: 'bool' },
        { name: 'count', dtype: 'int64' },
        { name: 'small', dtype: 'int8' },
      ],
      ops: [
        { op: 'clip', columns: ['count'], low: -5, high: 5 },
        { op: 'concat', columns: ['count', 'small', 'is big'], as: 'x', dtype: 'float32' },
      ],
    },
    model,
    { type: 'transform', ops: [{ op: 'arg-max', columns: ['y'], as: ['best'] }, split] },
  ],
  pairs: [
    {
      type: 'transform',
      inputs: [
        { name: 'weight', dtype: 'float64' },
        { name: 'pair', dtype: 'string', shape: [2] },
      ],
      ops: [
        { op: 'hash', columns: ['pair'], buckets: 1000 },
        { op: 'concat', columns: ['pair', 'weight'], as: 'x', dtype: 'float32' },
      ],
    },
    model,
  ],
}
type Name = keyof typeof pipelines
const names = Object.keys(pipelines) as Name[]

const colours = ['blue', 'red', 'größe']
const strangers = ['rosé', '', '\uFEFFred', 're\0d', 'RED']
const texts = ['', 'a', 'größe', '😀'.repeat(9), 'x'.repeat(70)]

interface Frame {
  readonly bytes: Uint8Array
  readonly tensors: readonly Tensor[]
  /** Nothing in it needs JavaScript. */
  readonly isSound: boolean
}

let engine: Engine
let connection = 0
const fields = new Map<Name, readonly TensorField[]>()
const answers = new Map<number, Uint8Array | PenstockError>()
let nextRequest = 1

beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await engine.addModel('add-one', testModel('add-one'))
  engine.port.setHooks({
    onSend: (_, bytes) => {
      const message = decodeMessage(bytes.slice()) as Extract<Message, { kind: 'results' }>
      expect(message.requests).toHaveLength(1)
      answers.set(message.requests[0] as number, message.data)
    },
    onWebSocketFailure: (_connection, _channel, request, error) => answers.set(request, error),
  })
  connection = engine.port.openConnection(64)
  for (const [channel, name] of names.entries()) {
    await deploy(engine, name, pipelines[name] as unknown as StepInput[])
    fields.set(name, engine.port.openChannel(connection, channel + 1, name).inputs)
  }
})
afterAll(() => engine.close())

function columnOf({ name, dtype, shape }: TensorField, rows: number, isWild: boolean): [Tensor, isSound: boolean] {
  const count = rows * (shape[1] ?? 1)
  const full = [rows, ...(shape.slice(1) as number[])]
  const strange = isWild && random() < 0.5 ? below(count) : -1
  if (dtype === 'string') {
    const data = Array.from({ length: count }, (_, i) =>
      pick(i === strange ? strangers : name === 'colour' ? colours : texts),
    )
    const isSound = data.every((text) => !/\0|\uFEFF/.test(text) && (name !== 'colour' || colours.includes(text)))
    return [{ dtype, shape: full, data }, isSound]
  }
  const data = allocateData(dtype, count)
  for (let i = 0; i < count; i++) {
    if (dtype === 'bool') data[i] = i === strange ? 2 : below(2)
    else if (dtype === 'int64') data[i] = BigInt(below(2 ** 31)) * pick([-1n, 1n, 2n ** 31n])
    else data[i] = dtype === 'int8' ? below(256) - 128 : pick([NaN, Infinity, -0, random() * 100])
  }
  return [{ dtype, shape: full, data }, dtype !== 'bool' || strange < 0]
}

function makeFrame(name: Name, isWild: boolean): { request: number } & Frame {
  const signature = fields.get(name) as readonly TensorField[]
  const rows = pick([1, 1, 2, 7, 300])
  const columns = signature.map((field) => columnOf(field, rows, isWild))
  const tensors = columns.map(([tensor]) => tensor)
  const packed = new TensorLayout(signature, false).pack(tensors)
  const request = nextRequest++
  const bytes = encodeMessage({
    kind: 'infer',
    channel: names.indexOf(name) + 1,
    request,
    rows,
    data: Buffer.concat(
      packed.data.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
    ),
    dims: null,
    meta: null,
    deadlineMs: pick([0, 60_000]),
    priority: pick(['interactive', 'background'] as const),
    texts: packed.texts,
  })
  return { request, bytes: bytes.slice(), tensors, isSound: columns.every(([, isSound]) => isSound) }
}

async function answerOf(request: number): Promise<Uint8Array | PenstockError> {
  await until(`the answer of request ${request}`, () => answers.has(request))
  return answers.get(request) as Uint8Array | PenstockError
}

/** What a frame has of the answer that JavaScript makes. */
async function referenceOf(name: Name, tensors: readonly Tensor[]): Promise<Uint8Array> {
  const signature = fields.get(name) as readonly TensorField[]
  const inputs = Object.fromEntries(signature.map((field, i) => [field.name, tensors[i] as Tensor]))
  const { outputs } = await engine.infer(name, { inputs })
  const parts = engine.describePipeline(name).outputs.map((field) => outputs[field.name]?.data as NumericData)
  return Buffer.concat(parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)))
}

describe(`columns in frames, seed ${seed}`, () => {
  test.each(names)(
    '%s: what is sound is taken and answered as JavaScript answers it, all else is left to it',
    async (name) => {
      let taken = 0
      for (let i = 0; i < 120; i++) {
        const { request, bytes, tensors, isSound } = makeFrame(name, i % 3 === 0)
        const outcome = engine.port.receive(connection, bytes.buffer as ArrayBuffer)
        expect(outcome, JSON.stringify({ i, isSound })).toBe(isSound ? 0 : Body.Infer)
        if (!isSound) continue
        taken++
        expect(
          Buffer.compare(Buffer.from((await answerOf(request)) as Uint8Array), await referenceOf(name, tensors)),
        ).toBe(0)
      }
      expect(taken).toBeGreaterThan(60)
    },
  )

  test('a frame that is damaged is never read otherwise than JavaScript reads it', async () => {
    for (let i = 0; i < 1500; i++) {
      const name = pick(names)
      const { bytes } = makeFrame(name, false)
      if (bytes.length > 4000) continue
      const damaged = random() < 0.2 ? bytes.slice(0, below(bytes.length)) : bytes
      for (let hits = below(3); hits >= 0 && damaged.length > 0; hits--) damaged[below(damaged.length)] = below(256)
      answers.clear()
      if (engine.port.receive(connection, damaged.slice().buffer) !== 0) continue
      await until(`the answer ${i}`, () => answers.size === 1)
      const [answer] = answers.values()
      if (!(answer instanceof Uint8Array)) continue
      let message: Message
      try {
        message = decodeMessage(damaged)
      } catch {
        continue // the verifier is stricter than readers need
      }
      if (message.kind !== 'infer') throw new Error(`Expected an Infer but received ${message.kind}`)
      const reached = names[message.channel - 1] as Name
      const layout = new TensorLayout(fields.get(reached) as readonly TensorField[], false)
      const tensors = layout.unpack(message.rows, message.data, message.dims, message.texts)
      expect(Buffer.compare(Buffer.from(answer), await referenceOf(reached, tensors)), `${i} ${reached}`).toBe(0)
    }
  })

  test('a redeploy leaves what its channel was not opened for to JavaScript, which says so', async () => {
    const { bytes } = makeFrame('pairs', false)
    const [first, ...others] = pipelines.pairs as unknown as [Record<string, object[]>, ...StepInput[]]
    const renamed = { ...first, inputs: [first['inputs']?.[0], { name: 'two', dtype: 'string', shape: [2] }] }
    const ops = JSON.parse(JSON.stringify(first['ops']).replaceAll('"pair"', '"two"')) as object[]
    await deploy(engine, 'pairs', [{ ...renamed, ops } as never, ...others])
    expect(engine.port.receive(connection, bytes.buffer as ArrayBuffer)).toBe(Body.Infer)
    expect(() => engine.port.expectCurrent(connection, names.indexOf('pairs') + 1)).toThrow(/another signature/)
  })
})
