import { closeSync, openSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  DESCRIPTOR_LOG_MS,
  DESCRIPTOR_LOOK_MS,
  DESCRIPTORS_RESERVED,
  DESCRIPTORS_SPARE,
} from '../base/limits/limits.js'
import { DescriptorGuard } from './descriptor-guard.js'
import { processTable, type DescriptorTable } from './descriptor-table.js'

const limit = 256
const usable = limit - DESCRIPTORS_RESERVED

/** A table of which connections, spares and others take their part; looking at it takes `countMs` of the test's clock. */
function harness({ others = 50, countMs = 0 } = {}) {
  const world = { others, connections: 0, spares: 0, counts: 0, nowMs: 0 }
  const lines: string[] = []
  const table: DescriptorTable = {
    count: () => {
      world.counts++
      world.nowMs += countMs
      return world.others + world.connections + world.spares
    },
    open: () => (world.others + world.connections + world.spares < limit ? ++world.spares : null),
    close: () => void world.spares--,
  }
  const guard = new DescriptorGuard({
    limit,
    table,
    connections: () => world.connections,
    nowMs: () => world.nowMs,
    onRefused: (count) => lines.push(`refused ${count}`),
    onRecovered: () => lines.push('recovered'),
  })
  guard.start()
  const connect = (): boolean => {
    world.connections++
    if (guard.admits()) return true
    world.connections--
    return false
  }
  const pass = (ms: number): void => {
    world.nowMs += ms
    vi.advanceTimersByTime(ms)
  }
  return { guard, world, lines, connect, pass }
}

describe('descriptor guard', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('admits: as many connections as leave the reserve, and no more', () => {
    const { guard, world, connect } = harness()
    for (let asked = 0; asked < 2 * limit; asked++) connect()
    expect(world.connections).toBe(usable - 50)
    expect(guard.refusedCount).toBe(2 * limit - world.connections)
    world.connections--
    expect([connect(), connect()]).toEqual([true, false])
    guard.close()
  })

  it('admits: counts what else is open once a second, and less often where counting takes long', () => {
    const fast = harness()
    for (let asked = 0; asked < 100; asked++) fast.connect()
    expect(fast.world.counts).toBe(1)
    fast.pass(10 * DESCRIPTOR_LOOK_MS)
    expect(fast.world.counts).toBe(11)
    fast.guard.close()
    const slow = harness({ countMs: 50 })
    slow.pass(10 * DESCRIPTOR_LOOK_MS)
    expect(slow.world.counts).toBeLessThanOrEqual(3)
    slow.guard.close()
  })

  it('closes its spare descriptors when others fill the table, and takes them again when there is room', () => {
    const { guard, world, connect, pass } = harness()
    expect(world.spares).toBe(DESCRIPTORS_SPARE)
    world.others = limit - DESCRIPTORS_SPARE
    pass(DESCRIPTOR_LOOK_MS)
    expect([world.spares, connect()]).toEqual([0, false])
    world.others = 50
    pass(DESCRIPTOR_LOOK_MS)
    expect([world.spares, connect()]).toEqual([DESCRIPTORS_SPARE, true])
    guard.close()
    expect(world.spares).toBe(0)
  })

  it('reports the first refusal at once, of the next ones together, and of the recovery', () => {
    const { guard, world, lines, connect, pass } = harness({ others: limit })
    for (let asked = 0; asked < 5; asked++) connect()
    expect(lines).toEqual(['refused 1'])
    pass(DESCRIPTOR_LOG_MS)
    connect()
    connect()
    expect(lines).toEqual(['refused 1', 'refused 5'])
    world.others = 50
    pass(DESCRIPTOR_LOOK_MS)
    expect(lines).toHaveLength(2)
    pass(DESCRIPTOR_LOG_MS)
    expect(lines).toEqual(['refused 1', 'refused 5', 'refused 1', 'recovered'])
    pass(10 * DESCRIPTOR_LOG_MS)
    expect(lines).toHaveLength(4)
    guard.close()
  })

  it('admits everybody where no limit is known', () => {
    const quiet = { nowMs: () => 0, onRefused: () => undefined, onRecovered: () => undefined }
    const guard = new DescriptorGuard({ limit: Infinity, connections: () => 1e6, ...quiet })
    guard.start()
    for (let asked = 0; asked < 1000; asked++) expect(guard.admits()).toBe(true)
    guard.close()
  })
})

describe('the table of this process', () => {
  it('count: follows what is opened and closed', () => {
    const before = processTable.count() as number
    const opened = Array.from({ length: 20 }, () => openSync('/dev/null', 'r'))
    const between = processTable.count() as number
    for (const descriptor of opened) closeSync(descriptor)
    // Others of this process open and close files, too.
    expect(Math.abs(between - before - 20)).toBeLessThan(10)
    expect(before).toBeGreaterThan(3)
  })

  it('open: gives a descriptor that close takes back', () => {
    const descriptor = processTable.open() as number
    expect(descriptor).toBeGreaterThan(2)
    processTable.close(descriptor)
    expect(() => processTable.close(descriptor)).toThrow('EBADF')
  })
})
