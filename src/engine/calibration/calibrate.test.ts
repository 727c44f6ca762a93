/**
 * The search on made-up models: what a run takes is a formula, time is simulated, noise is seeded. Each title says what
 * kind of model it is and what must be chosen for it.
 */
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import { seededRandom } from '../../base/random.js'
import { calibrate, type CalibrationFacts, type CalibrationOutcome, type Trial } from './calibrate.js'

const facts: CalibrationFacts = {
  cores: 2,
  workers: 2,
  rowsMax: 1024,
  objectiveUs: 100_000,
  intraOpThreads: null,
  sessionsMax: 100,
  budgetUs: 4_000_000,
}

interface World {
  /** Microseconds of one run. */
  readonly runUs: (trial: Trial) => number
  /** Factor on what a slice takes, 1 for none; drawn per slice. */
  readonly noise?: () => number
  readonly waitedShare?: () => number
  readonly overrides?: Partial<CalibrationFacts>
}

async function search(world: World): Promise<CalibrationOutcome & { trials: Trial[]; elapsedMs: number }> {
  const clock = new ManualClock()
  const trials: Trial[] = []
  const outcome = await calibrate(
    { ...facts, ...world.overrides },
    (trial, sliceUs) => {
      const runUs = world.runUs(trial) * (world.noise?.() ?? 1)
      const runs = Math.max(1, Math.ceil(sliceUs / runUs))
      clock.advanceMs((runs * runUs) / 1000)
      trials.push(trial)
      return Promise.resolve({
        rowsPerS: (trial.instances * trial.rows * 1e6) / runUs,
        runUs,
        waitedShare: world.waitedShare?.() ?? 0,
      })
    },
    clock,
  )
  return { ...outcome, trials, elapsedMs: clock.monotonicUs() / 1000 }
}

/** Rows cost the same in any batch; threads inside a run lose `loss` of what they add. */
const flat =
  (rowUs: number, loss: number) =>
  ({ rows, intraOpThreads }: Trial): number =>
    (rows * rowUs) / (1 + (intraOpThreads - 1) * (1 - loss))

describe('calibrate: rows', () => {
  test('a cheap model takes whole batches: its cost is in the run, not in the rows', async () => {
    const { plan, elapsedMs } = await search({ runUs: ({ rows }) => 12 + rows * 0.02 })
    expect(plan).toEqual({
      instances: 2,
      intraOpThreads: 1,
      spinning: false,
      runRowsMax: 1024,
      batchRowsMax: 1024,
      alone: null,
    })
    expect(elapsedMs).toBeLessThan(200)
  })

  test('a model that is no faster in batches runs row by row, and its batches are small', async () => {
    const { plan } = await search({ runUs: flat(75_000, 0.1) })
    expect(plan.runRowsMax).toBe(1)
    expect(plan.batchRowsMax).toBe(1)
  })

  test('a model that is slower in batches runs row by row, in batches that are worth taking', async () => {
    // A forest: one row takes another path.
    const { plan, batchUs } = await search({ runUs: ({ rows }) => (rows === 1 ? 22 : rows * 37) })
    expect(plan.runRowsMax).toBe(1)
    expect(plan.batchRowsMax).toBeGreaterThanOrEqual(100)
    expect(batchUs).toBeLessThan(5_000)
  })

  test('the best rows are found between the steps of the sweep', async () => {
    // Up to 32 rows they are nearly free, then the cache is too small.
    const { plan } = await search({ runUs: ({ rows }) => 1_000 + rows * 10 + Math.max(0, rows - 32) * 60 })
    expect(plan.runRowsMax).toBe(32)
  })

  test('no run and no batch exceeds the latency objective, but one row', async () => {
    const runUs = ({ rows }: Trial): number => 1_000 + rows * 900
    for (const objectiveUs of [2_000, 5_000, 20_000, 100_000]) {
      const { plan, batchUs } = await search({ runUs, overrides: { objectiveUs } })
      expect(batchUs).toBeLessThanOrEqual(objectiveUs)
      expect(runUs({ ...plan, rows: plan.runRowsMax * 4 })).toBeGreaterThan(objectiveUs / 4)
    }
    const { plan } = await search({ runUs, overrides: { objectiveUs: 500 } })
    expect(plan.batchRowsMax).toBe(1)
  })

  test('a model without batches is tried with one row alone', async () => {
    const { plan, trials } = await search({ runUs: flat(3_000, 0.2), overrides: { rowsMax: 1 } })
    expect(plan.batchRowsMax).toBe(1)
    expect(trials.every(({ rows }) => rows === 1)).toBe(true)
  })

  test('rows that the model refuses end the sweep; a model that refuses one row is not calibrated', async () => {
    const refuse = (from: number) => (trial: Trial) => {
      if (trial.rows >= from) throw new PenstockError('ERR_RUN_FAILED', 'no memory')
      return 10 + trial.rows
    }
    expect((await search({ runUs: refuse(64) })).plan.runRowsMax).toBeLessThan(64)
    await expect(search({ runUs: refuse(1) })).rejects.toThrow('no memory')
  })
})

describe('calibrate: threads', () => {
  test('runs side by side win by rate, and a lone request still gets all cores', async () => {
    const { plan, rowUs } = await search({ runUs: flat(16_500, 0.15) })
    expect(plan).toMatchObject({ instances: 2, intraOpThreads: 1, alone: { intraOpThreads: 2, spinning: false } })
    expect(rowUs).toBeCloseTo(16_500 / 1.85, 0)
  })

  test('at the same rate the shorter run wins', async () => {
    const { plan } = await search({ runUs: flat(16_500, 0.01) })
    expect(plan).toMatchObject({ instances: 1, intraOpThreads: 2, alone: null })
  })

  test('spinning is chosen for the lone request alone, and only when it pays', async () => {
    const spin = (gain: number) => (trial: Trial) => flat(16_500, 0.15)(trial) * (trial.spinning ? 1 - gain : 1)
    expect((await search({ runUs: spin(0.1) })).plan.alone).toEqual({ intraOpThreads: 2, spinning: true })
    expect((await search({ runUs: spin(0.005) })).plan.alone).toEqual({ intraOpThreads: 2, spinning: false })
    expect((await search({ runUs: spin(-0.5) })).plan.alone).toEqual({ intraOpThreads: 2, spinning: false })
    expect((await search({ runUs: spin(0.1) })).plan.spinning).toBe(false)
  })

  test('a gain that nobody feels makes no second session', async () => {
    expect((await search({ runUs: flat(150, 0.15) })).plan.alone).toBeNull()
    expect((await search({ runUs: flat(16_500, 0.95) })).plan.alone).toBeNull()
  })

  test('of many cores as many threads are used as still help', async () => {
    // Past 4 threads a run gets no faster.
    const runUs = ({ rows, intraOpThreads }: Trial): number => (rows * 8_000) / Math.min(intraOpThreads, 4) ** 0.8
    const { plan, trials } = await search({ runUs, overrides: { cores: 16, workers: 16 } })
    expect(plan).toMatchObject({ instances: 16, intraOpThreads: 1, alone: { intraOpThreads: 4 } })
    expect(trials.every(({ instances, intraOpThreads }) => instances * intraOpThreads <= 16)).toBe(true)
  })

  test("the operator's numbers win: threads as set, and as many workers as set", async () => {
    const { plan, trials } = await search({ runUs: flat(9_000, 0.1), overrides: { intraOpThreads: 2, workers: 4 } })
    expect(trials.every(({ intraOpThreads }) => intraOpThreads === 2)).toBe(true)
    expect(plan).toMatchObject({ instances: 1, intraOpThreads: 2, alone: null })
    const many = await search({ runUs: flat(9_000, 0.3), overrides: { workers: 4 } })
    expect(many.plan.instances).toBe(4)
  })

  test('no more sessions are opened than memory allows, and none is kept for lone requests', async () => {
    for (const sessionsMax of [1, 2, 3]) {
      const { plan, trials } = await search({ runUs: flat(16_500, 0.15), overrides: { sessionsMax } })
      expect(plan.alone).toBeNull()
      expect(Math.max(...trials.map(({ instances }) => instances))).toBeLessThanOrEqual(sessionsMax)
    }
  })
})

describe('calibrate: noise', () => {
  test('bursts that make slices up to four times as slow change nothing', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed)
      const noise = (): number => (random() < 0.15 ? 1 + 3 * random() : 1 + 0.004 * random())
      const { plan } = await search({ runUs: flat(16_500, 0.15), noise })
      expect(plan, `seed ${seed}`).toMatchObject({ instances: 2, intraOpThreads: 1, alone: { intraOpThreads: 2 } })
    }
  })

  test('slices that had to wait for a core do not count while there are others', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed)
      let isWaiting = false
      const noise = (): number => {
        isWaiting = random() < 0.45
        return isWaiting ? 4 : 1
      }
      const { plan, rowUs } = await search({
        runUs: flat(16_500, 0.15),
        noise,
        waitedShare: () => (isWaiting ? 0.75 : 0.01),
      })
      expect(plan, `seed ${seed}`).toMatchObject({ instances: 2, intraOpThreads: 1 })
      expect(rowUs, `seed ${seed}`).toBeCloseTo(16_500 / 1.85, 0)
    }
  })

  test('a measurement on a busy machine says so', async () => {
    expect((await search({ runUs: flat(5_000, 0.1), waitedShare: () => 0.4 })).isDisturbed).toBe(true)
    expect((await search({ runUs: flat(5_000, 0.1) })).isDisturbed).toBe(false)
  })

  test('a model whose one run takes longer than half of the budget is run once and not compared', async () => {
    const runUs = flat(20_000_000, 0.1)
    const { plan, rowUs, elapsedMs } = await search({ runUs })
    expect(elapsedMs).toBeLessThan(25_000)
    expect(plan).toMatchObject({ instances: 2, runRowsMax: 1, batchRowsMax: 1, alone: null })
    expect(rowUs).toBeGreaterThan(15_000_000)
  })

  test('the budget holds, give or take what was under way, and something is chosen', async () => {
    const runUs = flat(90_000, 0.1)
    const { plan, elapsedMs } = await search({ runUs, overrides: { budgetUs: 500_000 } })
    expect(elapsedMs).toBeLessThan(1_500)
    expect(plan.batchRowsMax).toBe(1)
  })
})
