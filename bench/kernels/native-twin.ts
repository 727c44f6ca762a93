/**
 * Builds penstock-kernels (the native twin: bench/kernels/*.cpp over the product's own kernels) and runs it. The goals
 * of a kernel are held to a gate here: 0.6 of the bandwidth of its stream where memory is the bound, 4 times its
 * reference where computing is.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../harness/project.js'
import type { CriterionResult } from '../workloads/row.js'

const run = promisify(execFile)
const buildFolder = join(projectRoot, 'build', 'kernels')

export const SHARE_GOAL = 0.6
export const SPEEDUP_GOAL = 4

/** One kernel at one size; medians over the rounds. Bytes are those read once plus those written once. */
export interface KernelFigure {
  readonly kernel: string
  readonly level: string
  /** cache: all data fits L2 · memory: three times the last cache. */
  readonly size: 'cache' | 'memory'
  readonly bytes: number
  readonly bound: 'memory' | 'compute'
  /** What the bandwidth was measured with: reads, writes, or both. */
  readonly stream: 'copy' | 'read' | 'write'
  readonly nsPerRow: number
  readonly nsPerElement: number
  readonly gbPerSecond: number
  readonly streamGbPerSecond: number
  readonly share: number
  readonly shareLeast: number
  readonly shareMost: number
  readonly speedup: number
  readonly speedupLeast: number
  readonly speedupMost: number
  readonly hash: string
}

export interface TwinOptions {
  readonly rounds: number
  /** undefined: three times the last cache. */
  readonly largeMib?: number | undefined
  readonly only?: string | undefined
  readonly level?: string | undefined
}

export async function buildTwin(): Promise<void> {
  try {
    await run('cmake', ['-S', join(projectRoot, 'native'), '-B', buildFolder, '-DPENSTOCK_BENCH=ON'])
    await run('cmake', ['--build', buildFolder, '--parallel', '2', '--target', 'penstock-kernels'])
  } catch (cause) {
    throw new Error('Cannot build bench/kernels: it needs cmake 3.15 and a C++20 compiler', { cause })
  }
}

/** @throws Error when a kernel gives another result than its reference, or an option is refused. */
export async function runTwin({ rounds, largeMib, only, level }: TwinOptions): Promise<KernelFigure[]> {
  const options = { rounds, 'large-mib': largeMib, only, level }
  const args = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
  const { stdout } = await run(join(buildFolder, 'penstock-kernels'), args, { maxBuffer: 2 ** 24 })
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KernelFigure)
}

/** Memory-bound kernels are gated where memory is far away, compute-bound ones where it is near. */
export function isGated({ bound, size }: KernelFigure): boolean {
  return (bound === 'memory') === (size === 'memory')
}

export function meetsGoal({ bound, share, speedup }: KernelFigure): boolean {
  return bound === 'memory' ? share >= SHARE_GOAL : speedup >= SPEEDUP_GOAL
}

/** As a result of criterion 12 of `bench:rows`. @param samples rounds that were measured. */
export function findingOf(figure: KernelFigure, samples: number): CriterionResult {
  const { kernel, level, size, bound, stream, streamGbPerSecond, share, speedup } = figure
  const name = `${kernel}, ${level}, ${size}`
  const common = { kind: 'verdict', row: 12, name, better: 'more', aim: null, samples } as const
  if (bound === 'memory') {
    const [low, high] = [figure.shareLeast, figure.shareMost]
    const baseline = `${stream} ${streamGbPerSecond.toFixed(1)} GB/s`
    return { ...common, figure: share, unit: 'of bandwidth', baseline, required: SHARE_GOAL, low, high }
  }
  const [low, high] = [figure.speedupLeast, figure.speedupMost]
  const baseline = 'its reference, not vectorised'
  return { ...common, figure: speedup, unit: '×', baseline, required: SPEEDUP_GOAL, low, high }
}

/** A table for people; the figure that a kernel is gated by is marked with ✓ or ✗. */
export function formatFigures(figures: readonly KernelFigure[]): string {
  const lines = figures.map((figure) => {
    const mark = isGated(figure) ? (meetsGoal(figure) ? '✓' : '✗') : ' '
    const shares = `${percent(figure.share)} (${percent(figure.shareLeast)}–${percent(figure.shareMost)})`
    const speedups = `${figure.speedup.toFixed(1)} (${figure.speedupLeast.toFixed(1)}–${figure.speedupMost.toFixed(1)})`
    return [
      mark,
      figure.kernel.padEnd(34),
      figure.size.padEnd(7),
      figure.bound.padEnd(8),
      String(figure.nsPerRow).padStart(10),
      String(figure.nsPerElement).padStart(10),
      figure.gbPerSecond.toFixed(1).padStart(7),
      `${figure.streamGbPerSecond.toFixed(1)} ${figure.stream}`.padStart(12),
      shares.padStart(18),
      speedups.padStart(18),
      ` ${figure.hash}`,
    ].join(' ')
  })
  const heads = ['size   ', 'bound   ', '    ns/row', '   ns/elem', '   GB/s', '      stream']
  return [
    `  ${'kernel'.padEnd(34)} ${heads.join(' ')} ${'share'.padStart(18)} ${'× reference'.padStart(18)}`,
    ...lines,
  ].join('\n')
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
