/**
 * A disk that has no room, on the real file system: the limit of a process on the size of its files stands in for a full
 * disk, because it fails in the same way, in the middle of a write, and asks for no privilege.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { readSegment, segmentPaths, TestLog, wholeMessages } from '../support/log-harness.js'

interface Outcome {
  readonly codes: Readonly<Record<string, number>>
  readonly rowCount: number
  readonly droppedRowCount: number
  readonly isFailing: boolean
  readonly fault: string
}

const child = fileURLToPath(new URL('./testing/log-child.mjs', import.meta.url))

/** Files of at most `fileKib`; a write beyond that fails with EFBIG, after what still fits. */
async function logWithin(fileKib: number, setup: object): Promise<Outcome> {
  const script = `trap '' XFSZ; ulimit -f ${fileKib}; exec "$0" "$1" "$2"`
  const { stdout } = await promisify(execFile)('bash', ['-c', script, process.execPath, child, JSON.stringify(setup)])
  return JSON.parse(stdout) as Outcome
}

function rowsIn(log: TestLog): number[] {
  return segmentPaths(log.path).flatMap((path) =>
    [...(readSegment(path).getChild('in.x') ?? [])].map((x) => Number((x as { get(i: number): number }).get(0))),
  )
}

describe.runIf(process.platform === 'linux')('a disk without room', () => {
  test('async: what fits is there, whole; what does not is counted; every request is answered', async () => {
    const log = new TestLog()
    const outcome = await logWithin(64, { path: log.path, durability: 'async', requests: 60, rows: 100 })
    expect(outcome.codes).toEqual({ answered: 60 })
    expect(outcome.droppedRowCount).toBeGreaterThan(0)
    expect(outcome.fault === '' || outcome.fault === 'EFBIG').toBe(true)
    const rows = rowsIn(log)
    expect(rows).toHaveLength(outcome.rowCount)
    expect(rows.length + outcome.droppedRowCount).toBe(6000)
    expect(new Set(rows).size).toBe(rows.length)
    for (const path of segmentPaths(log.path)) {
      const bytes = readFileSync(path)
      // Nothing but whole messages, and the end marker where there was room for it.
      expect(bytes.length - wholeMessages(bytes).length).toBeOneOf([0, 8])
    }
  })

  test('committed: an answer means a row, a failure means none', async () => {
    const log = new TestLog()
    const outcome = await logWithin(64, { path: log.path, durability: 'committed', requests: 60, rows: 100 })
    expect(outcome.codes['answered']).toBeGreaterThan(0)
    expect(outcome.codes['ERR_STORAGE']).toBeGreaterThan(0)
    expect(rowsIn(log)).toHaveLength(100 * (outcome.codes['answered'] ?? 0))
  })
})
