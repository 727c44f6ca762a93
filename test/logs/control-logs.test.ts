/** The log of a server, read by a program elsewhere: what PenstockControl answers is what the engine itself does. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { Engine, LogStore, PenstockControl, PenstockServer } from 'penstock'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testModel } from '../support/client-harness.js'

let directory: string
let store: LogStore
let engine: Engine
let server: PenstockServer
let control: PenstockControl
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-control-logs-'))
  store = await LogStore.open(join(directory, 'log'))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store })
  await engine.addModel('plus', testModel('add-one'))
  await engine.applyPipeline({ name: 'plus', steps: [{ type: 'model', model: 'plus' }] }, { deploy: true })
  server = await PenstockServer.start({ engine, port: 0, exportPath: join(directory, 'exports') })
  control = new PenstockControl(server.url)
  for (let row = 0; row < 5; row++) await engine.infer('plus', { inputs: { x: [[row, 0, 0]] } })
  await engine.flushLogs()
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

const textOf = (body: Uint8Array): string => new TextDecoder().decode(body)

test('control: a page of the log, its cursor and its warning', async () => {
  const query = { limit: 3, dataset: ['in', 'out'], datasetSeparator: '.' } as const
  const page = await control.readLogs('plus', query)
  const { rows, ...own } = await engine.readLogs('plus', query)
  expect(page).toEqual({ ...own, body: new Uint8Array(own.body) })
  expect([rows, page.status, page.warnings.length]).toEqual([3, 'RecordLimited', 1])
  expect((JSON.parse(textOf(page.body)) as Record<string, number[]>[])[0]).toEqual({
    'in.x': [4, 0, 0],
    'out.y': [5, 1, 1],
  })
  const rest = await control.readLogs('plus', { ...query, cursor: page.cursor ?? '', format: 'arrow-stream' })
  expect(tableFromIPC(rest.body).numRows).toBe(2)
  expect([rest.status, rest.cursor]).toEqual(['All', null])
  const all = { start: new Date(0), end: new Date(4e12), valid: true, format: 'arrow-file' } as const
  expect(tableFromIPC((await control.readLogs('plus', all)).body).numRows).toBe(5)
  await expect(control.readLogs('absent')).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_FOUND' })
  await expect(control.readLogs('plus', { start: new Date(0) })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
})

test('control: files written by the server, and SQL', async () => {
  const exported = await control.exportLogs('plus', { format: 'csv', filePrefix: 'rows', datasetExclude: ['anomaly'] })
  expect(exported.rows).toBe(5)
  expect(exported.files.map(({ path, rows }) => [existsSync(path), rows])).toEqual([[true, 5]])
  const { body, warnings } = await control.queryLogs('SELECT count(*) AS n FROM plus', { rowsMax: 10 })
  expect([JSON.parse(textOf(body)), warnings]).toMatchObject([{ records: [{ n: 5 }] }, []])
  const { body: arrow } = await control.queryLogs('SELECT 1 AS one', { format: 'arrow-file' })
  expect(tableFromIPC(arrow).numRows).toBe(1)
  await expect(control.queryLogs('DROP TABLE plus')).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
})
