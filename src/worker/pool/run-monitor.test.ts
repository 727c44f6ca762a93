import { describe, expect, it } from 'vitest'
import type { RunInHand, WorkersLook } from '../../../bindings/native.js'
import { HELD_BACK_LOOKS, RUN_LOOK_MS, RUN_STOP_GRACE_MS } from '../../base/limits/run-limits.js'
import { RunMonitor, type ModelOfRun } from './run-monitor.js'

const MODEL: ModelOfRun = { modelKey: 7, label: 'forest v1', expectedUs: 60_000 }
const CONTROL_TAG = 1

function runInHand(worker: number, elapsedUs: number, what: Partial<RunInHand>): RunInHand {
  return {
    worker,
    startNs: 1,
    modelKey: null,
    tag: 0,
    elapsedUs,
    expectedUs: 0,
    isAside: false,
    isUnheard: false,
    ...what,
  }
}

/** What looks make of the workers. */
function hear(seen: WorkersLook, looks = 1, runStopMs: number | null = null): string[] {
  const heard: string[] = []
  let nowUs = 0
  const monitor = new RunMonitor({
    look: () => seen,
    nowUs: () => nowUs,
    runLimitMs: null,
    runStopMs,
    modelOf: ({ modelKey }) => (modelKey === null ? null : MODEL),
    readyWorkers: () => [0, 1],
    onOverdue: ({ worker }) => heard.push(`overdue ${worker}`),
    setAside: ({ worker }) => heard.push(`aside ${worker}`) > 0,
    stop: ({ worker }, _model, isUnheard) => heard.push(`stop ${worker}${isUnheard ? ', unheard' : ''}`),
    onEnded: ({ worker }) => heard.push(`ended ${worker}`),
    onHeld: (worker) => heard.push(`held ${worker}`),
    onCrowded: (isOneEnough) => heard.push(isOneEnough ? 'crowded by long ones' : 'crowded'),
    onQuiet: () => heard.push('quiet'),
  })
  for (let look = 0; look < looks; look++, nowUs += RUN_LOOK_MS * 1000) monitor.look()
  return heard
}

describe('RunMonitor', () => {
  const waiting = { heldBackUs: 0, waitingUs: 150_000, withoutFreeUs: 900_000 }
  const loading = runInHand(0, 900_000, { tag: CONTROL_TAG })
  const running = runInHand(1, 900_000, { modelKey: MODEL.modelKey })

  it('run monitor: a worker that loads for long keeps its callers, and no other is started for that', () => {
    expect(hear({ ...waiting, runs: [loading] })).toEqual([])
    expect(hear({ ...waiting, runs: [loading, { ...loading, worker: 1 }] })).toEqual([])
  })

  it('run monitor: a worker inside a long run lets its jobs wait, and one more is started for what waits', () => {
    expect(hear({ ...waiting, runs: [running] })).toEqual(['held 1', 'crowded'])
    expect(hear({ ...waiting, runs: [loading, running] })).toEqual(['held 1', 'crowded'])
    expect(hear({ heldBackUs: 150_000, waitingUs: 0, withoutFreeUs: 0, runs: [running] })).toEqual([
      'held 1',
      'crowded by long ones',
    ])
  })

  it('run monitor: long work that waits at every look, each of it shortly, gets one worker more', () => {
    const seen = { heldBackUs: 20_000, waitingUs: 0, withoutFreeUs: 0, runs: [] }
    expect(hear(seen, HELD_BACK_LOOKS - 1)).toEqual([])
    expect(hear(seen, HELD_BACK_LOOKS)).toEqual(['crowded by long ones'])
  })

  it('run monitor: a run past its limit is reported and moved out of the way', () => {
    const overdue = { ...running, elapsedUs: 2_100_000 }
    expect(hear({ heldBackUs: 0, waitingUs: 0, withoutFreeUs: 0, runs: [overdue] })).toEqual(['overdue 1', 'aside 1'])
  })

  it('run monitor: a run that nobody waits for is ended after a grace, at every look until it has', () => {
    const short = { heldBackUs: 0, waitingUs: 0, withoutFreeUs: 0, runs: [{ ...running, elapsedUs: 100_000 }] }
    const unheard = { ...short, runs: [{ ...running, elapsedUs: 100_000, isUnheard: true }] }
    const graceLooks = RUN_STOP_GRACE_MS / RUN_LOOK_MS
    expect(hear(short, graceLooks + 2)).toEqual([])
    expect(hear(unheard, graceLooks)).toEqual([])
    expect(hear(unheard, graceLooks + 2)).toEqual(['stop 1, unheard', 'stop 1, unheard'])
  })

  it('run monitor: a run that takes longer than a run may is ended whoever waits for it, and a job is not', () => {
    const seen = { heldBackUs: 0, waitingUs: 0, withoutFreeUs: 0, runs: [{ ...running, elapsedUs: 401_000 }] }
    expect(hear(seen, 1, 400)).toEqual(['stop 1'])
    expect(hear(seen, 1, 402)).toEqual([])
    expect(hear({ ...seen, runs: [{ ...loading, elapsedUs: 401_000 }] }, 1, 400)).toEqual([])
  })
})
