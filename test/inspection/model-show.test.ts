/** The command line's part in batching: an operator's word with the key's name in the journal, and what `model show` prints. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { penstock, serve, temporaryDirectory } from '../support/cli-process.js'
import { dependentModels } from '../support/row-models.js'

vi.setConfig({ testTimeout: 120_000 })

test('model show: prints the node in the way, and who overruled it', async () => {
  const home = temporaryDirectory()
  const key = (await penstock(['keys', 'create', 'ci', '--home', home])).stdout.trim()
  const { url } = await serve(['--home', home])
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await penstock(args, { env: { PENSTOCK_URL: url, PENSTOCK_API_KEY: key } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
  const file = join(temporaryDirectory(), 'maximum.onnx')
  writeFileSync(file, dependentModels.find(({ name }) => name === 'batch-maximum')?.bytes ?? '')

  await run('model', 'add', file)
  const refused = await run('model', 'show', 'maximum')
  expect(refused).toContain('batching  whole: each request is a run of its own')
  expect(refused).toContain('culprit   ReduceMax (node largest): it works along the axis that holds the rows')

  await run('model', 'add', file, '--batching', 'rows')
  const overruled = await run('model', 'show', 'maximum@1')
  expect(overruled).toContain('batching  rows: rows of all callers share runs')
  expect(overruled).toMatch(/override {2}by ci at \d{4}-/)
  expect(overruled).toContain('culprit   ReduceMax')
  expect(JSON.parse(await run('model', 'show', 'maximum', '--json'))).toMatchObject({
    name: 'maximum',
    batching_proof: { basis: 'override', override: { operator: 'ci' } },
  })
  const journal = readFileSync(join(home, 'journal.jsonl'), 'utf8').trim().split('\n')
  const entries = journal.map((line) => JSON.parse(line) as { kind: string; detail: Record<string, unknown> })
  expect(
    entries.filter(({ kind }) => kind.startsWith('model.')).map(({ detail }) => detail['batchingOperator']),
  ).toEqual([undefined, 'ci'])
  const unknown = await penstock(['model', 'show', 'maximum@champion'], {
    env: { PENSTOCK_URL: url, PENSTOCK_API_KEY: key },
  })
  expect(unknown.code).not.toBe(0)
  expect(unknown.stderr).toContain('Model maximum has no alias champion; it has none')
})
