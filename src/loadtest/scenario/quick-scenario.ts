/** The scenario of one kind of request that the options of `penstock bench` make. */
import { resolve } from 'node:path'
import { argumentError } from '../../base/expect.js'
import type { Meta } from '../../engine/api/api.js'
import type { LoadPhase, LoadShape, Transport } from '../native/load-plan.js'
import { defaultFreeDims } from './scenario-inputs.js'
import {
  defaultFailureShareMax,
  defaultTolerance,
  type FieldRange,
  type InputSource,
  type Scenario,
} from './scenario.js'

export interface QuickOptions {
  readonly transport: Transport
  readonly pipeline: string
  readonly rows: number
  readonly connections: number
  /** null: 16, or 1 over HTTP, where a connection carries one request at a time. */
  readonly inFlight: number | null
  readonly thinkMs: number
  /** Requests a second of an open loop; null: a closed loop. */
  readonly ratePerSecond: number | null
  /** null: the rate stays. */
  readonly endRatePerSecond: number | null
  readonly seconds: number
  readonly warmupSeconds: number
  readonly seed: number
  readonly p99Ms: number | null
  readonly inputsPath: string | null
  /** `input=min..max` each. */
  readonly ranges: readonly string[]
  /** `64` or `16..128`; null: 16. */
  readonly freeDims: string | null
  readonly meta: Meta | null
  readonly isCompared: boolean
}

export function quickScenario(options: QuickOptions): Scenario {
  const { pipeline, rows, transport, connections, seed, p99Ms, meta } = options
  const answers = { kind: options.isCompared ? ('best' as const) : ('none' as const) }
  return {
    name: `${pipeline}, ${rows} ${rows === 1 ? 'row' : 'rows'} a request`,
    transport,
    connections,
    seed,
    intervalSeconds: null,
    requests: [
      {
        name: pipeline,
        weight: 1,
        pipeline,
        rows,
        source: sourceOf(options),
        meta,
        expect: { kind: 'answer', answers, tolerance: defaultTolerance },
      },
    ],
    phases: phasesOf(options),
    objective: p99Ms === null ? null : { p99Ms, failureShareMax: defaultFailureShareMax },
  }
}

/** Requests in flight per connection unless somebody says. */
export function defaultInFlight(transport: Transport): number {
  return transport === 'websocket' || transport === 'in-process' ? 16 : 1
}

function sourceOf({ inputsPath, ranges, freeDims }: QuickOptions): InputSource {
  if (inputsPath !== null) return { kind: 'file', path: resolve(inputsPath) }
  return {
    kind: 'ranges',
    fields: Object.fromEntries(ranges.map(readRange)),
    freeDims: freeDims === null ? defaultFreeDims : readFreeDims(freeDims),
  }
}

function phasesOf(options: QuickOptions): LoadPhase[] {
  const { warmupSeconds, seconds, ratePerSecond, endRatePerSecond } = options
  const shape: LoadShape =
    ratePerSecond === null
      ? { kind: 'closed', inFlight: options.inFlight ?? defaultInFlight(options.transport), thinkMs: options.thinkMs }
      : { kind: 'open', ratePerSecond, endRatePerSecond: endRatePerSecond ?? ratePerSecond }
  // A ramp begins where it is warmed up.
  const warmup: LoadShape = shape.kind === 'open' ? { ...shape, endRatePerSecond: shape.ratePerSecond } : shape
  const measured = { ...shape, seconds, isWarmup: false }
  return warmupSeconds === 0 ? [measured] : [{ ...warmup, seconds: warmupSeconds, isWarmup: true }, measured]
}

function readRange(text: string): [string, FieldRange] {
  const match = /^([^=]+)=(-?[\d.eE+-]+?)\.\.(-?[\d.eE+-]+)$/.exec(text)
  const [min, max] = [Number(match?.[2]), Number(match?.[3])]
  if (match?.[1] === undefined || !(min <= max)) throw argumentError('--range', 'such as features=0..10', text)
  return [match[1], { kind: 'range', min, max }]
}

function readFreeDims(text: string): readonly [number, number] {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text)
  const min = Number(match?.[1])
  const max = Number(match?.[2] ?? match?.[1])
  if (match === null || !(min >= 1 && min <= max)) throw argumentError('--free-dims', 'such as 64 or 16..128', text)
  return [min, max]
}
