/**
 * The parsers of native/net beside two that others wrote and that are strict, too: h11 and wsproto get the same thousands of
 * seeded inputs, well-formed and broken (compare.py says what has to agree). Under sanitizers, like the fuzz targets.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { interopPath, pythonWith } from '../venv.js'

const run = promisify(execFile)
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const inputCount = 4000
const seed = Number(process.env['PENSTOCK_SEED'] ?? 20_261)
/** It compiles for a quarter of a minute, longer beside others, and installs two packages. */
const preparationLimitMs = 540_000

interface Report {
  readonly counts: Readonly<Record<'taken' | 'refused' | 'incomplete', number>>
  readonly faults: Readonly<Record<string, number>>
  readonly differences: readonly unknown[]
  readonly differing: number
}

describe('the parsers beside others', () => {
  let reports: Readonly<Record<'http' | 'websocket', Report>>

  beforeAll(async () => {
    const folder = join(interopPath, 'parser-peer')
    await run('cmake', ['-S', here('../../../native'), '-B', folder, '-DPENSTOCK_FUZZ=ON'])
    await run('cmake', ['--build', folder, '--target', 'parser_peer'], { maxBuffer: 2 ** 26 })
    const python = await pythonWith('parsers', here('requirements.txt'))
    const compare = [here('compare.py'), join(folder, 'parser_peer'), String(seed), String(inputCount)]
    const { stdout } = await run(python, compare, { maxBuffer: 2 ** 26, timeout: 300_000 })
    reports = JSON.parse(stdout) as typeof reports
    console.info(`parsers: seed ${seed}`)
  }, preparationLimitMs)

  it.each(['http', 'websocket'] as const)('%s: takes only what the other takes, and understands the same', (name) => {
    expect(reports[name].differences).toEqual([])
    expect(reports[name].differing).toBe(0)
  })

  it.each(['http', 'websocket'] as const)('%s: enough of both kinds was tried, by enough rules', (name) => {
    const { counts, faults } = reports[name]
    expect(counts.taken + counts.refused + counts.incomplete).toBe(inputCount)
    expect(counts.taken).toBeGreaterThan(inputCount / 10)
    expect(counts.refused).toBeGreaterThan(inputCount / 10)
    expect(Object.keys(faults).length).toBeGreaterThan(8)
  })
})
