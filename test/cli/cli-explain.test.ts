/** Explanations on the command line, from a stored configuration to the table of its result. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { penstock, serve, temporaryDirectory, type RunOptions } from '../support/cli-process.js'

vi.setConfig({ testTimeout: 120_000 })

describe('cli: explain', () => {
  it('define → run → list → show → forget: explains rows of a model whose explanation is known', async () => {
    const { url } = await serve(['--home', temporaryDirectory()])
    const run = (args: readonly string[], options: RunOptions = {}) =>
      penstock(args, { ...options, env: { PENSTOCK_URL: url } })
    await run(['model', 'add', fileURLToPath(new URL('../models/linear.onnx', import.meta.url))])
    await run(['pipeline', 'apply', '-', '--name', 'p', '--deploy'], { input: '[{"type":"model","model":"linear"}]' })
    const groups = '{"method":"occlusion","groups":[{"name":"small","elements":[2]},{"name":"large","elements":[0]}]}'
    expect((await run(['explain', 'configs', 'p'])).stdout).toMatch(/There are no configurations yet/)
    expect((await run(['explain', 'define', 'p', 'two', groups])).stdout).toBe('p keeps two\n')
    expect((await run(['explain', 'configs', 'p'])).stdout).toBe(
      'CONFIG  METHOD     SETTINGS\ntwo     occlusion  groups 2 of them\n',
    )

    const file = join(temporaryDirectory(), 'rows.json')
    writeFileSync(file, '[{"x":[1,2,4,7],"note":"a"},{"x":[3,-1,0,2],"note":"b"}]')
    expect((await run(['explain', 'run', 'p', '--data', `@${file}`])).stderr).toContain('(ERR_UNKNOWN_INPUT)')
    const input = '{"x":[[1,2,4,7],[3,-1,0,2]]}'
    const shown = await run(['explain', 'run', 'p', '--config', 'two'], { input })
    expect(shown.stdout.replace(/^\S+-x\d+/, 'ID')).toBe(
      'ID: p, version 1, occlusion, done\n\nGROUP  MEAN |CHANGE|  ROW 0  ROW 1\nlarge              4      2      6\nsmall              1      2      0\n',
    )
    const inline = '{"method":"permutation","metric":"mse","seed":1,"output":{"element":1}}'
    const json = await run(['explain', 'run', 'p', '--config', inline, '--targets', '[12,0]', '--json'], { input })
    const { id, result } = JSON.parse(json.stdout) as { id: string; result: { score: number; importances: number[] } }
    expect([result.score, result.importances.length]).toEqual([0, 4])
    expect((await run(['explain', 'show', 'p', id])).stdout).toContain('IMPORTANCE')
    expect((await run(['explain', 'list', 'p'])).stdout.split('\n')[2]).toMatch(/inline +permutation +done +100 %/)

    const begun = await run(['explain', 'run', 'p', '--config', 'two', '--no-wait'], { input })
    expect(begun.stdout).toMatch(/^\S+: p, version 1, occlusion, (waiting|running), \d+ of 6 rows run\n$/)
    expect((await run(['explain', 'cancel', 'p', id])).stdout).toContain('permutation, done')
    expect((await run(['explain', 'forget', 'p', 'two'])).stdout).toBe('removed two\n')
    const gone = await run(['explain', 'run', 'p', '--config', 'two', '--json'], { input })
    expect([gone.code, JSON.parse(gone.stderr)]).toMatchObject([1, { code: 'ERR_EXPLANATION_NOT_FOUND' }])
    expect((await run(['explain', 'run', 'p', '--data', '7'])).code).toBe(2)
  })
})
