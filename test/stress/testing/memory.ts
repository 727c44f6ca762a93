/**
 * What a load makes a server's process hold, and whether it gives it back: the resident set before, at its highest (as
 * the kernel counted it, so that no peak falls between two looks) and after, compared with the memory budget.
 *
 * Linux only: /proc. The start is what a server holds that has answered a few requests, has loaded what it loads when it
 * is used first, gRPC too, and has rested.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { sleep } from './load.js'

export const MIB = 2 ** 20

/** Shares that no load may exceed: of the budget above the start, and of the start when it is over. */
export const PEAK_SHARE_MAX = 1.5
export const REST_SHARE_MAX = 1.3
/** Milliseconds in which memory returns. */
export const RETURN_MS_MAX = 10_000

const startQuietMs = 3_000
const lookMs = 100

export interface MemoryRun {
  readonly startBytes: number
  readonly peakBytes: number
  /** The lowest within RETURN_MS_MAX after the load. */
  readonly restBytes: number
  /** From the load's end until it was back at REST_SHARE_MAX of the start; null: it never was. */
  readonly returnMs: number | null
}

/** Runs `load` against the process. The load ends when its callers are gone. */
export async function measureMemory(pid: number, load: () => Promise<void>): Promise<MemoryRun> {
  await sleep(startQuietMs)
  // The peak so far is what it holds now.
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const startBytes = residentBytes(pid)
  await load()
  const endMs = performance.now()
  const peakBytes = statusBytes(pid, 'VmHWM')
  let restBytes = residentBytes(pid)
  let returnMs: number | null = null
  while (performance.now() - endMs < RETURN_MS_MAX && returnMs === null) {
    restBytes = Math.min(restBytes, residentBytes(pid))
    if (restBytes <= startBytes * REST_SHARE_MAX) returnMs = performance.now() - endMs
    else await sleep(lookMs)
  }
  return { startBytes, peakBytes, restBytes, returnMs }
}

/** One line of figures. */
export function printMemory(name: string, run: MemoryRun, budgetBytes: number, more = ''): void {
  const { startBytes, peakBytes, restBytes, returnMs } = run
  console.info(
    `memory, ${name}: start ${mib(startBytes)}, peak ${mib(peakBytes - startBytes)} above it ` +
      `(${((peakBytes - startBytes) / budgetBytes).toFixed(2)} of a budget of ${mib(budgetBytes)}), ` +
      `rest ${mib(restBytes)} (${(restBytes / startBytes).toFixed(2)} of the start` +
      `${returnMs === null ? '' : ` after ${(returnMs / 1000).toFixed(1)} s`})${more === '' ? '' : `; ${more}`}`,
  )
}

/** What is not as it must be; empty: all is. */
export function memoryFaults({ startBytes, peakBytes, restBytes }: MemoryRun, budgetBytes: number): string[] {
  const faults: string[] = []
  if (peakBytes - startBytes > budgetBytes * PEAK_SHARE_MAX)
    faults.push(`it held ${mib(peakBytes - startBytes)} above the start, of a budget of ${mib(budgetBytes)}`)
  if (restBytes > startBytes * REST_SHARE_MAX)
    faults.push(`it kept ${mib(restBytes)} of ${mib(startBytes)} at the start`)
  return faults
}

export function expectBounded(run: MemoryRun, budgetBytes: number): void {
  expect(memoryFaults(run, budgetBytes)).toEqual([])
}

export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS')
}

function statusBytes(pid: number, name: string): number {
  const kib = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kib === undefined) throw new Error(`Expected /proc/${pid}/status to tell ${name}`)
  return Number(kib) * 1024
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`
}
