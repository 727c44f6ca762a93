/**
 * Identifies a process, so that another one can find out later whether it still lives. Its pid does not suffice: pids
 * are used again, and in containers most servers have pid 1. On Linux the identity is boot id + pid namespace + pid +
 * start time in clock ticks since boot (field 22 of /proc/<pid>/stat, man 5 proc): no two processes ever share it.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** null where /proc does not say. */
  readonly startTicks: string | null
  readonly bootId: string | null
  readonly pidNamespace: string | null
}

/** `unknown`: the process runs in another container or on another machine, or this system does not say. */
export type Liveness = 'alive' | 'dead' | 'unknown'

export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    host: hostname(),
    startTicks: startTicksOf(process.pid),
    bootId: quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: quietly(() => readlinkSync('/proc/self/ns/pid')),
  }
}

/** Whether the process that `other` describes lives, as seen from `self`. */
export function livenessOf(other: ProcessIdentity, self: ProcessIdentity): Liveness {
  if (self.startTicks === null || other.startTicks === null) return 'unknown'
  const isComparable = other.bootId === self.bootId && other.pidNamespace === self.pidNamespace
  if (!isComparable) return 'unknown'
  return startTicksOf(other.pid) === other.startTicks ? 'alive' : 'dead'
}

/** Field 22 of /proc/<pid>/stat, or null. */
export function startTicksOf(pid: number): string | null {
  return quietly(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Field 2 is the command in parentheses and may itself hold spaces and parentheses: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie (field 3) runs nothing and holds nothing any more.
    return fields[0] === 'Z' ? null : (fields[19] ?? null)
  })
}

function quietly(read: () => string | null): string | null {
  try {
    return read()
  } catch {
    return null
  }
}
