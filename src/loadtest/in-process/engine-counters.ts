/** Counts of the in-process load: per interval, per kind and in total, with the CPU time and memory of the process. */
import type { Clock } from '../../base/clock.js'
import type { EngineLoad } from './engine-messages.js'
import { LatencyHistogram } from './latency-histogram.js'
import type { FinishedEvent, IntervalEvent, KindReport, LoadPhase } from '../native/load-plan.js'

class Counts {
  requests = 0
  failures = 0
  mismatches = 0
  firstFailure = ''
  readonly latency = new LatencyHistogram()
}

export class EngineCounters {
  readonly #load: EngineLoad
  readonly #clock: Clock
  readonly #onInterval: (event: IntervalEvent) => void
  readonly #kinds: Counts[]
  readonly #startUs: number
  #interval = new LatencyHistogram()
  #intervalStartUs: number
  #intervalCpu: number
  #intervalRows = 0
  #intervalFailures = 0
  #intervalRequests = 0
  #intervalOffered = 0
  #isWarmup = true
  #measuredStartUs = -1
  #measuredCpu = 0
  #offered = 0
  #rssMax = 0

  constructor(load: EngineLoad, clock: Clock, onInterval: (event: IntervalEvent) => void) {
    this.#load = load
    this.#clock = clock
    this.#onInterval = onInterval
    this.#kinds = load.kinds.map(() => new Counts())
    this.#startUs = this.#intervalStartUs = clock.monotonicUs()
    this.#intervalCpu = cpuSeconds()
  }

  begin({ isWarmup }: LoadPhase): void {
    if (!isWarmup && this.#measuredStartUs < 0) {
      this.#closeInterval()
      this.#measuredStartUs = this.#clock.monotonicUs()
      this.#measuredCpu = cpuSeconds()
    }
    this.#isWarmup = isWarmup
  }

  /** A request was due. */
  offer(isWarmup: boolean): void {
    this.#intervalOffered += 1
    if (!isWarmup) this.#offered += 1
  }

  /** @param failure '' when it was answered as expected. */
  count(kindIndex: number, latencyUs: number, failure: string, isWrong: boolean, isWarmup: boolean): void {
    const rows = this.#load.kinds[kindIndex]?.rows ?? 0
    const counts = this.#kinds[kindIndex]
    const isGood = failure === '' && !isWrong
    if (isGood) {
      this.#interval.record(latencyUs)
      this.#intervalRequests += 1
      this.#intervalRows += rows
    } else this.#intervalFailures += 1
    if (!isWarmup && counts !== undefined) {
      if (isGood) {
        counts.requests += 1
        counts.latency.record(latencyUs)
      } else if (isWrong) counts.mismatches += 1
      else counts.failures += 1
      if (!isGood && counts.firstFailure === '') counts.firstFailure = isWrong ? 'a wrong answer' : failure
    }
    if (this.#clock.monotonicUs() - this.#intervalStartUs >= this.#load.intervalSeconds * 1e6) this.#closeInterval()
  }

  finish(): FinishedEvent {
    this.#closeInterval()
    const seconds = (this.#clock.monotonicUs() - this.#measuredStartUs) / 1e6
    const total = new Counts()
    const kinds = this.#kinds.map((counts, index) => {
      total.requests += counts.requests
      total.failures += counts.failures
      total.mismatches += counts.mismatches
      total.firstFailure ||= counts.firstFailure
      total.latency.add(counts.latency)
      return reportOf(
        this.#load.kinds[index]?.name ?? '',
        counts,
        counts.requests * (this.#load.kinds[index]?.rows ?? 0),
      )
    })
    const rows = kinds.reduce((sum, kind) => sum + kind.rows, 0)
    return {
      kind: 'finished',
      seconds,
      kinds,
      total: reportOf('total', total, rows),
      offeredPerSecond: this.#offered / seconds,
      serverCpuSeconds: cpuSeconds() - this.#measuredCpu,
      generatorCpuSeconds: -1,
      serverRssBytesMax: this.#rssMax,
      messages: total.requests,
    }
  }

  #closeInterval(): void {
    const nowUs = this.#clock.monotonicUs()
    const seconds = (nowUs - this.#intervalStartUs) / 1e6
    const cpu = cpuSeconds()
    const { rss } = process.memoryUsage()
    this.#rssMax = Math.max(this.#rssMax, rss)
    if (seconds > 0 && this.#intervalRequests + this.#intervalFailures > 0)
      this.#onInterval({
        kind: 'interval',
        startSeconds: (this.#intervalStartUs - this.#startUs) / 1e6,
        seconds,
        isWarmup: this.#isWarmup,
        requests: this.#intervalRequests,
        rows: this.#intervalRows,
        failures: this.#intervalFailures,
        offeredPerSecond: this.#intervalOffered / seconds,
        latencyUs: this.#interval.quantiles(),
        serverCpuSeconds: cpu - this.#intervalCpu,
        generatorCpuSeconds: -1,
        serverRssBytes: rss,
      })
    this.#interval = new LatencyHistogram()
    this.#intervalStartUs = nowUs
    this.#intervalCpu = cpu
    this.#intervalRequests = this.#intervalRows = this.#intervalFailures = this.#intervalOffered = 0
  }
}

function reportOf(
  name: string,
  { requests, failures, mismatches, firstFailure, latency }: Counts,
  rows: number,
): KindReport {
  return {
    name,
    requests,
    rows,
    failures,
    mismatches,
    firstFailure,
    latencyUs: latency.quantiles(),
    histogram: latency.buckets(),
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
