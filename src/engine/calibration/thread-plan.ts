/**
 * Decides how many threads do what, from what the container really grants: the cgroup's CPU quota and the affinity
 * mask, not the number of cores of the machine. A process that believes the latter starts 64 threads on 2 cores and is
 * throttled by the kernel for most of each period.
 *
 *     control + I/O: 1 thread (the one that imported the engine)    infer: one worker per core    inside a run: 1 thread
 *
 *     background: one thread more per core but one, for challengers, with what all other threads leave
 *
 * Calibration (calibrate.ts) may give a model another arrangement within these cores; the default stands here.
 *
 * As many workers as cores although the I/O thread needs one too: under load it sleeps in the kernel or hands over
 * work, and a core without a worker is a core lost when requests are few and heavy. Requests parallelise better than
 * the inside of one run, hence one intra-op thread. Spinning (threads that poll instead of sleep) pays only when every
 * thread has a core of its own. An idle worker, though, spins for its next batch a moment before it sleeps, if there
 * is a core beside the I/O thread's: it is one worker at a time, and it yields its core to any thread that wants it.
 *
 * `planThreads` is pure: facts and overrides in, plan out. `readThreadFacts` reads the machine.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { expectInteger } from '../../base/expect.js'
import {
  INFER_WORKERS_MAX,
  INTRA_OP_THREADS_MAX,
  WORKER_WATCH_US,
  WORKER_WATCH_US_MAX,
} from '../../base/limits/limits.js'

export interface ThreadFacts {
  /** Cores that the affinity mask allows; what os.availableParallelism says. */
  readonly affinityCores: number
  /** CPU time per period that the cgroup grants, in cores; null when it sets no quota. */
  readonly quotaCores: number | null
  /** Whether a thread can take what all others leave; absent: no. */
  readonly canYield?: boolean
}

export interface ThreadOverrides {
  readonly inferWorkers?: number | undefined
  readonly backgroundWorkers?: number | undefined
  readonly intraOpThreads?: number | undefined
  readonly workerWatchUs?: number | undefined
}

export interface ThreadPlan {
  /** Whole cores that the plan counts on. */
  readonly cores: number
  readonly ioThreads: number
  readonly inferWorkers: number
  /** Threads more for challengers; they start with the first pipeline that has some. */
  readonly backgroundWorkers: number
  readonly intraOpThreads: number
  readonly spinning: boolean
  /** Microseconds that an idle worker spins for work before it sleeps. */
  readonly watchUs: number
  /** One sentence per decision. */
  readonly reasons: readonly string[]
}

/** @throws PenstockError ERR_ARGUMENT when an override is out of its range. */
export function planThreads(facts: ThreadFacts, overrides: ThreadOverrides = {}): ThreadPlan {
  const granted = Math.min(facts.affinityCores, facts.quotaCores ?? Infinity)
  // Rounded up: with 1.5 cores two workers share the quota better than one wastes a third of it.
  const cores = Math.max(1, Math.ceil(granted))
  const inferWorkers =
    overrides.inferWorkers === undefined
      ? Math.min(cores, INFER_WORKERS_MAX)
      : expectInteger('inferWorkers', overrides.inferWorkers, 1, INFER_WORKERS_MAX)
  const intraOpThreads =
    overrides.intraOpThreads === undefined
      ? 1
      : expectInteger('intraOpThreads', overrides.intraOpThreads, 1, INTRA_OP_THREADS_MAX)
  // One core's worth of champions is what challengers run beside; a single core is shared.
  const sparable = Math.max(1, Math.min(cores, inferWorkers * intraOpThreads) - 1)
  const backgroundWorkers =
    overrides.backgroundWorkers === undefined
      ? facts.canYield === true
        ? Math.min(sparable, INFER_WORKERS_MAX)
        : 0
      : expectInteger('backgroundWorkers', overrides.backgroundWorkers, 0, INFER_WORKERS_MAX)
  const watchUs =
    overrides.workerWatchUs === undefined
      ? granted >= 2
        ? WORKER_WATCH_US
        : 0
      : expectInteger('workerWatchUs', overrides.workerWatchUs, 0, WORKER_WATCH_US_MAX)
  const ioThreads = 1
  const threads = ioThreads + inferWorkers * intraOpThreads
  const spinning = intraOpThreads > 1 && threads <= cores
  const plan = { cores, ioThreads, inferWorkers, backgroundWorkers, intraOpThreads, spinning, watchUs }
  return { ...plan, reasons: reasonsOf(plan, facts, overrides) }
}

/** One sentence per decision, in the order of the plan's members. */
function reasonsOf(plan: Omit<ThreadPlan, 'reasons'>, facts: ThreadFacts, overrides: ThreadOverrides): string[] {
  const { cores, ioThreads, inferWorkers, backgroundWorkers, intraOpThreads, spinning, watchUs } = plan
  const threads = ioThreads + inferWorkers * intraOpThreads
  return [
    facts.quotaCores === null
      ? `cores: ${cores}, from the affinity mask; the cgroup sets no CPU quota`
      : `cores: ${cores}, the lesser of the affinity mask (${facts.affinityCores}) and the cgroup's quota (${round(facts.quotaCores)})`,
    'I/O threads: 1, which is also the control thread',
    overrides.inferWorkers === undefined
      ? `inference workers: ${inferWorkers}, one per core`
      : `inference workers: ${inferWorkers}, as set by option`,
    overrides.backgroundWorkers !== undefined
      ? `background workers: ${backgroundWorkers}, as set by option`
      : backgroundWorkers > 0
        ? `background workers: ${backgroundWorkers}, for challengers, on core time that nothing else uses`
        : 'background workers: 0, threads cannot yield here; inference workers run challengers',
    overrides.intraOpThreads === undefined
      ? 'threads inside a run: 1, because requests run in parallel instead'
      : `threads inside a run: ${intraOpThreads}, as set by option`,
    spinning
      ? `spinning: on, ${threads} threads have ${cores} cores`
      : intraOpThreads === 1
        ? 'spinning: off, runs have one thread'
        : `spinning: off, ${threads} threads share ${cores} cores`,
    overrides.workerWatchUs !== undefined
      ? `idle worker watches: ${watchUs} us, as set by option`
      : watchUs > 0
        ? `idle worker watches: ${watchUs} us before it sleeps, while requests come faster than that`
        : 'idle worker watches: 0 us, there is no core beside the one of I/O',
  ]
}

/** The plan as a table of plain text, one decision a line. */
export function formatThreadPlan(plan: ThreadPlan): string {
  const rows: [string, string][] = [
    ['cores', String(plan.cores)],
    ['I/O threads', String(plan.ioThreads)],
    ['inference workers', String(plan.inferWorkers)],
    ['background workers', String(plan.backgroundWorkers)],
    ['threads inside a run', String(plan.intraOpThreads)],
    ['spinning', plan.spinning ? 'on' : 'off'],
    ['idle worker watches', `${plan.watchUs} us`],
  ]
  return rows
    .map(([name, value], index) =>
      `${name.padEnd(22)}${value.padEnd(5)} ${(plan.reasons[index] ?? '').replace(/^[^:]*: [^,]*(, )?/, '')}`.trimEnd(),
    )
    .join('\n')
}

/**
 * Overrides from PENSTOCK_INFER_WORKERS, PENSTOCK_BACKGROUND_WORKERS, PENSTOCK_INTRA_OP_THREADS and
 * PENSTOCK_WORKER_WATCH_US.
 * @throws PenstockError ERR_ARGUMENT when one is set but no integer in its range.
 */
export function threadOverridesOf(environment: Readonly<Record<string, string | undefined>>): ThreadOverrides {
  return {
    inferWorkers: integerOf(environment, 'PENSTOCK_INFER_WORKERS', 1, INFER_WORKERS_MAX),
    backgroundWorkers: integerOf(environment, 'PENSTOCK_BACKGROUND_WORKERS', 0, INFER_WORKERS_MAX),
    intraOpThreads: integerOf(environment, 'PENSTOCK_INTRA_OP_THREADS', 1, INTRA_OP_THREADS_MAX),
    workerWatchUs: integerOf(environment, 'PENSTOCK_WORKER_WATCH_US', 0, WORKER_WATCH_US_MAX),
  }
}

/** What this process may use, now. */
export function readThreadFacts(): ThreadFacts {
  const canYield = process.platform === 'linux'
  return { affinityCores: availableParallelism(), quotaCores: readQuotaCores(readText), canYield }
}

/**
 * The cgroup's CPU quota in cores, or null. Knows version 2 (`cpu.max`: "quota period" or "max period") and version 1
 * (`cpu.cfs_quota_us`, -1 for none, over `cpu.cfs_period_us`), at the container's own mount and at the path that
 * /proc/self/cgroup names.
 * @param read the text of a file, or null when it cannot be read.
 */
export function readQuotaCores(read: (path: string) => string | null): number | null {
  const paths = cgroupPaths(read('/proc/self/cgroup') ?? '')
  for (const path of paths.unified) {
    const [quota, period] = (read(`/sys/fs/cgroup${path}/cpu.max`) ?? '').trim().split(/\s+/).map(Number)
    if (isPositive(quota) && isPositive(period)) return quota / period
  }
  for (const path of paths.cpu) {
    const quota = Number(read(`/sys/fs/cgroup/cpu${path}/cpu.cfs_quota_us`) ?? NaN)
    const period = Number(read(`/sys/fs/cgroup/cpu${path}/cpu.cfs_period_us`) ?? NaN)
    if (isPositive(quota) && isPositive(period)) return quota / period
  }
  return null
}

/** The process's groups and their ancestors, innermost first: any of them may hold the quota. '' is the mount itself. */
function cgroupPaths(membership: string): { unified: string[]; cpu: string[] } {
  const unified: string[] = []
  const cpu: string[] = []
  for (const line of membership.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === undefined) continue
    const ancestors = path.split('/').filter((part) => part !== '')
    const target = controllers === '' ? unified : controllers?.split(',').includes('cpu') === true ? cpu : null
    for (let depth = ancestors.length; depth > 0; depth--) target?.push(`/${ancestors.slice(0, depth).join('/')}`)
  }
  return { unified: [...unified, ''], cpu: [...cpu, ''] }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function integerOf(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const text = environment[name]
  if (text === undefined || text === '') return undefined
  return expectInteger(name, /^\d+$/.test(text) ? Number(text) : text, min, max)
}

function isPositive(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value > 0
}

function round(cores: number): string {
  return String(Math.round(cores * 100) / 100)
}
