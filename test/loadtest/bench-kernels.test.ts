/**
 * The kernels' benchmark at its smallest, so that it cannot rot: it builds, every kernel gives its reference's result,
 * and every figure is there. No time is asserted.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { buildTwin, findingOf, formatFigures, isGated, meetsGoal, runTwin } from '../../bench/kernels/native-twin.js'
import { benchTransforms, formatTransforms } from '../../bench/kernels/transforms.js'

describe('bench: kernels', () => {
  beforeAll(buildTwin, 240_000)

  it('every kernel is right and has its figures, at both sizes', { timeout: 60_000 }, async () => {
    const figures = await runTwin({ rounds: 1, largeMib: 1 })
    expect(figures.length).toBeGreaterThan(50)
    for (const size of ['cache', 'memory']) expect(figures.some((figure) => figure.size === size)).toBe(true)
    for (const figure of figures) {
      for (const value of [figure.nsPerRow, figure.gbPerSecond, figure.share, figure.speedup])
        expect(value).toBeGreaterThan(0)
      expect(figure.hash).toMatch(/^[0-9a-f]{16}$/)
    }
    expect(formatFigures(figures).split('\n')).toHaveLength(figures.length + 1)
  })

  it('a result hash is the same at every level', { timeout: 60_000 }, async () => {
    const only = 'normalise'
    const [scalar, simd] = await Promise.all(
      ['scalar', undefined].map((level) => runTwin({ rounds: 1, largeMib: 1, only, level })),
    )
    expect(scalar?.map(({ hash }) => hash)).toEqual(simd?.map(({ hash }) => hash))
  })

  it('goals: memory-bound kernels are gated by bandwidth, compute-bound ones by their reference', () => {
    const figure = { bound: 'memory', size: 'memory', share: 0.61, speedup: 1 } as const
    const gate = (change: object): boolean[] => {
      const changed = { ...figure, ...change } as unknown as Parameters<typeof isGated>[0]
      return [isGated(changed), meetsGoal(changed)]
    }
    expect(gate({})).toEqual([true, true])
    expect(gate({ share: 0.59 })).toEqual([true, false])
    expect(gate({ size: 'cache' })).toEqual([false, true])
    expect(gate({ bound: 'compute', size: 'cache' })).toEqual([true, false])
    expect(gate({ bound: 'compute', size: 'cache', speedup: 4 })).toEqual([true, true])
  })

  it('findings: the gate sees the share where memory bounds a kernel, the speedup where computing does', () => {
    const shares = { share: 0.61, shareLeast: 0.5, shareMost: 0.7 }
    const speedups = { speedup: 5, speedupLeast: 4, speedupMost: 6 }
    const common = { kernel: 'clip', level: 'avx2', size: 'memory', stream: 'copy', streamGbPerSecond: 20 }
    const findings = ['memory', 'compute'].map((bound) =>
      findingOf({ ...common, ...shares, ...speedups, bound } as unknown as Parameters<typeof findingOf>[0], 7),
    )
    const target = findings.map(({ figure, low, high, required }) => [figure, low, high, required])
    expect(target).toEqual([
      [0.61, 0.5, 0.7, 0.6],
      [5, 4, 6, 4],
    ])
  })

  it('the calls from JavaScript are right and are timed', { timeout: 60_000 }, async () => {
    const calls = await benchTransforms(1, [1, 3])
    expect(calls).toHaveLength(10)
    for (const { nsPerRow, loopNsPerRow } of calls) expect(Math.min(nsPerRow, loopNsPerRow)).toBeGreaterThan(0)
    expect(formatTransforms(calls).split('\n')).toHaveLength(11)
  })
})
