/**
 * Where things lie and what machine this is. The benchmark runs compiled (dist/bench) and, in tests, from its sources;
 * both find the project's root by walking up to package.json.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)))

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
  readonly onnxRuntime: string
  /** Load average of the last minute when the benchmark started: above ~0.3 other work disturbed it. */
  readonly loadAtStart: number
  /** Short hash, with `+` when the working tree differs; `unknown` outside a git checkout. */
  readonly commit: string
}

export function readMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    onnxRuntime: versionOf('onnxruntime-node'),
    loadAtStart: Number((loadavg()[0] ?? 0).toFixed(2)),
    commit: commitOf(projectRoot),
  }
}

export function machineLine(machine: Machine): string {
  return (
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB · Node ${machine.node} · ` +
    `ONNX Runtime ${machine.onnxRuntime} · load at start ${machine.loadAtStart} · commit ${machine.commit}`
  )
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('Expected the benchmark to lie inside the project: no package.json above it')
  return findRoot(parent)
}

function versionOf(dependency: string): string {
  const text = readFileSync(join(projectRoot, 'node_modules', dependency, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Short hash of the checkout at `root`, with `+` when its working tree differs; `unknown` outside a git checkout. */
export function commitOf(root: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    return git('rev-parse', '--short=10', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}
