/** Tags, versions and deploys that are not waited for, on the command line. */
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { penstock, serve, temporaryDirectory, type RunOptions } from '../support/cli-process.js'

vi.setConfig({ testTimeout: 120_000 })

const testModel = (name: string) => fileURLToPath(new URL(`../models/${name}.onnx`, import.meta.url))

describe('cli: tags and versions', () => {
  it('tags survive a restart of the server and find what carries them; a version is shown and applied again', async () => {
    const home = temporaryDirectory()
    const first = await serve(['--home', home])
    const runAt =
      (url: string) =>
      (args: readonly string[], options: RunOptions = {}) =>
        penstock(args, { ...options, env: { PENSTOCK_URL: url } })
    const run = runAt(first.url)
    await run(['model', 'add', testModel('constant-v1'), '--name', 'constant'])
    await run(['model', 'add', testModel('constant-v2'), '--name', 'constant'])
    for (const steps of ['[{"type":"model","model":"constant@1"}]', '[{"type":"model","model":"constant"}]'])
      expect((await run(['pipeline', 'apply', '-', '--name', 'p'], { input: steps })).code).toBe(0)

    expect((await run(['pipeline', 'tag', 'p', 'team a', 'red'])).stdout).toBe('p has the tags team a, red\n')
    expect((await run(['model', 'tag', 'constant', 'red', '--version', '1'])).stdout).toBe(
      'constant@1 has the tags red\n',
    )
    expect((await run(['model', 'tag', 'constant', 'red'])).stdout).toBe('constant@2 has the tags red\n')
    expect((await run(['model', 'tag', 'constant', 'red', '--remove'])).stdout).toBe('constant@2 has no tags\n')
    expect((await run(['model', 'tag', 'constant', 'red', '--remove'])).code).toBe(1)
    first.child.kill('SIGTERM')
    await first.ended

    const second = await serve(['--home', home])
    const again = runAt(second.url)
    expect((await again(['tags'])).stdout).toBe(
      'TAG     PIPELINES  MODELS\nred     p          constant@1\nteam a  p          -\n',
    )
    expect((await again(['pipeline', 'list', '--search', 'TEAM'])).stdout).toMatch(
      /^p +- +2 .* team a, red +constant$/m,
    )
    expect((await again(['pipeline', 'list', '--search', 'blue'])).stdout).toBe(
      'No pipeline has "blue" in its name or tags.\n',
    )
    const found = JSON.parse((await again(['model', 'list', '--search', 'red', '--json'])).stdout) as {
      models: { versions: { version: number }[] }[]
    }
    expect(found.models.map(({ versions }) => versions.map(({ version }) => version))).toEqual([[1]])

    expect((await again(['pipeline', 'show', 'p', '--version', '1'])).stdout).toMatch(
      /^p, version 1 \(of 1, 2\)\n[^]*0 {2}constant@1\n$/,
    )
    expect((await again(['pipeline', 'show', 'p', '--version', '9'])).stderr).toContain('(ERR_PIPELINE_NOT_FOUND)')
    expect((await again(['pipeline', 'show', 'p', '--models'])).stdout).toMatch(
      /^ +0 +constant +2 +- +x float32\[n,3\]/m,
    )
    const { stdout: definition } = await again(['pipeline', 'show', 'p', '--version', '1', '--definition'])
    expect((await again(['pipeline', 'apply', '-'], { input: definition })).stdout).toMatch(/^p, version 3, is stored/)

    expect((await again(['pipeline', 'deploy', 'p', '--no-wait'])).stdout).toMatch(/^p is being deployed/)
    const status = async () => (await again(['pipeline', 'status', 'p', '--json'])).stdout
    // Each look is a process of its own, which takes longer than the deploy.
    await expect.poll(status, { timeout: 20_000 }).toContain('"state":"running"')
  })
})
