/** The machine that a run was taken on: two recordings only compare when these are the same. */
import { availableParallelism, cpus, loadavg, platform, release as kernelRelease, totalmem } from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  /** Release of the program that measures. */
  readonly penstock: string
  /** Load average of the last minute when the run began: above ~0.3 a core other work disturbed it. */
  readonly loadAtStart: number
}

export function readMachine(penstock: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${kernelRelease()}`,
    node: process.version,
    penstock,
    loadAtStart: Number((loadavg()[0] ?? 0).toFixed(2)),
  }
}

export function machineLine({ cpu, cores, memoryGb, system, node, penstock, loadAtStart }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGb} GB, ${system} · Node ${node} · penstock ${penstock} · load at start ${loadAtStart}`
}
