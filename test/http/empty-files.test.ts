/** Files without rows, as an empty filter leaves them: of every format into every other, with the answer's columns. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Field, Float32, List, makeData, Table, tableFromIPC, tableToIPC, Vector } from 'apache-arrow'
import { enginePipeline, inferFromFile } from 'penstock'
import { readParquet, writeParquet } from 'penstock/results'
import { afterAll, expect, test } from 'vitest'
import { deploy, openEngine } from '../support/engine-harness.js'

const folder = mkdtempSync(join(tmpdir(), 'penstock-empty-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const type = new List(new Field('item', new Float32()))
const child = makeData({ type: new Float32(), length: 0, nullCount: 0, data: new Float32Array(0) })
const none = new Table({
  x: new Vector([makeData({ type, length: 0, nullCount: 0, valueOffsets: new Int32Array(1), child })]),
})
const columns = ['time', 'in.x', 'out.y', 'anomaly.count']

/** Names of the columns, and how many rows. */
async function readBack(path: string): Promise<[string[], number]> {
  if (path.endsWith('.csv')) {
    const [header = '', ...rows] = readFileSync(path, 'utf8').trimEnd().split('\n')
    return [header.split(','), rows.length]
  }
  if (path.endsWith('.parquet')) return describeTable(await readParquet(readFileSync(path)))
  if (path.endsWith('.arrow') || path.endsWith('.arrows')) return describeTable(tableFromIPC(readFileSync(path)))
  const text = readFileSync(path, 'utf8').trim()
  return [columns, path.endsWith('.ndjson') ? text.length : (JSON.parse(text) as unknown[]).length]
}

function describeTable(table: Table): [string[], number] {
  return [table.schema.fields.map(({ name }) => name), table.numRows]
}

const sources: readonly (readonly [string, () => Promise<string | Uint8Array>])[] = [
  ['none.json', () => Promise.resolve('[]')],
  ['none.ndjson', () => Promise.resolve('')],
  ['none.csv', () => Promise.resolve('x\n')],
  ['none.arrow', () => Promise.resolve(tableToIPC(none, 'file'))],
  ['none.arrows', () => Promise.resolve(tableToIPC(none, 'stream'))],
  ['none.parquet', () => writeParquet(none)],
]

test.each(sources)('%s becomes a file without rows of every format', async (name, contentOf) => {
  const engine = await openEngine(['add-one'])
  await deploy(engine, 'add', [{ type: 'model', model: 'add-one' }])
  const source = join(folder, name)
  writeFileSync(source, await contentOf())
  const { rows, table } = await inferFromFile(enginePipeline(engine, 'add'), source)
  expect([rows, table === null ? null : describeTable(table)]).toEqual([0, [columns, 0]])
  for (const ending of ['json', 'ndjson', 'csv', 'arrow', 'arrows', 'parquet']) {
    const output = join(folder, `${name}.${ending}`)
    await inferFromFile(enginePipeline(engine, 'add'), source, { output })
    expect(await readBack(output), ending).toEqual([columns, 0])
  }
})
