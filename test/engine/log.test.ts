/**
 * What the log holds: every row, with its own values, whatever path, dtype and version served it, and what is left of it
 * when the disk fails or the process ends.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Engine, type StepInput } from 'penstock'
import { describe, expect, test } from 'vitest'
import { deploy, floats, openEngine, refusal, seeded, testModel, until } from '../support/engine-harness.js'
import { readSegment, segmentPaths, TestLog } from '../support/log-harness.js'

const SEED = 7
const model = (name: string): StepInput => ({ type: 'model', model: name })

describe('the log', () => {
  test('every row of every request is logged with its inputs, answer, challengers and check failures', async () => {
    const log = new TestLog()
    const engine = await openEngine(['add-one', 'times-two'], { log })
    await deploy(engine, 'p', [
      { type: 'shadow', champion: 'add-one', challengers: ['times-two'] },
      { type: 'check', name: 'large', flag: 'out.y[0] > 500' },
      { type: 'check', name: 'even-larger', flag: 'out.y[0] > 900' },
    ])
    const random = seeded(SEED)
    const requests = Array.from({ length: 200 }, () =>
      Float32Array.from({ length: 3 * (1 + Math.floor(random() * 20)) }, () => random() * 1000),
    )
    const results = await Promise.all(
      requests.map((x) =>
        engine.infer('p', { inputs: { x: { dtype: 'float32', shape: [x.length / 3, 3], data: x } } }),
      ),
    )
    const records = await log.requestsWhen(engine, requests.length)
    const byId = new Map(records.map((record) => [record.requestId, record]))
    expect(byId.size).toBe(requests.length)
    results.forEach((result, index) => {
      const x = requests[index] as Float32Array
      const record = byId.get(result.metadata.requestId)
      expect(record?.rows, `request ${index}, seed ${SEED}`).toBe(x.length / 3)
      expect(record?.inputs['x']?.data).toEqual(x)
      expect(record?.outputs['y']?.data).toEqual(result.outputs['y']?.data)
      expect(record?.audited['times-two']?.['y']?.data).toEqual(x.map((value) => value * 2))
      expect(record?.checkFailures).toEqual(result.checkFailures)
      expect(record?.elapsedNs).toEqual(result.metadata.elapsedNs)
      expect(Math.abs((record?.timeMs ?? 0) - Date.now())).toBeLessThan(60_000)
    })
    expect(engine.metrics().pipelines[0]?.log).toMatchObject({
      rowCount: requests.reduce((sum, x) => sum + x.length / 3, 0),
      droppedRowCount: 0,
      isFailing: false,
    })
    await until('nothing is in flight', () => engine.inFlight === 0)
    expect(engine.metrics().pipelines[0]?.inFlight).toBe(0)
  })

  test('the columns stand in their order, typed, and say what tensors they were', async () => {
    const log = new TestLog()
    const engine = await openEngine(['add-one', 'times-two'], { log, partition: 'here' })
    await deploy(engine, 'p', [
      { type: 'shadow', champion: 'add-one', challengers: ['times-two'] },
      { type: 'check', name: 'z', flag: 'out.y[0] > 500' },
      { type: 'check', name: 'a', flag: 'out.y[0] > 500' },
    ])
    await engine.infer('p', { inputs: { x: [[1, 2, 3]] } })
    await log.requestsWhen(engine, 1)
    const { schema } = readSegment(segmentPaths(log.path)[0] as string)
    expect(schema.fields.map(({ name, type, nullable }) => [name, String(type), nullable])).toEqual([
      ['time', 'Timestamp<MILLISECOND>', false],
      ['in.x', 'FixedSizeList[3]<Float32>', false],
      ['out.y', 'FixedSizeList[3]<Float32>', false],
      ['anomaly.count', 'Uint32', false],
      ['anomaly.a', 'Bool', false],
      ['anomaly.z', 'Bool', false],
      ['out_times-two.y', 'FixedSizeList[3]<Float32>', true],
      ['metadata.elapsed', 'FixedSizeList[2]<Uint64>', false],
      ['metadata.request_number', 'Uint64', false],
      ['metadata.route', 'Int16', false],
      ['metadata.id', 'Utf8', true],
      ['metadata.traceparent', 'Utf8', true],
      ['metadata.tracestate', 'Utf8', true],
    ])
    expect(JSON.parse(schema.fields[1]?.metadata.get('tensor_type') ?? '')).toEqual({ shape: [3], dtype: 'float32' })
    const facts = JSON.parse(schema.metadata.get('penstock') ?? '') as Record<string, unknown>
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/) as string
    expect(facts).toMatchObject({
      pipeline: 'p',
      version: 1,
      partition: 'here',
      routes: [],
      split: null,
      checks: ['z', 'a'],
      last_model: 'add-one',
      models: [
        { name: 'add-one', version: 1, sha256 },
        { name: 'times-two', version: 1, sha256 },
      ],
    })
  })

  test('requests of more rows than a batch are logged whole and in order', async () => {
    const log = new TestLog()
    const engine = await openEngine(['add-one'], { log, batchRowsMax: 16 })
    await deploy(engine, 'p', [model('add-one')])
    const requests = await Promise.all(
      [100, 1, 33, 700].map(async (rows, index) => {
        const x = Float32Array.from({ length: rows * 3 }, (_, i) => index * 10_000 + i)
        const { metadata } = await engine.infer('p', {
          inputs: { x: { dtype: 'float32', shape: [rows, 3], data: x } },
        })
        return { x, id: metadata.requestId }
      }),
    )
    const records = new Map((await log.requestsWhen(engine, 4)).map((record) => [record.requestId, record]))
    for (const { x, id } of requests) {
      expect(records.get(id)?.inputs['x']?.data).toEqual(x)
      expect(records.get(id)?.outputs['y']?.data).toEqual(x.map((value) => value + 1))
    }
  })

  test('every dtype comes back as it was sent', async () => {
    const log = new TestLog()
    const dtypes = 'float32 float64 float16 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool string'
    const engine = await openEngine([], { log })
    for (const dtype of dtypes.split(' ')) {
      await engine.addModel(dtype, testModel(`identity-${dtype}`))
      await deploy(engine, dtype, [model(dtype)])
      const [input] = engine.describePipeline(dtype).inputs
      const width = input?.shape.slice(1).reduce<number>((product, dim) => product * (dim ?? 1), 1) ?? 1
      const values = Array.from({ length: 5 * width }, (_, i) => {
        if (dtype === 'string') return `text ${i} äöü`.repeat(i % 3)
        if (dtype === 'bool') return i % 3 === 0
        return i % 7
      })
      const rows = Array.from({ length: 5 }, (_, row) => values.slice(row * width, (row + 1) * width))
      const result = await engine.infer(dtype, { inputs: { [input?.name ?? '']: rows } })
      const [record] = await log.requestsWhen(engine, 1, dtype)
      const [output = ''] = Object.keys(result.outputs)
      const plain = (data: ArrayLike<unknown> | undefined): unknown[] => Array.from(data ?? [], Number)
      const read = dtype === 'string' ? (data: ArrayLike<unknown> | undefined) => Array.from(data ?? []) : plain
      expect(read(record?.outputs[output]?.data), dtype).toEqual(read(result.outputs[output]?.data as never))
      if (dtype !== 'float16' && dtype !== 'bfloat16')
        expect(read(record?.inputs[input?.name ?? '']?.data), dtype).toEqual(
          dtype === 'string' ? values : values.map(Number),
        )
      expect(record?.rows).toBe(5)
      expect(record?.requestId).toBe(result.metadata.requestId)
    }
  })

  test('free dims are lists, each request as long as it was', async () => {
    const log = new TestLog()
    const engine = await openEngine(['double-tokens'], { log })
    await deploy(engine, 'p', [model('double-tokens')])
    const [input] = engine.describePipeline('p').inputs
    for (const length of [3, 1, 7]) {
      const data = BigInt64Array.from({ length: 2 * length }, (_, i) => BigInt(i))
      await engine.infer('p', { inputs: { [input?.name ?? '']: { dtype: 'int64', shape: [2, length], data } } })
    }
    const records = await log.requestsWhen(engine, 3)
    expect(records.map(({ rows }) => rows)).toEqual([2, 2, 2])
    expect(records.map(({ inputs }) => inputs[input?.name ?? '']?.data.length)).toEqual([6, 2, 14])
    expect(
      Array.from(records[0]?.outputs['y']?.data ?? Object.values(records[0]?.outputs ?? {})[0]?.data ?? []),
    ).toEqual([0n, 2n, 4n, 6n, 8n, 10n])
    const { schema } = readSegment(segmentPaths(log.path)[0] as string)
    expect(String(schema.fields[1]?.type)).toBe('List<Int64>')
    expect(JSON.parse(schema.fields[1]?.metadata.get('tensor_type') ?? '')).toEqual({ shape: [-1], dtype: 'int64' })
  })

  test('a split is logged with the model that answered each row', async () => {
    const log = new TestLog()
    const engine = await openEngine(['constant-v1', 'constant-v2'], { log })
    await deploy(engine, 'p', [{ type: 'key-split', default: 'constant-v1', key: 'k', options: { b: 'constant-v2' } }])
    const x = [
      [0, 0, 0],
      [1, 1, 1],
      [2, 2, 2],
    ]
    const result = await engine.infer('p', { inputs: { x }, meta: { k: ['a', 'b', 'a'] } })
    expect(floats(result, 'y')).toEqual([1, 1, 1, 2, 2, 2, 1, 1, 1])
    const [record] = await log.requestsWhen(engine, 1)
    expect(record).toMatchObject({ route: ['constant-v1', 'constant-v2', 'constant-v1'] })
    expect(record?.outputs['y']?.data).toEqual(result.outputs['y']?.data)
    expect(record?.inputs['x']?.data).toEqual(Float32Array.from(x.flat()))
    const { schema } = readSegment(segmentPaths(log.path)[0] as string)
    expect(JSON.parse(schema.metadata.get('penstock') ?? '')).toMatchObject({
      split: 'key',
      routes: ['constant-v1', 'constant-v2'],
      last_model: null,
    })
  })

  test('a pipeline of steps logs the request and the last outputs; an audited step in its middle as well', async () => {
    const log = new TestLog()
    const engine = await openEngine(['add-one', 'times-two'], { log })
    await deploy(engine, 'p', [
      model('add-one'),
      { type: 'audit', slice: '0:' },
      { ...model('times-two'), tensorFields: ['y'] } as StepInput,
    ])
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => engine.infer('p', { inputs: { x: [[i, i, i]] } })),
    )
    const records = await log.requestsWhen(engine, 50)
    for (const { inputs, outputs, audited, elapsedNs } of records) {
      const x = inputs['x']?.data[0] as number
      expect(outputs['y']?.data[0]).toBe((x + 1) * 2)
      expect(audited['add-one']?.['y']?.data[0]).toBe(x + 1)
      expect(elapsedNs).toHaveLength(3)
    }
    expect(answers).toHaveLength(50)
  })

  test('records name the version that answered, across redeploys under load; each version has its own sealed segments', async () => {
    const log = new TestLog()
    const engine = await openEngine(['constant-v1', 'constant-v2'], { log })
    await deploy(engine, 'p', [model('constant-v1')])
    let isOn = true
    let answers = 0
    const callers = Array.from({ length: 8 }, async () => {
      while (isOn) {
        await engine.infer('p', { inputs: { x: [[0, 0, 0]] } })
        answers++
      }
    })
    for (let i = 0; i < 6; i++) {
      await deploy(engine, 'p', [model(i % 2 === 0 ? 'constant-v2' : 'constant-v1')])
      const before = answers
      await until('it has answered', () => answers > before + 10)
    }
    isOn = false
    await Promise.all(callers)
    const records = await log.requestsWhen(engine, answers)
    expect(records).toHaveLength(answers)
    for (const record of records) {
      expect(record.outputs['y']?.data[0], `version ${record.pipelineVersion}`).toBe(
        record.pipelineVersion % 2 === 1 ? 1 : 2,
      )
    }
    expect(new Set(records.map(({ pipelineVersion }) => pipelineVersion)).size).toBeGreaterThan(1)
    expect(new Set(records.map(({ requestId }) => requestId)).size).toBe(answers)
    await engine.close()
    for (const path of segmentPaths(log.path)) expect(path).toMatch(/\/\d{10}-\d+-\d+-\d+\.arrows$/)
    expect(log.requests()).toHaveLength(answers)
  })

  test('off and an engine without a log write nothing and hold nothing back', async () => {
    const log = new TestLog()
    for (const options of [{ log }, {}]) {
      const engine = await openEngine(['add-one'], options)
      await engine.addModel('again', testModel('add-one'))
      const steps = [{ type: 'shadow' as const, champion: 'add-one', challengers: ['again'] }]
      await engine.applyPipeline({ name: 'p', steps: steps as never, log: { durability: 'off' } }, { deploy: true })
      // The challenger may lag behind on a busy machine: what is asked about is what stays held when it has not.
      for (let round = 0; round < 10; round++) {
        for (let i = 0; i < 5; i++) await engine.infer('p', { inputs: { x: [[1, 2, 3]] } })
        await until('nothing is in flight', () => engine.metrics().pipelines[0]?.inFlight === 0)
      }
      expect(engine.metrics().models.every((used) => used.batchesAllocated < 8)).toBe(true)
    }
    expect(readdirSync(log.path)).toEqual([])
  })

  test('a sampled log has about its share, of whole requests', async () => {
    const log = new TestLog()
    const random = seeded(SEED)
    const engine = await openEngine(['add-one', 'identity-string'], { log, random })
    const policy = { durability: 'sampled', sampleRate: 0.3 } as const
    for (const name of ['add-one', 'identity-string']) {
      await engine.applyPipeline({ name, steps: [model(name)] as never, log: policy }, { deploy: true })
      const [input] = engine.describePipeline(name).inputs
      const rows =
        name === 'add-one'
          ? [
              [1, 2, 3],
              [4, 5, 6],
            ]
          : [['a'], ['b']]
      for (let i = 0; i < 400; i++) await engine.infer(name, { inputs: { [input?.name ?? '']: rows } })
      await engine.flushLogs(name)
      const records = log.requests(name)
      expect(records.length, name).toBeGreaterThan(70)
      expect(records.length, name).toBeLessThan(170)
      expect(records.every(({ rows: count }) => count === 2)).toBe(true)
    }
  })
})

describe('durability', () => {
  const committed = (name: string) => ({
    name,
    steps: [model(name)] as never,
    log: { durability: 'committed' } as const,
  })

  test('a committed answer comes when its row is in a file; rows that wait together share a sync', async () => {
    const log = new TestLog()
    const engine = await openEngine(['add-one', 'identity-string'], { log })
    await engine.applyPipeline(committed('add-one'), { deploy: true })
    await engine.infer('add-one', { inputs: { x: [[1, 2, 3]] } })
    expect(log.requests()).toHaveLength(1)
    await Promise.all(Array.from({ length: 200 }, () => engine.infer('add-one', { inputs: { x: [[1, 2, 3]] } })))
    expect(log.requests()).toHaveLength(201)
    const { commitNs } = engine.metrics().pipelines[0]?.log ?? {}
    expect(commitNs?.count).toBeGreaterThan(1)
    expect(commitNs?.count).toBeLessThan(100)
    await engine.applyPipeline(committed('identity-string'), { deploy: true })
    const [input] = engine.describePipeline('identity-string').inputs
    await engine.infer('identity-string', { inputs: { [input?.name ?? '']: [['a']] } })
    expect(log.requests('identity-string')).toHaveLength(1)
  })

  /** A path that is a file cannot be made a directory: as good as a disk that refuses, and root is refused as well. */
  const spoil = (log: TestLog, pipeline: string): void => writeFileSync(join(log.path, pipeline), '')

  test('what cannot be committed is answered with ERR_STORAGE, and again when it can be', async () => {
    const log = new TestLog()
    const notices: string[] = []
    const onNotice = ({ message }: { message: string }): number => notices.push(message)
    const engine = await openEngine(['add-one', 'identity-string'], { log, onNotice })
    for (const name of ['add-one', 'identity-string']) {
      spoil(log, name)
      await engine.applyPipeline(committed(name), { deploy: true })
      const [input] = engine.describePipeline(name).inputs
      const infer = () =>
        engine.infer(name, { inputs: { [input?.name ?? '']: [name === 'add-one' ? [1, 2, 3] : ['a']] } })
      expect(await refusal(infer())).toMatchObject({
        code: 'ERR_STORAGE',
        message: expect.stringMatching(/The log of the pipeline could not be written \(ENOTDIR\)/) as string,
      })
      expect(engine.failingLogs()).toEqual([{ pipeline: name, fault: 'ENOTDIR', refuses: false }])
      await until('a notice to the operator', () =>
        notices.some((text) => text.includes(name) && text.includes('ENOTDIR')),
      )
      rmSync(join(log.path, name))
      await until('it is written again', () => engine.failingLogs().length === 0)
      await infer()
      expect(log.requests(name)).toHaveLength(1)
    }
  })

  test('async rows that cannot be written are counted, and the requests are answered', async () => {
    const log = new TestLog()
    const engine = await openEngine(['add-one'], { log })
    spoil(log, 'p')
    await deploy(engine, 'p', [model('add-one')])
    for (let i = 0; i < 10; i++) await engine.infer('p', { inputs: { x: [[1, 2, 3]] } })
    await engine.flushLogs()
    expect(engine.metrics().pipelines[0]?.log).toMatchObject({
      rowCount: 0,
      droppedRowCount: 10,
      isFailing: true,
      fault: 'ENOTDIR',
    })
  })

  test('a pipeline that is to refuse does so while its log fails, on every path', async () => {
    const log = new TestLog()
    const engine = await openEngine(['add-one', 'identity-string'], { log })
    for (const name of ['add-one', 'identity-string']) {
      spoil(log, name)
      const steps = [model(name)] as never
      await engine.applyPipeline({ name, steps, log: { durability: 'async', onFailure: 'refuse' } }, { deploy: true })
      const [input] = engine.describePipeline(name).inputs
      const infer = () =>
        engine.infer(name, { inputs: { [input?.name ?? '']: [name === 'add-one' ? [1, 2, 3] : ['a']] } })
      await infer()
      await engine.flushLogs(name)
      expect((await refusal(infer())).code).toBe('ERR_STORAGE')
      expect(engine.failingLogs()).toEqual([{ pipeline: name, fault: 'ENOTDIR', refuses: true }])
      rmSync(join(log.path, name))
      await until('it is written again', () => engine.failingLogs().length === 0)
      await infer()
    }
  })

  test('closing writes and seals what is there; nothing is left that is not sealed', async () => {
    const log = new TestLog()
    const engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log })
    await engine.addModel('add-one', testModel('add-one'))
    await deploy(engine, 'p', [model('add-one')])
    for (let i = 0; i < 5; i++) await engine.infer('p', { inputs: { x: [[i, 2, 3]] } })
    await engine.close()
    const names = readdirSync(join(log.path, 'p', '1'))
    expect(names).toEqual([expect.stringMatching(/^0000000001-\d+-\d+-5\.arrows$/)])
    expect(log.requests().map(({ inputs }) => inputs['x']?.data[0])).toEqual([0, 1, 2, 3, 4])
  })
})
