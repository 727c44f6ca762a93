/** Which processes a process has started, as Linux lists them: what a test must not find when a query is over. */
import { readdirSync, readFileSync } from 'node:fs'

/** PIDs of the processes of queries below `parent`, the dead that nobody has noticed included. */
export function processesOf(parent: number): number[] {
  return childrenOf(parent, /sql-process|penstock query|^$/)
}

/** Those that wait for their query. */
export function readyQueriesOf(parent: number): number[] {
  return childrenOf(parent, /penstock query: ready/)
}

/** Those that have their query. */
export function runningQueriesOf(parent: number): number[] {
  return childrenOf(parent, /penstock query: running/)
}

function childrenOf(parent: number, command: RegExp): number[] {
  return readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) && parentOf(name) === parent && command.test(commandOf(name)) ? [Number(name)] : [],
  )
}

/** Whether the process is there and not a dead one that nobody has noticed. */
export function isAlive(pid: number): boolean {
  const state = statOf(String(pid))[0]
  return state !== undefined && state !== 'Z'
}

function parentOf(name: string): number {
  return Number(statOf(name)[1])
}

/** From the state on: the name before it may hold anything. */
function statOf(name: string): string[] {
  try {
    return readFileSync(`/proc/${name}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return []
  }
}

/** '' of a dead one. */
function commandOf(name: string): string {
  try {
    return readFileSync(`/proc/${name}/cmdline`, 'utf8')
  } catch {
    return 'gone'
  }
}
