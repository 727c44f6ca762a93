/**
 * One server, one meaning: the same cases over every dialect, and equal answers. A dialect only translates, so whatever one
 * of them refuses, all refuse, and for the same fault.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PipelineDefinition } from 'penstock'
import { modelBytes, serve, type Served } from '../support/served.js'
import { columnStepCases, columnStepOptions, deployColumnSteps, removeColumnSteps } from './column-steps.js'
import { comparable, openDialects, type Case, type Dialect, type Outcome } from './dialects.js'

let served: Served
let dialects: Dialect[] = []
beforeAll(async () => {
  served = await serve({ grpcPort: 0 }, columnStepOptions)
  const { engine } = served
  await engine.addModel('dropping', modelBytes('drop-first-token'))
  await engine.addModel('keeping', modelBytes('keep-tokens'))
  const options = ['dropping', 'keeping'].map((model) => ({ weight: 1, model }))
  await engine.applyPipeline({ name: 'uneven', steps: [{ type: 'random-split', options }] }, { deploy: true })
  await engine.applyPipeline({ name: 'raw', steps: rawSteps }, { deploy: true })
  await deployColumnSteps(engine)
  dialects = await openDialects(served.server)
})
afterAll(async () => {
  for (const dialect of dialects) dialect.close()
  await served.close()
  removeColumnSteps()
})

const f32 = (shape: number[], values: number[]) =>
  ({ dtype: 'float32', shape, data: Float32Array.from(values) }) as const

/** Raw rows: a number that may be missing, and a text that becomes two of three indicators. */
const rawSteps = [
  {
    type: 'transform',
    inputs: [
      { name: 'size', dtype: 'float32' },
      { name: 'colour', dtype: 'string' },
    ],
    ops: [
      { op: 'impute', columns: ['size'], strategy: 'constant', values: [10] },
      { op: 'one-hot', columns: ['colour'], categories: [['red', 'white', 'grün']], unknown: 'error', drop: 'first' },
      { op: 'concat', columns: ['size', 'colour'], as: 'x', dtype: 'float32' },
    ],
  },
  { type: 'model', model: 'add' },
  { type: 'transform', ops: [{ op: 'round', columns: ['y'] }] },
] as unknown as PipelineDefinition['steps']
const raw = (sizes: number[], colours: string[]): Case['inputs'] => ({
  size: f32([sizes.length], sizes),
  colour: { dtype: 'string', shape: [colours.length], data: colours },
})

const cases: readonly (Case & { readonly expected?: Outcome['fault'] })[] = [
  { title: 'one row', pipeline: 'add', inputs: { x: f32([1, 3], [1, 2.5, -3]) } },
  {
    title: 'many rows',
    pipeline: 'add',
    inputs: {
      x: f32(
        [100, 3],
        Array.from({ length: 300 }, (_, i) => i / 7),
      ),
    },
  },
  { title: 'extreme floats', pipeline: 'echo', inputs: { x: f32([1, 3], [3.4028235e38, 1e-45, -0.1]) } },
  {
    title: '64-bit integers',
    pipeline: 'wide',
    inputs: {
      x: { dtype: 'int64', shape: [1, 3], data: new BigInt64Array([-(2n ** 63n), 2n ** 53n + 1n, 2n ** 63n - 1n]) },
    },
  },
  {
    title: 'bytes',
    pipeline: 'small',
    inputs: { x: { dtype: 'uint8', shape: [1, 3], data: new Uint8Array([0, 127, 255]) } },
  },
  {
    title: 'booleans',
    pipeline: 'bool',
    inputs: { x: { dtype: 'bool', shape: [1, 3], data: new Uint8Array([1, 0, 1]) } },
  },
  { title: 'texts', pipeline: 'text', inputs: { label: { dtype: 'string', shape: [2], data: ['straße', ''] } } },
  {
    title: 'two inputs and two outputs',
    pipeline: 'both',
    inputs: { left: f32([2, 2], [1, 2, 3, 4]), right: f32([2, 2], [5, 6, 7, 8]) },
  },
  {
    title: 'a free dim',
    pipeline: 'tokens',
    inputs: { tokens: { dtype: 'int64', shape: [1, 4], data: new BigInt64Array([1n, 2n, 3n, 4n]) } },
  },
  { title: 'no row axis', pipeline: 'whole', inputs: { x: f32([2, 3], [1, 2, 3, 4, 5, 6]) } },
  { title: 'checks that fail', pipeline: 'checked', inputs: { x: f32([1, 3], [100, 2, 3]) } },
  { title: 'checks that pass', pipeline: 'checked', inputs: { x: f32([1, 3], [1, 2, 3]) } },
  { title: 'a key that routes', pipeline: 'split', inputs: { x: f32([1, 3], [1, 2, 3]) }, meta: { region: 'eu' } },
  { title: 'a key that is unknown', pipeline: 'split', inputs: { x: f32([1, 3], [1, 2, 3]) }, meta: { region: 'us' } },
  { title: 'a number that routes', pipeline: 'weighted', inputs: { x: f32([1, 3], [1, 2, 3]) }, meta: { u: 0.75 } },
  { title: 'a session that routes', pipeline: 'weighted', inputs: { x: f32([1, 3], [1, 2, 3]) }, meta: { u: 'b' } },
  { title: 'an id that routes', pipeline: 'weighted', inputs: { x: f32([1, 3], [1, 2, 3]) }, meta: { u: 7 } },
  { title: 'a shadow', pipeline: 'shadowed', inputs: { x: f32([1, 3], [1, 2, 3]) } },
  {
    title: 'rows of one output that have different shapes',
    pipeline: 'uneven',
    inputs: { tokens: { dtype: 'int64', shape: [64, 2], data: new BigInt64Array(128) } },
    expected: 'argument',
  },
  { title: 'raw rows with a text and a missing value', pipeline: 'raw', inputs: raw([NaN, 1.4], ['grün', 'red']) },
  { title: 'no raw rows', pipeline: 'raw', inputs: raw([], []) },
  { title: 'a text that is no category', pipeline: 'raw', inputs: raw([1], ['rosé']), expected: 'argument' },
  { title: 'fewer texts than rows', pipeline: 'raw', inputs: raw([1, 2], ['red']), expected: 'argument' },
  { title: 'no rows', pipeline: 'add', inputs: { x: f32([0, 3], []) } },
  { title: 'no rows of texts', pipeline: 'text', inputs: { label: { dtype: 'string', shape: [0], data: [] } } },
  { title: 'no rows that checks could fail', pipeline: 'checked', inputs: { x: f32([0, 3], []) } },
  { title: 'no rows to route', pipeline: 'split', inputs: { x: f32([0, 3], []) }, meta: { region: 'eu' } },
  { title: 'no rows to draw for', pipeline: 'weighted', inputs: { x: f32([0, 3], []) } },
  { title: 'no rows and a shadow', pipeline: 'shadowed', inputs: { x: f32([0, 3], []) } },
  { title: 'no rows for a fixed first dim', pipeline: 'fixed', inputs: { x: f32([0, 4], []) } },
  {
    title: 'no rows of a free width',
    pipeline: 'tokens',
    inputs: { tokens: { dtype: 'int64', shape: [0, 4], data: new BigInt64Array(0) } },
  },
  {
    title: 'no rows but for one input',
    pipeline: 'both',
    inputs: { left: f32([0, 2], []), right: f32([1, 2], [1, 2]) },
    expected: 'argument',
  },
  { title: 'nobody of that name', pipeline: 'nobody', inputs: { x: f32([1, 3], [1, 2, 3]) }, expected: 'missing' },
  { title: 'a wrong width', pipeline: 'add', inputs: { x: f32([1, 4], [1, 2, 3, 4]) }, expected: 'argument' },
  { title: 'an input too few', pipeline: 'both', inputs: { left: f32([1, 2], [1, 2]) }, expected: 'argument' },
  { title: 'an input of another name', pipeline: 'add', inputs: { y: f32([1, 3], [1, 2, 3]) }, expected: 'argument' },
  {
    title: 'a number that cannot route',
    pipeline: 'weighted',
    inputs: { x: f32([1, 3], [1, 2, 3]) },
    meta: { u: -7 },
    expected: 'argument',
  },
  ...columnStepCases,
]

describe('every dialect', () => {
  it.each(cases)('answers alike: $title', async (example) => {
    const outcomes = await Promise.all(
      dialects.map(async (dialect) => [dialect.name, await dialect.ask(example)] as const),
    )
    const [, reference] = outcomes[0] as (typeof outcomes)[number]
    expect(reference.fault).toBe(example.expected)
    for (const [name, outcome] of outcomes) expect(comparable(outcome), name).toEqual(comparable(reference))
  })

  it('is asked: five of them', () => {
    expect(dialects.map(({ name }) => name)).toEqual([
      'native HTTP',
      'WebSocket',
      'OIP, JSON',
      'OIP, binary',
      'OIP, gRPC',
    ])
  })
})
