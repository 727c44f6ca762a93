/**
 * What the log holds after audited requests: every row, with its own values, whatever path and version served it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileAuditLog, MemoryAuditLog } from 'penstock'
import { describe, expect, test } from 'vitest'
import { deploy, floats, openEngine, seeded, testModel, until } from './engine-harness.js'

const SEED = 7

describe('audit', () => {
  test('every row of every request is logged with its inputs, answer, challengers and check failures', async () => {
    const log = new MemoryAuditLog()
    const engine = await openEngine(['add-one', 'times-two'], { log })
    await deploy(engine, 'p', [
      { type: 'shadow', champion: 'add-one', challengers: ['times-two'] },
      { type: 'check', name: 'large', flag: 'out.y[0] > 500' },
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
    await until('every request is in the log', () => log.records.length === requests.length)
    const byId = new Map(log.records.map((record) => [record.requestId, record]))
    results.forEach((result, index) => {
      const x = requests[index] as Float32Array
      const record = byId.get(result.metadata.requestId)
      expect(record?.rows, `request ${index}, seed ${SEED}`).toBe(x.length / 3)
      expect(record?.inputs['x']?.data).toEqual(x)
      expect(record?.outputs['y']?.data).toEqual(result.outputs['y']?.data)
      expect(record?.audited['times-two']?.['y']?.data).toEqual(x.map((value) => value * 2))
      expect(record?.checkFailures).toEqual(result.checkFailures)
    })
    await until('nothing is in flight', () => engine.inFlight === 0)
    expect(engine.metrics().pipelines[0]?.inFlight).toBe(0)
  })

  test('records name the version that answered, across redeploys under load', async () => {
    const log = new MemoryAuditLog()
    const engine = await openEngine(['constant-v1', 'constant-v2'], { log })
    const steps = (model: string) => [
      { type: 'model' as const, model },
      { type: 'audit' as const, slice: '0:' },
    ]
    await deploy(engine, 'p', steps('constant-v1'))
    let isOn = true
    let answers = 0
    const callers = Array.from({ length: 8 }, async () => {
      while (isOn) {
        await engine.infer('p', { inputs: { x: [[0, 0, 0]] } })
        answers++
      }
    })
    for (let i = 0; i < 6; i++) await deploy(engine, 'p', steps(i % 2 === 0 ? 'constant-v2' : 'constant-v1'))
    isOn = false
    await Promise.all(callers)
    await until('every answer is in the log', () => log.records.length === answers)
    for (const record of log.records) {
      expect(record.outputs['y']?.data[0], `version ${record.pipelineVersion}`).toBe(
        record.pipelineVersion % 2 === 1 ? 1 : 2,
      )
    }
    expect(new Set(log.records.map((record) => record.pipelineVersion)).size).toBeGreaterThan(1)
  })

  test('a split is logged with the model that answered each row', async () => {
    const log = new MemoryAuditLog()
    const engine = await openEngine(['constant-v1', 'constant-v2'], { log })
    await deploy(engine, 'p', [
      { type: 'key-split', default: 'constant-v1', key: 'k', options: { b: 'constant-v2' } },
      { type: 'audit', slice: '0:' },
    ])
    const result = await engine.infer('p', {
      inputs: {
        x: [
          [0, 0, 0],
          [1, 1, 1],
          [2, 2, 2],
        ],
      },
      meta: { k: ['a', 'b', 'a'] },
    })
    expect(floats(result, 'y')).toEqual([1, 1, 1, 2, 2, 2, 1, 1, 1])
    await until('the record', () => log.records.length === 1)
    expect(log.records[0]).toMatchObject({ route: ['constant-v1', 'constant-v2', 'constant-v1'] })
    expect(log.records[0]?.outputs['y']?.data).toEqual(result.outputs['y']?.data)
  })

  test('the file has a line per row that replays to the same answer', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'penstock-audit-'))
    try {
      const log = await FileAuditLog.open(directory)
      const engine = await openEngine(['add-one'], { log })
      await deploy(engine, 'p', [
        { type: 'model', model: 'add-one' },
        { type: 'audit', slice: '0:' },
      ])
      const random = seeded(SEED)
      const rows = 700
      const x = Float32Array.from({ length: rows * 3 }, () => random() * 2 - 1)
      await engine.infer('p', { inputs: { x: { dtype: 'float32', shape: [rows, 3], data: x } } })
      expect(await engine.drain(5000)).toBe(true)
      const lines = readFileSync(join(directory, 'p', '1', 'audit.ndjson'), 'utf8')
        .trimEnd()
        .split('\n')
      expect(lines).toHaveLength(rows)
      lines.forEach((line, row) => {
        const record = JSON.parse(line) as { 'in.x': number[]; 'out.y': number[] }
        const input = Float32Array.from(record['in.x'])
        expect(input, `row ${row}`).toEqual(x.slice(row * 3, row * 3 + 3))
        expect(Float32Array.from(record['out.y'])).toEqual(input.map((value) => value + 1))
      })
      await log.close()
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('a log that is not there costs nothing and holds nothing back', async () => {
    const engine = await openEngine(['add-one'])
    await engine.addModel('again', testModel('add-one'))
    await deploy(engine, 'p', [{ type: 'shadow', champion: 'add-one', challengers: ['again'] }])
    // The challenger may lag behind on a busy machine: what is asked about is what stays held when it has not.
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 5; i++) await engine.infer('p', { inputs: { x: [[1, 2, 3]] } })
      await until('nothing is in flight', () => engine.metrics().pipelines[0]?.inFlight === 0)
    }
    expect(engine.metrics().models.every((model) => model.batchesAllocated < 8)).toBe(true)
  })
})
