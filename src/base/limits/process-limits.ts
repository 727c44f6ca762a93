/**
 * What the system lets this process have (man 2 getrlimit), as far as a server needs to know it before it begins. Read
 * from /proc, for Node does not say; elsewhere nothing is known and nothing refused. Node itself has raised the limit of
 * open files as far as it may before the first line runs, so what stands there is what there is.
 */
import { readFileSync } from 'node:fs'
import { ADDRESS_SPACE_BYTES_MIN, DESCRIPTORS_MIN } from './limits.js'

export interface ProcessLimits {
  /** Open files and sockets; Infinity: no limit, or not known. */
  readonly descriptors: number
  /** Bytes of address space; Infinity: no limit, or not known. */
  readonly addressSpaceBytes: number
}

const GIB = 1024 ** 3

export function processLimits(): ProcessLimits {
  try {
    return parseLimits(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return { descriptors: Infinity, addressSpaceBytes: Infinity }
  }
}

/** @param text of /proc/<pid>/limits: a line each, the soft limit first. */
export function parseLimits(text: string): ProcessLimits {
  const limitOf = (name: string): number => {
    const soft = new RegExp(`^${name} +(\\d+|unlimited) `, 'm').exec(text)?.[1]
    return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft)
  }
  return { descriptors: limitOf('Max open files'), addressSpaceBytes: limitOf('Max address space') }
}

/** Why a server cannot run under these limits, and the way out; null: it can. */
export function shortageOf({ descriptors, addressSpaceBytes }: ProcessLimits): string | null {
  if (descriptors < DESCRIPTORS_MIN)
    return `Expected to be allowed at least ${DESCRIPTORS_MIN} open files but the limit is ${descriptors}: libraries, threads, models, logs and each connection take some. Raise it: ulimit -n 65536 in a shell, LimitNOFILE= of systemd, --ulimit nofile= of Docker.`
  if (addressSpaceBytes < ADDRESS_SPACE_BYTES_MIN)
    return `Expected to be allowed at least ${ADDRESS_SPACE_BYTES_MIN / GIB} GiB of address space but the limit is ${(addressSpaceBytes / GIB).toFixed(1)} GiB: most of it is reserved and never used. Lift it (ulimit -v unlimited) and limit memory itself by a cgroup or container instead.`
  return null
}
