/**
 * The judge at its smallest, so that it cannot rot: rows that need neither Python nor minutes run, and every answer in
 * them is right. No figure is asserted. The yardstick is left out even where it is, for it needs a registry.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../../bench/harness/project.js'

const run = promisify(execFile)
const program = join(projectRoot, 'dist', 'bench', 'workloads', 'main.js')
const env = { ...process.env, PENSTOCK_YARDSTICK: '' }

describe('the judge', () => {
  it('measures rows, each with a figure, and the others go on when one is skipped', { timeout: 90_000 }, async () => {
    const sizes = ['--quick', '--rounds', '1', '--seconds', '0.1', '--warmup', '0.05']
    const { stdout } = await run(process.execPath, [program, '--json', '--only', '2,4,8,15,18', ...sizes], { env })
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(new Set(lines.map(({ row }) => row))).toEqual(new Set([2, 4, 8, 15, 18]))
    for (const line of lines) {
      expect(line).toMatchObject({ benchmark: 'rows', machine: { commit: expect.any(String) } })
      if (line.kind === 'verdict') expect(Number.isFinite(line.figure)).toBe(true)
    }
    expect(lines.filter(({ kind }) => kind === 'verdict').map(({ row }) => row)).toEqual([
      2, 8, 15, 15, 18, 18, 18, 18, 18,
    ])
  })

  it('refuses the number of a row that there is not', async () => {
    await expect(run(process.execPath, [program, '--only', '99'], { env })).rejects.toThrow(
      /--only to be numbers of rows/,
    )
  })
})
