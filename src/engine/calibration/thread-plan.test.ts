import { describe, expect, test } from 'vitest'
import { formatThreadPlan, planThreads, readQuotaCores, readThreadFacts, threadOverridesOf } from './thread-plan.js'

const files = (entries: Record<string, string>) => (path: string) => entries[path] ?? null

describe('thread plan', () => {
  test('one worker per core of the affinity mask when no quota is set', () => {
    expect(planThreads({ affinityCores: 8, quotaCores: null })).toMatchObject({
      cores: 8,
      ioThreads: 1,
      inferWorkers: 8,
      intraOpThreads: 1,
      spinning: false,
    })
  })

  test('the quota wins over the affinity mask, rounded up', () => {
    expect(planThreads({ affinityCores: 64, quotaCores: 1.5 }).inferWorkers).toBe(2)
    expect(planThreads({ affinityCores: 64, quotaCores: 0.2 }).inferWorkers).toBe(1)
    expect(planThreads({ affinityCores: 2, quotaCores: 16 }).inferWorkers).toBe(2)
  })

  test('overrides are taken and named as such', () => {
    const plan = planThreads({ affinityCores: 4, quotaCores: null }, { inferWorkers: 2, intraOpThreads: 3 })
    expect(plan).toMatchObject({ inferWorkers: 2, intraOpThreads: 3, spinning: false })
    expect(plan.reasons.join('\n')).toContain('inference workers: 2, as set by option')
  })

  test('spinning is on only when every thread has a core', () => {
    expect(planThreads({ affinityCores: 8, quotaCores: null }, { inferWorkers: 2, intraOpThreads: 3 }).spinning).toBe(
      true,
    )
    expect(planThreads({ affinityCores: 6, quotaCores: null }, { inferWorkers: 2, intraOpThreads: 3 }).spinning).toBe(
      false,
    )
    expect(planThreads({ affinityCores: 64, quotaCores: null }, { inferWorkers: 2 }).spinning).toBe(false)
  })

  test('an idle worker spins for work where the I/O thread leaves it a core, unless an option says otherwise', () => {
    expect(planThreads({ affinityCores: 2, quotaCores: null }).watchUs).toBe(100)
    expect(planThreads({ affinityCores: 64, quotaCores: 1.5 }).watchUs).toBe(0)
    expect(planThreads({ affinityCores: 1, quotaCores: null }).watchUs).toBe(0)
    expect(planThreads({ affinityCores: 1, quotaCores: null }, { workerWatchUs: 50 }).watchUs).toBe(50)
    expect(planThreads({ affinityCores: 8, quotaCores: null }, { workerWatchUs: 0 }).watchUs).toBe(0)
    expect(() => planThreads({ affinityCores: 8, quotaCores: null }, { workerWatchUs: -1 })).toThrow(
      /Expected workerWatchUs/,
    )
  })

  test('challengers get threads for all cores but one, where threads can yield, unless an option says otherwise', () => {
    const count = (affinityCores: number, overrides = {}): number =>
      planThreads({ affinityCores, quotaCores: null, canYield: true }, overrides).backgroundWorkers
    expect([1, 2, 3, 64].map((cores) => count(cores))).toEqual([1, 1, 2, 63])
    expect(count(64, { inferWorkers: 4 })).toBe(3)
    expect(count(64, { inferWorkers: 1, intraOpThreads: 4 })).toBe(3)
    expect(count(4, { backgroundWorkers: 0 })).toBe(0)
    expect(planThreads({ affinityCores: 4, quotaCores: null }).backgroundWorkers).toBe(0)
    expect(() => count(4, { backgroundWorkers: 257 })).toThrow(/Expected backgroundWorkers/)
  })

  test.each([0, 257, 1.5, Number.NaN])('refuses %d workers', (inferWorkers) => {
    expect(() => planThreads({ affinityCores: 4, quotaCores: null }, { inferWorkers })).toThrow(/Expected inferWorkers/)
  })

  test('the table has a line per decision', () => {
    const lines = formatThreadPlan(planThreads({ affinityCores: 4, quotaCores: 2.5 })).split('\n')
    expect(lines).toHaveLength(7)
    expect(lines[0]).toMatch(/^cores +3 +the lesser of the affinity mask \(4\) and the cgroup's quota \(2.5\)$/)
    expect(lines[2]).toMatch(/^inference workers +3 +one per core$/)
  })

  test('environment variables override, and must be integers', () => {
    expect(threadOverridesOf({ PENSTOCK_INFER_WORKERS: '3' })).toEqual({
      inferWorkers: 3,
      backgroundWorkers: undefined,
      intraOpThreads: undefined,
      workerWatchUs: undefined,
    })
    expect(threadOverridesOf({ PENSTOCK_WORKER_WATCH_US: '0' }).workerWatchUs).toBe(0)
    expect(threadOverridesOf({ PENSTOCK_INFER_WORKERS: '' }).inferWorkers).toBeUndefined()
    expect(() => threadOverridesOf({ PENSTOCK_INFER_WORKERS: 'many' })).toThrow(/PENSTOCK_INFER_WORKERS/)
  })
})

describe('cgroup quota', () => {
  test("version 2, in the container's own mount", () => {
    expect(readQuotaCores(files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '150000 100000\n' }))).toBe(
      1.5,
    )
    expect(
      readQuotaCores(files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' })),
    ).toBeNull()
  })

  test("version 2, set on an ancestor of the process's group", () => {
    expect(
      readQuotaCores(
        files({
          '/proc/self/cgroup': '0::/user.slice/app.service\n',
          '/sys/fs/cgroup/user.slice/app.service/cpu.max': 'max 100000',
          '/sys/fs/cgroup/user.slice/cpu.max': '400000 100000',
        }),
      ),
    ).toBe(4)
  })

  test('version 1, under a joint controller', () => {
    const membership = '12:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n'
    expect(
      readQuotaCores(
        files({
          '/proc/self/cgroup': membership,
          '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n',
          '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        }),
      ),
    ).toBe(2)
    expect(
      readQuotaCores(
        files({
          '/proc/self/cgroup': membership,
          '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
          '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        }),
      ),
    ).toBeNull()
  })

  test('no cgroup files: no quota', () => {
    expect(readQuotaCores(files({}))).toBeNull()
  })

  test('this machine has at least one core', () => {
    expect(planThreads(readThreadFacts()).inferWorkers).toBeGreaterThanOrEqual(1)
  })
})
