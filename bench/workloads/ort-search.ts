/**
 * The exhaustive search of bare ONNX Runtime: every number of instances × threads inside a run × rows of a batch that
 * these cores allow. The best of it is the offline rate that criterion 5 holds Penstock to; the best latency of a
 * single row is what criterion 6 does.
 */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../harness/project.js'

const run = promisify(execFile)
const program = join(projectRoot, 'bench', 'baselines', 'bare-ort-load.mjs')
const limitMs = 120_000
/** More threads than cores are tried too, where they are few: a blocked thread leaves its core to another. */
const oversubscription = 2

export interface OrtConfiguration {
  readonly instances: number
  readonly intraOp: number
  readonly rows: number
}

export interface OrtFigures {
  readonly rowsPerSecond: number
  /** Median time of a run. */
  readonly p50Us: number
}

export interface OrtSubject {
  readonly model: string
  readonly freeDim: number
}

export interface OrtTrial extends OrtFigures {
  readonly configuration: OrtConfiguration
}

export async function measureOrt(
  subject: OrtSubject,
  configuration: OrtConfiguration,
  seconds: number,
  warmupSeconds: number,
): Promise<OrtFigures> {
  const options = JSON.stringify({ ...subject, ...configuration, seconds, warmupSeconds })
  const { stdout } = await run(process.execPath, [program, options], { timeout: limitMs })
  return JSON.parse(stdout) as OrtFigures
}

/** @returns every configuration that was tried, the fastest first. */
export async function searchOrt(
  subject: OrtSubject,
  batchRows: readonly number[],
  seconds: number,
): Promise<OrtTrial[]> {
  const cores = availableParallelism()
  const counts = Array.from({ length: cores }, (_, index) => index + 1)
  const trials: OrtTrial[] = []
  for (const instances of counts) {
    for (const intraOp of counts.filter((count) => count * instances <= cores * oversubscription)) {
      for (const rows of batchRows) {
        const configuration = { instances, intraOp, rows }
        trials.push({ configuration, ...(await measureOrt(subject, configuration, seconds, seconds / 4)) })
      }
    }
  }
  return trials.sort((left, right) => right.rowsPerSecond - left.rowsPerSecond)
}

/** The thread count with which a single row is answered soonest. */
export async function fastestSingle(subject: OrtSubject, seconds: number): Promise<OrtTrial> {
  const trials: OrtTrial[] = []
  for (let intraOp = 1; intraOp <= availableParallelism(); intraOp++) {
    const configuration = { instances: 1, intraOp, rows: 1 }
    trials.push({ configuration, ...(await measureOrt(subject, configuration, seconds, seconds / 4)) })
  }
  return trials.reduce((best, trial) => (trial.p50Us < best.p50Us ? trial : best))
}

export const configurationText = ({ instances, intraOp, rows }: OrtConfiguration): string =>
  `${instances} × ${intraOp} threads, ${rows} row${rows === 1 ? '' : 's'}`
