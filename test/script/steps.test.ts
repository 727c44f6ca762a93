/** `script` steps in pipelines: before a model, behind it and alone, over HTTP, with their errors, lines and times. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  Engine,
  type EngineNotice,
  isPenstockError,
  PenstockClient,
  pipeline,
  PenstockServer,
  type ScriptTable,
} from 'penstock'
import { call, modelBytes } from '../support/served.js'

const notices: EngineNotice[] = []
let engine: Engine
let server: PenstockServer

const sources = {
  // Texts and integers that may be missing, to the three numbers that the model takes.
  before: `import type { Script } from 'penstock'
const sizes: Record<string, number> = { small: 1, large: 2 }
const run: Script = ({ rows, columns }, { requestId }) => {
  if (columns.size.includes('loud')) console.warn('loud', requestId.length > 0)
  return { x: columns.size.flatMap((size: string, row: number) => [sizes[size] ?? 0, columns.extra[row], rows]) }
}
export default run`,
  behind: `export default async ({ columns }) => ({
  word: Array.from({ length: columns.y.length / 3 }, (_, row) => (columns.y[3 * row] > 1 ? 'big' : null)),
  sum: Array.from({ length: columns.y.length / 3 }, (_, row) => BigInt(columns.y[3 * row + 1])),
})`,
  alone: `export default ({ rows, columns }) => {
  const [what] = columns.what
  if (what === 'throw') throw new RangeError('not this one')
  if (what === 'loop') for (;;);
  if (what === 'short') return { length: [] }
  if (what === 'fraction') return { length: [0.5] }
  return { length: columns.what.map((text) => text.length) }
}`,
}
const inputs = [
  { name: 'size', dtype: 'string' },
  { name: 'extra', dtype: 'float32' },
] as const

beforeAll(async () => {
  const onNotice = (notice: EngineNotice): void => void notices.push(notice)
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', allowScripts: true, onNotice })
  await engine.addModel('add', modelBytes('add-one'))
  await pipeline('around', engine)
    .script({
      file: 'before.ts',
      source: sources.before,
      inputs,
      columns: ['size', 'extra'],
      outputs: [{ name: 'x', dtype: 'float32', shape: [3] }],
    })
    .model('add')
    .script({
      file: 'behind.js',
      source: sources.behind,
      columns: ['y'],
      outputs: [
        { name: 'word', dtype: 'string?' },
        { name: 'sum', dtype: 'int64' },
      ],
    })
    .deploy()
  await pipeline('alone', engine)
    .script({
      file: 'alone.js',
      source: sources.alone,
      inputs: [{ name: 'what', dtype: 'string' }],
      columns: ['what'],
      outputs: [{ name: 'length', dtype: 'int32' }],
      keep: [],
      timeoutMs: 200,
    })
    .deploy()
  server = await PenstockServer.start({ engine, port: 0 })
})

afterAll(async () => {
  await server?.close()
  await engine?.close()
})

const infer = (name: string, body: object) => call(server.url, 'POST', `/v1/pipelines/${name}/infer`, body)

describe('script: steps', () => {
  test('script: makes what the model takes, and words of what it answers, with a time of each', async () => {
    const answer = await infer('around', { size: ['large', 'none'], extra: [5, 6] })
    expect(answer.json['outputs']).toEqual({
      y: [
        [3, 6, 3],
        [1, 7, 3],
      ],
      word: ['big', ''],
      sum: [6, 7],
    })
    const { outputs, metadata } = await engine.infer('around', {
      inputs: { size: ['small'], extra: Float32Array.of(1) },
      timing: true,
    })
    expect(outputs['sum']?.data).toEqual(BigInt64Array.of(2n))
    expect(metadata.timing?.stages?.map(({ step, type }) => [step, type])).toEqual([
      ['steps[0]', 'script'],
      ['steps[2]', 'script'],
    ])
  })

  test('script: over WebSocket as over HTTP, failures of one request included', async () => {
    const client = await PenstockClient.connect(server.url.replace('http', 'ws'))
    const around = await client.open('around')
    const alone = await client.open('alone')
    const [good, bad, other] = await Promise.allSettled([
      around.infer({ size: ['large', 'none'], extra: Float32Array.of(5, 6) }),
      alone.infer({ what: ['throw'] }),
      alone.infer({ what: ['abcd'] }),
    ])
    await client.close()
    expect(good).toMatchObject({
      value: { outputs: { sum: { data: BigInt64Array.of(6n, 7n) }, word: { data: ['big', ''] } } },
    })
    expect(bad).toMatchObject({ reason: { code: 'ERR_SCRIPT_FAILED' } })
    expect(other).toMatchObject({ value: { outputs: { length: { data: Int32Array.of(4) } } } })
  })

  test('script: what it writes is reported with the pipeline and the request of the answer', async () => {
    const { json } = await infer('around', { size: ['loud'], extra: [0] })
    const id = (json['metadata'] as { request_id: string }).request_id
    await expect
      .poll(() => notices)
      .toContainEqual({ level: 'warn', message: `before.ts of pipeline around, request ${id}: loud true` })
  })

  test('script: answers alone where no step runs a model, and a version is one of its source', async () => {
    expect((await infer('alone', { what: ['a', 'bc'] })).json['outputs']).toEqual({ length: [1, 2] })
    const { definition, version } = engine.describePipeline('alone')
    const again = await engine.applyPipeline(definition, { deploy: true })
    expect(again.version).toBe(version)
  })

  test.each([
    ['throw', 500, 'ERR_SCRIPT_FAILED', 'alone.js failed: it threw RangeError: not this one (alone.js:3:31)'],
    [
      'loop',
      504,
      'ERR_SCRIPT_TIMEOUT',
      'alone.js took longer than 200 ms and was ended. Raise timeoutMs of its step, or send fewer rows',
    ],
    [
      'short',
      500,
      'ERR_SCRIPT_FAILED',
      'Expected length of alone.js to have 1 values, one a row, but it has 0 for 1 row',
    ],
    ['fraction', 500, 'ERR_SCRIPT_FAILED', 'Expected length of alone.js to be int32 but received 0.5 in row 0'],
  ])('script: %s is %i %s, with its place; the next request is answered', async (what, status, code, sentence) => {
    const answer = await infer('alone', { what: [what] })
    expect([answer.status, answer.json['code'], answer.json['error']]).toEqual([
      status,
      code,
      `steps[0] (script) of pipeline alone: ${sentence}`,
    ])
    expect((await infer('alone', { what: ['abc'] })).json['outputs']).toEqual({ length: [3] })
  })

  test("script: a caller's deadline ends the wait, not the run", async () => {
    const answer = await call(
      server.url,
      'POST',
      '/v1/pipelines/alone/infer',
      { what: ['loop'] },
      { 'penstock-deadline-ms': '50' },
    )
    expect([answer.status, answer.json['code']]).toEqual([504, 'ERR_DEADLINE_EXCEEDED'])
    expect((await infer('alone', { what: ['abc'] })).json['outputs']).toEqual({ length: [3] })
  })
})

describe('script: deploys', () => {
  test.each([
    [
      { source: 'export default 7' },
      'ERR_PIPELINE_INVALID',
      'steps[0] (script) of pipeline alone: Expected alone.js to export a function as default',
    ],
    [
      { columns: ['wat'] },
      'ERR_PIPELINE_INVALID',
      'Expected steps[0].columns[0] to be a column that stands in front of the step but received "wat". Did you mean what?',
    ],
    [
      { source: undefined },
      'ERR_PIPELINE_INVALID',
      'Expected steps[0].source to be the text of alone.js but received undefined',
    ],
  ])('script: %o is refused, and what serves goes on', async (members, code, sentence) => {
    const [step] = engine.describePipeline('alone').steps
    const steps = [{ ...step, sha256: undefined, ...members }]
    const answer = await call(server.url, 'PUT', '/v1/pipelines/alone?deploy=true', { steps })
    expect([answer.status, answer.json['code']]).toEqual([400, code])
    expect(answer.json['error']).toContain(sentence)
    expect((await infer('alone', { what: ['abc'] })).json['outputs']).toEqual({ length: [3] })
  })

  test('script: an engine that was not told to allow them deploys none, and says how', async () => {
    const plain = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    const { definition } = engine.describePipeline('alone')
    const refused = await plain.applyPipeline(definition, { deploy: true }).catch((error: unknown) => error)
    await plain.close()
    expect(isPenstockError(refused) && refused.code).toBe('ERR_UNSUPPORTED')
    expect(String(refused)).toContain('Start the server with --allow-scripts, or an engine with allowScripts')
  })

  test('script: closed with its engine, also while it runs', async () => {
    const other = await Engine.open({ inferWorkers: 1, calibration: 'off', allowScripts: true })
    await other.applyPipeline(engine.describePipeline('alone').definition, { deploy: true })
    const running = other.infer('alone', { inputs: { what: ['loop'] } }).catch((error: unknown) => error)
    await other.close()
    expect(isPenstockError(await running)).toBe(true)
  })
})

// Types are what authors see: this has to compile.
const typed = ({ rows }: ScriptTable): number => rows
void typed
