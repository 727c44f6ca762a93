/**
 * What a process holds in memory, as Linux reports it. VmRSS counts a page once for every mapping of it, so that
 * workers on one file of weights look like copies of it; Pss divides a page by its mappings, and is what the machine
 * really gives.
 */
import { readFileSync } from 'node:fs'

export interface Memory {
  readonly rssMib: number
  readonly pssMib: number
}

const kibPerMib = 1024

/** @param pid of the process itself, without its children. @returns NaN for what the machine does not say. */
export function memoryOf(pid: number | 'self'): Memory {
  return {
    rssMib: mibOf(pid, 'status', /^VmRSS:\s+(\d+) kB/m),
    pssMib: mibOf(pid, 'smaps_rollup', /^Pss:\s+(\d+) kB/m),
  }
}

function mibOf(pid: number | 'self', file: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? Number.NaN) / kibPerMib
  } catch {
    return Number.NaN
  }
}
