/**
 * pandas and pyarrow, which we did not write, against our forms: they write files that we read, open files that we write,
 * and send and receive the bodies of the infer endpoint. The cases are Python (test_formats.py); each is a test here.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { inferFromFile, RemotePipeline } from 'penstock'
import { afterAll, describe, expect, it } from 'vitest'
import { serve } from '../../support/served.js'
import { runPytest } from '../pytest.js'
import { interopPath, pythonWith } from '../venv.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = await pythonWith('formats-python', join(here, 'requirements.txt'))
const folder = await mkdtemp(join(tmpdir(), 'penstock-formats-'))
const served = await serve()
const remote = new RemotePipeline(served.server.url, 'checked')
const file = (name: string): string => join(folder, name)

await promisify(execFile)(python, [join(here, 'make_files.py'), folder])
for (const ending of ['json', 'ndjson', 'csv', 'arrow', 'arrows', 'parquet'])
  await inferFromFile(remote, file('fixed.parquet'), { output: file(`answers.${ending}`), rowsPerRequest: 130 })
const outcomes = await runPytest(python, here, join(interopPath, 'formats-report.jsonl'), {
  PENSTOCK_URL: served.server.url,
  PENSTOCK_FILES: folder,
})

afterAll(async () => {
  await served.close()
  await rm(folder, { recursive: true, force: true })
})

describe('files that pandas and pyarrow wrote', () => {
  it.each([
    'pandas.json',
    'pandas-lines.json',
    'pandas.csv',
    'pandas-wide.csv',
    'pandas.parquet',
    'fixed.parquet',
    'plain.feather',
    'compressed.feather',
    'stream.arrows',
  ])('%s: is read, every row in order', async (name) => {
    const { rows, table } = await inferFromFile(remote, file(name), { dataset: ['in.id', 'out'], rowsPerRequest: 60 })
    expect(rows).toBe(500)
    table?.toArray().forEach((row, index) => {
      const { 'in.id': id, 'out.y': y } = row.toJSON() as { 'in.id': bigint; 'out.y': { toArray(): Float32Array } }
      expect([Number(id), ...y.toArray()]).toEqual([index, index * 0.75 + 1, index * 0.75 + 1.25, index * 0.75 + 1.5])
    })
  })
})

describe('pandas and pyarrow', () => {
  it('have been run', () => {
    // pytest that collects nothing is no success.
    expect(outcomes.length).toBeGreaterThan(25)
  })

  for (const { name, outcome, text } of outcomes) {
    it(name, (context) => {
      if (outcome === 'skipped') context.skip(text)
      if (outcome === 'failed') throw new Error(text)
    })
  }
})
