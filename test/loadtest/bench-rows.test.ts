/**
 * `bench:rows` at its smallest, so that it cannot rot: criteria that need neither Python nor minutes run, and every
 * answer in them is right. No figure is asserted. The yardstick is left out even where it is, for it needs a registry.
 */
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../../bench/harness/project.js'

const run = promisify(execFile)
const program = join(projectRoot, 'dist', 'bench', 'workloads', 'main.js')
const env = { ...process.env, PENSTOCK_YARDSTICK: '' }

describe('the gate', () => {
  it('measures rows, each with a figure, and the others go on when one is skipped', { timeout: 90_000 }, async () => {
    const sizes = ['--quick', '--rounds', '1', '--seconds', '0.1', '--warmup', '0.05']
    const { stdout } = await run(process.execPath, [program, '--json', '--only', '2,4,8,15,18,19', ...sizes], { env })
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(new Set(lines.map(({ row }) => row))).toEqual(new Set([2, 4, 8, 15, 18, 19]))
    for (const line of lines) {
      expect(line).toMatchObject({ benchmark: 'rows', machine: { commit: expect.any(String) } })
      if (line.kind === 'verdict') expect(Number.isFinite(line.figure)).toBe(true)
    }
    expect(lines.filter(({ kind }) => kind === 'verdict').map(({ row }) => row)).toEqual([
      2, 8, 15, 15, 18, 18, 18, 18, 18, 19, 19,
    ])
  })

  it('refuses the number of a criterion that there is not', async () => {
    await expect(run(process.execPath, [program, '--only', '99'], { env })).rejects.toThrow(
      /--only to be numbers of criteria/,
    )
  })

  it('compares this build with itself, each figure with a ratio', { timeout: 120_000 }, async () => {
    const sizes = ['--quick', '--rounds', '1', '--seconds', '0.2', '--warmup', '0.1']
    const against = ['--against', projectRoot, '--only', '2,8']
    const { stdout } = await run(process.execPath, [program, ...against, '--json', ...sizes], { env })
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.filter(({ isRequired }) => isRequired).map(({ row }) => row)).toEqual([2, 8, 8])
    for (const line of lines) {
      expect(line, stdout).toMatchObject({ benchmark: 'rows-against', kind: 'comparison', against: expect.any(String) })
      for (const value of [line.own, line.other, line.ratio.median]) {
        expect(Number.isFinite(value) && value > 0, JSON.stringify(line)).toBe(true)
      }
      // One pair says nothing about noise.
      expect(line).toMatchObject({ ratio: { count: 1 }, interval: { confidence: 0 }, outcome: 'unclear' })
    }
    expect(lines.filter(({ name }) => /VmRSS|Pss/.test(name))).toHaveLength(4)
  })

  it('a comparison itself loads neither ONNX Runtime nor the addon, which would share its pages with one build', async () => {
    const compare = join(projectRoot, 'dist', 'bench', 'workloads', 'against', 'compare.js')
    const script = `await import(${JSON.stringify(compare)}); console.log(process.report.getReport().sharedObjects.join())`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
    expect(stdout).toMatch(/libc\b/)
    expect(stdout.replaceAll(projectRoot, '')).not.toMatch(/libonnxruntime|onnxruntime_binding|Release\/penstock/)
  })

  it('refuses to compare with what is no checkout, by a criterion that does not compare, and to keep the ratios', async () => {
    const attempt = (...args: string[]) => run(process.execPath, [program, '--against', ...args], { env })
    await expect(attempt(tmpdir())).rejects.toThrow(/--against to be the folder of a checkout of Penstock/)
    await expect(attempt(projectRoot, '--only', '4')).rejects.toThrow(
      /--only beside --against to be some of the criteria/,
    )
    await expect(attempt(projectRoot, '--save')).rejects.toThrow(/--save without --against/)
  })
})
