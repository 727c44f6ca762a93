/** Recordings and reports of runs that never were, for tests of what is made of them. */
import type { FinishedEvent, IntervalEvent, KindReport } from '../native/load-plan.js'
import type { Recording } from '../recording/recording.js'

const latencyUs = { min: 100, mean: 900, p50: 800, p95: 2000, p99: 4000, p999: 9000, max: 12_000 }

export function kindReport(changes: Partial<KindReport> = {}): KindReport {
  return {
    name: 'wine',
    requests: 1000,
    rows: 4000,
    failures: 0,
    mismatches: 0,
    firstFailure: '',
    latencyUs,
    histogram: [
      [200, 100],
      [900, 800],
      [4200, 90],
      [12_288, 10],
    ],
    ...changes,
  }
}

export function finishedEvent(changes: Partial<FinishedEvent> = {}): FinishedEvent {
  return {
    kind: 'finished',
    seconds: 2,
    kinds: [kindReport()],
    total: kindReport({ name: 'total' }),
    offeredPerSecond: 0,
    serverCpuSeconds: 1,
    generatorCpuSeconds: 0.25,
    serverRssBytesMax: 200e6,
    messages: 1000,
    ...changes,
  }
}

export function intervalEvent(index: number, changes: Partial<IntervalEvent> = {}): IntervalEvent {
  return {
    kind: 'interval',
    startSeconds: index * 0.5,
    seconds: 0.5,
    isWarmup: index < 2,
    requests: 250,
    rows: 1000,
    failures: 0,
    offeredPerSecond: 0,
    latencyUs,
    serverCpuSeconds: 0.25,
    generatorCpuSeconds: 0.06,
    serverRssBytes: 190e6,
    ...changes,
  }
}

export function recording(changes: Partial<Recording['header']> = {}, finished = finishedEvent()): Recording {
  return {
    header: {
      kind: 'header',
      format: 1,
      name: 'a mix',
      startedAt: '2026-11-21T11:32:00.000Z',
      transport: 'websocket',
      server: 'penstock 0.1.0',
      url: 'http://127.0.0.1:8080',
      machine: {
        cpu: 'a CPU',
        cores: 2,
        memoryGb: 8,
        system: 'linux 6.1',
        node: 'v20.20.2',
        penstock: '0.1.0',
        loadAtStart: 0.1,
      },
      connections: 4,
      seed: 1,
      phases: [
        { kind: 'closed', inFlight: 16, thinkMs: 0, seconds: 1, isWarmup: true },
        { kind: 'closed', inFlight: 16, thinkMs: 0, seconds: 2, isWarmup: false },
      ],
      requests: [
        {
          name: 'wine',
          weight: 1,
          pipeline: 'wine',
          rows: 4,
          inputs: 'ranges',
          expect: 'answer',
          comparison: 'alone',
          remark: '',
        },
      ],
      objective: null,
      ...changes,
    },
    steps: [],
    intervals: Array.from({ length: 6 }, (_, index) => intervalEvent(index)),
    server: {
      batchRows: {
        buckets: [
          [1, 10],
          [2, 0],
          [4, 90],
          [Infinity, 0],
        ],
        sum: 370,
        count: 100,
      },
      phases: {
        run: {
          buckets: [
            [0.0001, 50],
            [0.001, 50],
            [Infinity, 0],
          ],
          sum: 0.03,
          count: 100,
        },
      },
    },
    finished,
  }
}
