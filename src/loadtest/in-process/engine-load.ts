/**
 * The load of the in-process target, in the child beside the engine: the same phases, kinds, clocks and events as the
 * native generator's. Requests are sent from the thread that the engine answers on, as an embedding program's are, so
 * that the two share its CPU time; what is measured is that program's view.
 */
import { isPenstockError } from '../../base/errors.js'
import type { Clock } from '../../base/clock.js'
import { seededRandom, type RandomSource } from '../../base/random.js'
import type { EngineApi } from '../../engine/api/api.js'
import { differsFrom } from '../scenario/answers.js'
import type { EngineKind, EngineLoad } from './engine-messages.js'
import { EngineCounters } from './engine-counters.js'
import type { FinishedEvent, IntervalEvent, LoadPhase } from '../native/load-plan.js'

/** How long the requests of the last phase may take to be answered. */
const DRAIN_MS = 10_000
/** Requests that wait for an answer at most: beyond it an open loop only fills memory. */
const UNANSWERED_MAX = 65_536
/** Milliseconds between two looks at what is due. */
const TICK_MS = 1

export interface EngineWorld {
  readonly engine: Pick<EngineApi, 'infer'>
  readonly clock: Clock
}

export async function runEngineLoad(
  load: EngineLoad,
  { engine, clock }: EngineWorld,
  onInterval: (event: IntervalEvent) => void,
): Promise<FinishedEvent> {
  const random = seededRandom(load.seed)
  const chooser = new Chooser(load.kinds, random)
  const counters = new EngineCounters(load, clock, onInterval)
  const send = async (kindIndex: number, bodyIndex: number, startUs: number, isWarmup: boolean): Promise<void> => {
    const kind = load.kinds[kindIndex] as EngineKind
    const body = kind.bodies[bodyIndex % kind.bodies.length]
    if (body === undefined) return
    let failure = ''
    let isWrong = false
    try {
      const { outputs } = await engine.infer(kind.pipeline, {
        inputs: body.inputs,
        ...(kind.meta === null ? {} : { meta: kind.meta }),
      })
      if (kind.refusalStatus !== null) failure = `answered, but ${kind.refusalStatus} was expected`
      else isWrong = body.expected !== null && differsFrom(body.expected, outputs, kind.tolerance)
    } catch (error) {
      const status = isPenstockError(error) ? error.httpStatus : 500
      if (status !== kind.refusalStatus) failure = error instanceof Error ? error.message : String(error)
    }
    counters.count(kindIndex, clock.monotonicUs() - startUs, failure, isWrong, isWarmup)
  }
  for (const phase of load.phases) {
    counters.begin(phase)
    const endUs = clock.monotonicUs() + phase.seconds * 1e6
    if (phase.kind === 'closed') await runClosed(load, phase, endUs, clock, chooser, send)
    else await runOpen(phase, endUs, clock, random, chooser, send, counters)
  }
  return counters.finish()
}

type Send = (kindIndex: number, bodyIndex: number, startUs: number, isWarmup: boolean) => Promise<void>

async function runClosed(
  load: EngineLoad,
  phase: Extract<LoadPhase, { kind: 'closed' }>,
  endUs: number,
  clock: Clock,
  chooser: Chooser,
  send: Send,
): Promise<void> {
  const user = async (): Promise<void> => {
    while (clock.monotonicUs() < endUs) {
      const [kind, body] = chooser.next()
      await send(kind, body, clock.monotonicUs(), phase.isWarmup)
      if (phase.thinkMs > 0) await sleep(phase.thinkMs)
    }
  }
  await Promise.all(Array.from({ length: load.connections * phase.inFlight }, user))
}

async function runOpen(
  phase: Extract<LoadPhase, { kind: 'open' }>,
  endUs: number,
  clock: Clock,
  random: RandomSource,
  chooser: Chooser,
  send: Send,
  counters: EngineCounters,
): Promise<void> {
  const startUs = endUs - phase.seconds * 1e6
  const pending = new Set<Promise<void>>()
  let dueUs = startUs
  const advance = (): void => {
    dueUs += gapSeconds(phase, (dueUs - startUs) / 1e6, random) * 1e6
  }
  advance()
  while (dueUs < endUs) {
    while (dueUs < endUs && dueUs <= clock.monotonicUs()) {
      counters.offer(phase.isWarmup)
      const [kind, body] = chooser.next()
      if (pending.size >= UNANSWERED_MAX)
        counters.count(kind, 0, `a backlog of ${UNANSWERED_MAX} requests`, false, phase.isWarmup)
      else {
        const sent = send(kind, body, dueUs, phase.isWarmup)
        pending.add(sent)
        void sent.then(() => pending.delete(sent))
      }
      advance()
    }
    await sleep(TICK_MS)
  }
  await Promise.race([Promise.all(pending), sleep(DRAIN_MS)])
}

/**
 * Seconds from an arrival at `at` to the next of a Poisson process whose rate goes linearly: the time in which an
 * exponential draw of mean 1 is used up, the smaller root of a quadratic equation. Infinity where the rate ends first.
 */
function gapSeconds(phase: Extract<LoadPhase, { kind: 'open' }>, at: number, random: RandomSource): number {
  const slope = (phase.endRatePerSecond - phase.ratePerSecond) / phase.seconds
  const rate = Math.max(0, phase.ratePerSecond + slope * at)
  const drawn = -Math.log(1 - random())
  const root = rate * rate + 2 * slope * drawn
  return root < 0 ? Infinity : (2 * drawn) / (rate + Math.sqrt(root))
}

/** Kinds by weight, drawn from the seed; the bodies of each in turn. */
class Chooser {
  readonly #bounds: number[] = []
  readonly #next: number[]
  readonly #random: RandomSource

  constructor(kinds: readonly EngineKind[], random: RandomSource) {
    let sum = 0
    for (const { weight } of kinds) this.#bounds.push((sum += weight))
    this.#next = kinds.map(() => 0)
    this.#random = random
  }

  next(): readonly [kind: number, body: number] {
    const drawn = this.#random() * (this.#bounds.at(-1) ?? 1)
    const found = this.#bounds.findIndex((bound) => drawn < bound)
    const kind = found < 0 ? this.#bounds.length - 1 : found
    const body = this.#next[kind] ?? 0
    this.#next[kind] = body + 1
    return [kind, body]
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
