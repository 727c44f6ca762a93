/**
 * Three times the capacity, in an open loop: what of it is answered within its deadline, what is refused and how fast. Each
 * case prints one line of figures; the bounds hold on a machine that others use too, the aims stand in
 * docs/performance.md. OVERLOAD_MATRIX=1 measures every model, transport and deadline.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ServerChild } from './testing/server-child.js'
import {
  describeOverload,
  measureOverload,
  writeTurnsModel,
  type OverloadCase,
  type OverloadFigures,
} from './testing/overload-load.js'

/** Turns of the model, and about what a row takes. */
const models = [
  { turns: 3, row: '10 us' },
  { turns: 600, row: '1 ms' },
  { turns: 5000, row: '20 ms' },
] as const

async function measure(
  turns: number,
  load: Pick<OverloadCase, 'transport' | 'deadlineMs' | 'isUntold'>,
): Promise<OverloadFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-turns-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const server = await ServerChild.start({
    models: { turns: writeTurnsModel(folder, turns), idle: 'add-one' },
    pipelines: { turns: [{ type: 'model', model: 'turns' }], idle: [{ type: 'model', model: 'idle' }] },
    // Runs of the size that a server in use has, and a queue that is full within the warm-up.
    engine: { calibration: 'deploy', pendingRowsMax: 1024 },
  })
  const connections = load.transport === 'websocket' ? 16 : 512
  const figures = await measureOverload(server, {
    ...load,
    pipeline: 'turns',
    connections,
    seconds: 3,
    neighbour: 'idle',
  })
  expect(await server.close()).toBe(0)
  return figures
}

describe('goodput', () => {
  test('accepted requests are answered within their deadline, and refusals do not starve the answers', async () => {
    const figures = await measure(600, { transport: 'websocket', deadlineMs: 200 })
    console.info(describeOverload('1 ms a row, websocket, 200 ms', figures))
    expect(figures.offered).toBeGreaterThan(figures.capacity * 2)
    expect(figures.acceptedInTime).toBeGreaterThan(0.9)
    expect(figures.goodput).toBeGreaterThan(0.35)
  })

  test('canary: a server that does not know the deadline fails the same bound', async () => {
    const figures = await measure(600, { transport: 'websocket', deadlineMs: 200, isUntold: true })
    console.info(describeOverload('1 ms a row, websocket, 200 ms untold', figures))
    expect(figures.acceptedInTime).toBeLessThan(0.9)
  })

  const isNonBatching = process.env['OVERLOAD_MATRIX'] === '1'
  for (const { turns, row } of isNonBatching ? models : [])
    for (const transport of ['websocket', 'http-json'] as const)
      for (const deadlineMs of [0, 100, 200, 1000]) {
        const name = `${row} a row, ${transport}, ${deadlineMs === 0 ? 'no deadline' : `${deadlineMs} ms`}`
        test(name, async () => console.info(describeOverload(name, await measure(turns, { transport, deadlineMs }))))
      }
})
