import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditRecord } from '../engine/api.js'
import { repairLastLine } from './audit-file.js'
import { AuditLineWriter } from './audit-lines.js'
import { FileAuditLog } from './audit-log.js'
import { MemoryAuditLog } from './memory-audit-log.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-log-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function record(rows: number, overrides: Partial<AuditRecord> = {}): AuditRecord {
  return {
    timeMs: 1_700_000_000_123,
    pipeline: 'fraud',
    pipelineVersion: 3,
    requestId: 'r-1',
    rows,
    inputs: {
      tensor: { dtype: 'float32', shape: [rows, 2], data: Float32Array.from({ length: rows * 2 }, (_, i) => i + 0.1) },
    },
    outputs: { score: { dtype: 'float32', shape: [rows, 1], data: new Float32Array(rows).fill(0.98119897) } },
    audited: {},
    checkFailures: [],
    route: null,
    ...overrides,
  }
}
const read = (pipeline = 'fraud', version = 3): string =>
  readFileSync(join(directory, pipeline, String(version), 'audit.ndjson'), 'utf8')
const lines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('audit lines', () => {
  test('a row has the documented columns in the documented order, floats as short as they can be', () => {
    const line = new AuditLineWriter(
      record(2, {
        audited: {
          challenger: { variable: { dtype: 'float32', shape: [2, 1], data: Float32Array.of(1, 2) } },
          late: null,
        },
        checkFailures: [{ check: 'too_high', rows: [1] }],
        route: ['a', 'b'],
      }),
    ).line(1)
    expect(line).toBe(
      '{"time":1700000000123,"in.tensor":[2.1,3.1],"out.score":[0.98119897],"out_challenger.variable":[2],"out_late":null,' +
        '"check_failures":["too_high"],"metadata":{"route":"b","pipeline_version":3,"request_id":"r-1"}}\n',
    )
  })

  test('a row without failures and route says so', () => {
    expect(lines(new AuditLineWriter(record(1)).line(0))[0]).toMatchObject({
      check_failures: [],
      metadata: { route: null },
    })
  })

  test('tensors without rows are written whole', () => {
    const text = new AuditLineWriter(
      record(1, { outputs: { scalar: { dtype: 'int64', shape: [], data: BigInt64Array.of(2n ** 60n) } } }),
    ).line(0)
    expect(text).toContain('"out.scalar":1152921504606846976')
  })
})

describe('file audit log', () => {
  test('writes one line per row, in order, under pipeline and version', async () => {
    const log = await FileAuditLog.open(directory, { flushIntervalMs: 0 })
    log.append(record(600))
    log.append(record(1, { requestId: 'r-2' }))
    log.append(record(1, { pipeline: 'other', pipelineVersion: 1 }))
    await log.flush()
    const rows = lines(read())
    expect(rows).toHaveLength(601)
    rows
      .slice(0, 600)
      .forEach((row, index) =>
        expect(row['in.tensor']).toEqual([expect.closeTo(index * 2 + 0.1, 3), expect.closeTo(index * 2 + 1.1, 3)]),
      )
    expect(rows[600]).toMatchObject({ metadata: { request_id: 'r-2' } })
    expect(lines(read('other', 1))).toHaveLength(1)
    expect(log.droppedCount).toBe(0)
    await log.close()
  })

  test('drops and counts rows that do not fit its buffer, and goes on after a flush', async () => {
    const log = await FileAuditLog.open(directory, { bufferBytesMax: 2000 })
    for (let i = 0; i < 10; i++) log.append(record(1))
    const dropped = log.droppedCount
    expect(dropped).toBeGreaterThan(0)
    await log.flush()
    log.append(record(1))
    await log.close()
    expect(log.droppedCount).toBe(dropped)
    expect(lines(read())).toHaveLength(11 - dropped)
  })

  test('rotates by size and loses no row', async () => {
    const log = await FileAuditLog.open(directory, { flushIntervalMs: 0, fileBytesMax: 1000 })
    for (let i = 0; i < 20; i++) {
      log.append(record(1, { requestId: `r-${i}` }))
      await log.flush()
    }
    await log.close()
    const folder = join(directory, 'fraud', '3')
    const files = readdirSync(folder)
    expect(files.length).toBeGreaterThan(2)
    const ids = files
      .flatMap((file) => lines(readFileSync(join(folder, file), 'utf8')))
      .map((row) => (row['metadata'] as { request_id: string }).request_id)
    expect(new Set(ids)).toEqual(new Set(Array.from({ length: 20 }, (_, i) => `r-${i}`)))
  })

  test.each([
    ['a torn last line', '{"a":1}\n{"b":', '{"a":1}\n'],
    ['whole lines', '{"a":1}\n', '{"a":1}\n'],
    ['nothing but a torn line', '{"b":', ''],
    ['a torn line longer than a chunk', `{"a":1}\n${'x'.repeat(200_000)}`, '{"a":1}\n'],
  ])('repairs a file with %s', async (_name, before, after) => {
    const folder = join(directory, 'fraud', '3')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'audit.ndjson'), before)
    expect(await repairLastLine(join(folder, 'audit.ndjson'))).toBe(Buffer.byteLength(after))
    const log = await FileAuditLog.open(directory, { flushIntervalMs: 0 })
    log.append(record(1))
    await log.close()
    expect(read().startsWith(after)).toBe(true)
    expect(lines(read())).toHaveLength((after === '' ? 0 : 1) + 1)
  })

  test('counts rows that the disk refuses and tells the reason once', async () => {
    writeFileSync(join(directory, 'fraud'), 'a file where a folder should be')
    const errors: unknown[] = []
    const log = await FileAuditLog.open(directory, { flushIntervalMs: 0, onError: (error) => errors.push(error) })
    log.append(record(2))
    log.append(record(3))
    await log.close()
    expect(log.droppedCount).toBe(5)
    expect(errors).toHaveLength(1)
  })

  test('drops and counts what comes after close', async () => {
    const log = await FileAuditLog.open(directory)
    await log.close()
    log.append(record(2))
    expect(log.droppedCount).toBe(2)
  })
})

test('memory audit log: the oldest records make room', () => {
  const log = new MemoryAuditLog(3)
  log.append(record(2, { requestId: 'a' }))
  log.append(record(1, { requestId: 'b' }))
  log.append(record(1, { requestId: 'c' }))
  expect(log.records.map((row) => row.requestId)).toEqual(['b', 'c'])
  expect(log.droppedCount).toBe(2)
})
