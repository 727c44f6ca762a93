/** The way of a model through the command line: add, alias, apply, deploy, infer, promote, remove; with and without keys. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { type Finished, penstock, type RunOptions, serve, temporaryDirectory } from '../support/cli-process.js'

// Dozens of processes, one after the other: seconds on an idle machine, a minute on a busy one.
vi.setConfig({ testTimeout: 120_000 })

const testModel = (name: string) => fileURLToPath(new URL(`../models/${name}.onnx`, import.meta.url))

/** A `penstock` that talks to one server. */
function clientOf(url: string, env: Record<string, string> = {}) {
  return async (args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
    penstock(args, { ...options, env: { PENSTOCK_URL: url, ...env } })
}

const rows = '{"x":[[1,2,3],[4,5,6]]}'

describe('cli flow', () => {
  it('add → apply → infer → promote → remove: works from a fresh home', async () => {
    const { url } = await serve(['--home', temporaryDirectory()])
    const run = clientOf(url)
    expect((await run(['model', 'list'])).stdout).toMatch(/There are no models yet/)
    expect((await run(['pipeline', 'list'])).stdout).toMatch(/There are no pipelines yet/)

    const added = await run([
      'model',
      'add',
      testModel('constant-v1'),
      '--name',
      'constant',
      '--alias',
      'champion',
      '--tag',
      'one',
      '--tag',
      'two',
    ])
    expect(added).toMatchObject({ code: 0, stderr: '' })
    expect(added.stdout).toMatch(
      /^constant@1 {2}sha256 [0-9a-f]{12} {2}180 B\n {2}inputs {3}x float32\[n,3\]\n {2}outputs {2}y float32\[n,3\]\n {2}aliases {2}champion\n$/,
    )
    const second = await run(['model', 'add', testModel('constant-v2'), '--name', 'constant', '--json'])
    expect(JSON.parse(second.stdout)).toMatchObject({ name: 'constant', version: 2, size_bytes: 180, aliases: [] })
    expect(
      JSON.parse((await run(['model', 'add', testModel('constant-v2'), '--name', 'constant', '--json'])).stdout),
    ).toMatchObject({ version: 2 })

    const file = join(temporaryDirectory(), 'p.json')
    writeFileSync(file, '{"name":"p","steps":[{"type":"model","model":"constant@champion"}]}')
    expect((await run(['pipeline', 'apply', file])).stdout).toBe(
      'p, version 1, is stored; deploy it with `penstock pipeline deploy`\n',
    )
    const early = await run(['infer', 'p', '--data', rows])
    expect([early.code, early.stdout]).toEqual([1, ''])
    expect(early.stderr).toContain('(ERR_PIPELINE_NOT_DEPLOYED)')
    const deployed = await run(['pipeline', 'deploy', 'p'])
    expect(deployed.stdout).toMatch(
      /^p serves version 1\n {2}inputs {3}x float32\[n,3\]\n {2}outputs {2}y float32\[n,3\]\n {2}models {3}constant@1\n$/,
    )

    expect((await run(['pipeline', 'deploy', 'p', '--version', '1', '--json'])).stdout).toMatch(/"version":1\b/)
    expect((await run(['pipeline', 'deploy', 'p', '--version', '9'])).code).toBe(1)

    const outputsOf = ({ stdout }: Finished) => (JSON.parse(stdout) as { outputs: unknown }).outputs
    expect(outputsOf(await run(['infer', 'p', '--data', rows]))).toEqual({
      y: [
        [1, 1, 1],
        [1, 1, 1],
      ],
    })
    expect((await run(['model', 'alias', 'constant', 'champion', '2'])).stdout).toBe('constant@champion is version 2\n')
    expect(outputsOf(await run(['infer', 'p'], { input: rows }))).toEqual({
      y: [
        [2, 2, 2],
        [2, 2, 2],
      ],
    })
    expect((await run(['infer', 'p', '--data', rows, '--format', 'table'])).stdout).toBe(
      'ROW  Y        FAILED CHECKS\n  0  [2,2,2]  -\n  1  [2,2,2]  -\n',
    )

    const listed = await run(['model', 'list'])
    expect(listed.stdout).toMatch(/^MODEL +VERSION +ALIASES .*\nconstant +2 +champion /)
    expect((await run(['model', 'list', '--versions'])).stdout.trimEnd().split('\n')).toHaveLength(3)
    expect((await run(['pipeline', 'list'])).stdout).toMatch(/^p +1 +1 .*constant@champion$/m)
    const status = JSON.parse((await run(['pipeline', 'status', 'p', '--json'])).stdout) as object
    expect(status).toMatchObject({
      name: 'p',
      deployed: true,
      version: 1,
      in_flight: 0,
      request_count: 3,
      row_count: 6,
    })
    expect((await run(['pipeline', 'status', 'p'])).stdout).toContain('p serves version 1')

    for (const args of [
      ['pipeline', 'remove', 'p'],
      ['model', 'remove', 'constant', '--version', '2'],
      ['model', 'remove', 'constant'],
    ]) {
      const refused = await run(args)
      expect(refused.code, args.join(' ')).toBe(1)
      expect(refused.stderr).toContain('(ERR_CONFLICT)')
    }
    expect((await run(['pipeline', 'undeploy', 'p'])).stdout).toBe('p is not deployed any more\n')
    expect((await run(['pipeline', 'remove', 'p'])).stdout).toBe('removed p\n')
    expect((await run(['model', 'remove', 'constant', '--alias', 'champion'])).stdout).toBe(
      'removed constant@champion\n',
    )
    expect((await run(['model', 'remove', 'constant', '--version', '1'])).stdout).toBe('removed constant@1\n')
    expect((await run(['model', 'remove', 'constant', '--json'])).stdout).toBe('{"removed":"constant"}\n')
    expect((await run(['model', 'list', '--json'])).stdout).toBe('{"models":[]}\n')
  })

  it('refusals: print the sentence and the code of the server, and exit with 1', async () => {
    const { url } = await serve(['--home', temporaryDirectory()])
    const run = clientOf(url)
    const garbage = join(temporaryDirectory(), 'garbage.onnx')
    writeFileSync(garbage, 'not a model')
    const cases: [string[], string][] = [
      [['model', 'add', garbage], 'ERR_MODEL_INVALID'],
      [['model', 'alias', 'absent', 'champion', '1'], 'ERR_MODEL_NOT_FOUND'],
      [['model', 'remove', 'absent'], 'ERR_MODEL_NOT_FOUND'],
      [['pipeline', 'status', 'absent'], 'ERR_PIPELINE_NOT_FOUND'],
      [['pipeline', 'deploy', 'absent'], 'ERR_PIPELINE_NOT_FOUND'],
      [['infer', 'absent', '--data', rows], 'ERR_PIPELINE_NOT_FOUND'],
    ]
    for (const [args, code] of cases) {
      const plain = await run(args)
      expect([plain.code, plain.stdout], args.join(' ')).toEqual([1, ''])
      expect(plain.stderr).toMatch(new RegExp(`^penstock: .+ \\(${code}\\)\\n$`))
      const json = await run([...args, '--json'])
      expect(JSON.parse(json.stderr), args.join(' ')).toMatchObject({ code, error: expect.any(String) })
    }
    const input = '{"name":"p","steps":[{"type":"modle","model":"x"}]}'
    expect(await run(['pipeline', 'apply', '-'], { input })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('(ERR_PIPELINE_INVALID)'),
    })
  })

  it('infer: keeps every digit of 64-bit integers and sends routing keys', async () => {
    const { url } = await serve(['--home', temporaryDirectory()])
    const run = clientOf(url)
    for (const name of ['identity-int64', 'constant-v1', 'constant-v2'])
      expect(await run(['model', 'add', testModel(name)])).toMatchObject({ code: 0 })
    const steps = [{ type: 'key-split', key: 'colour', default: 'constant-v1', options: { red: 'constant-v2' } }]
    for (const definition of [
      { name: 'digits', steps: [{ type: 'model', model: 'identity-int64' }] },
      { name: 'colours', steps },
    ]) {
      expect(await run(['pipeline', 'apply', '-', '--deploy'], { input: JSON.stringify(definition) })).toMatchObject({
        code: 0,
      })
    }
    const exact = await run([
      'infer',
      'digits',
      '--data',
      '{"x":[[9007199254740993,-9223372036854775808,9223372036854775807]]}',
    ])
    expect(exact.stdout).toContain('[[9007199254740993,-9223372036854775808,9223372036854775807]]')
    const red = await run([
      'infer',
      'colours',
      '--data',
      rows,
      '--meta',
      '{"colour":["red","blue"]}',
      '--deadline',
      '5s',
      '--format',
      'table',
    ])
    expect(red.stdout).toBe(
      'ROW  Y        FAILED CHECKS  ANSWERED BY\n  0  [2,2,2]  -              constant-v2\n  1  [1,1,1]  -              constant-v1\n',
    )
  })

  it('keys: are asked for from the first one on, also while the server runs, and after the last was revoked', async () => {
    const home = temporaryDirectory()
    const { url } = await serve(['--home', home])
    expect((await clientOf(url)(['model', 'list'])).code).toBe(0)
    const key = (await penstock(['keys', 'create', 'ci', '--home', home])).stdout.trim()
    await sleep(1500)
    const refused = await clientOf(url)(['model', 'list'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('(ERR_UNAUTHORIZED)')
    expect(refused.stderr).not.toContain(key)
    expect((await clientOf(url, { PENSTOCK_API_KEY: key })(['model', 'list'])).code).toBe(0)
    expect((await clientOf(url)(['model', 'list', '--api-key', key])).code).toBe(0)
    expect((await clientOf(url)(['model', 'list', '--api-key', `${key}x`])).code).toBe(1)
    expect((await penstock(['keys', 'revoke', 'ci', '--home', home])).code).toBe(0)
    await sleep(1500)
    expect((await clientOf(url)(['model', 'list'])).code).toBe(1)
    expect((await clientOf(url, { PENSTOCK_API_KEY: key })(['model', 'list'])).code).toBe(1)
  })
})
