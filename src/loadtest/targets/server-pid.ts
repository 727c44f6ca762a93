/**
 * Which process listens on a port of this machine, so that its CPU time and memory can be read without asking for a
 * process id. Linux only: the kernel lists sockets by inode in /proc/net/tcp, and each process its descriptors. Processes
 * of other users do not show theirs; then the answer is 0, unknown.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const LISTENING = '0A'

/** @returns 0 when there is none that may be seen. With several threads or workers that share the port, the lowest. */
export function findServerPid(port: number): number {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => listenersIn(readOr(path), port)))
  if (inodes.size === 0) return 0
  const pids = listOr('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .sort((left, right) => left - right)
  return pids.find((pid) => listOr(`/proc/${pid}/fd`).some((fd) => inodes.has(linkOr(`/proc/${pid}/fd/${fd}`)))) ?? 0
}

/** `socket:[inode]` of all that listen on the port. Columns: slot, local address, remote, state, …, inode. */
export function listenersIn(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/)
    const isListener = columns[1]?.endsWith(suffix) === true && columns[3] === LISTENING
    return isListener ? [`socket:[${columns[9]}]`] : []
  })
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function listOr(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
