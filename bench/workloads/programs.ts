/**
 * Criteria that are measured by programs of their own: peers (4), shared weights (11), kernels (12), the cost of
 * metrics (13). Each is started with `node` and prints findings (row.ts) as NDJSON; a program that is not built is a
 * skipped row.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../harness/project.js'
import { skipped, type Bench, type Finding, type Criterion } from './row.js'

interface Program {
  readonly number: number
  readonly title: string
  /** Below dist/bench. */
  readonly path: string
  readonly args: (bench: Bench) => readonly string[]
}

const limitMs = 900_000
const quick = ({ isQuick }: Bench): readonly string[] => (isQuick ? ['--quick'] : [])

const programs: readonly Program[] = [
  { number: 4, title: 'other servers', path: 'peers/row.js', args: quick },
  { number: 11, title: 'memory of several workers', path: 'workloads/shared-weights/row.js', args: quick },
  { number: 12, title: 'kernels', path: 'kernels/row.js', args: quick },
  { number: 13, title: 'the cost of metrics', path: 'workloads/metrics-cost/row.js', args: quick },
]

export const programCriteria: readonly Criterion[] = programs.map((program) => {
  const { number, title } = program
  return { number, title, measure: (bench) => runProgram(program, bench) }
})

async function runProgram({ number, title, path, args }: Program, bench: Bench): Promise<Finding[]> {
  const file = join(projectRoot, 'dist', 'bench', path)
  if (!existsSync(file)) return [skipped(number, title, `there is no bench/${path.replace('.js', '.ts')}`)]
  const output = await outputOf(file, args(bench))
  const findings = readFindings(output)
  return findings.length === 0 ? [skipped(number, title, 'its program found nothing')] : findings
}

/** Lines that are findings; all else is the program's own. */
export function readFindings(output: string): Finding[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return []
    const value = JSON.parse(line) as { kind?: unknown }
    return value.kind === 'verdict' || value.kind === 'skipped' ? [value as Finding] : []
  })
}

function outputOf(file: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [file, ...args], { cwd: projectRoot, stdio: ['ignore', 'pipe', 'inherit'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve(output)
      else reject(new Error(`${file} ended with ${code ?? signal}`))
    })
  })
}
