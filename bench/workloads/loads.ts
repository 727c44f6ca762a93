/**
 * One load on one server, checked: by the native generator over a socket, or embedded in a child process. The phases are
 * always a warm-up and a measured part.
 */
import { runLoad } from '../../src/loadtest/native/load-process.js'
import type { FinishedEvent, LoadPlan, LoadShape } from '../../src/loadtest/native/load-plan.js'
import { contentTypeOf } from '../../src/loadtest/native/request-encoding.js'
import type { RunningServer } from '../harness/servers.js'
import type { Bench } from './row.js'
import { writeBodies, type Requests } from './requests.js'

export interface Load {
  /** Written once for each transport that sends them; or a file of bodies that is there already. */
  readonly requests: Requests | { readonly rows: number; readonly bodiesPath: string }
  readonly transport: LoadPlan['target']['transport']
  readonly connections: number
  /** WebSocket: requests that share a frame at most, where the server offers it; absent: each has its own. */
  readonly requestsPerFrame?: number
  readonly shape: LoadShape
  readonly pipeline: string
  /** HTTP: the request target, for baselines; absent: Penstock's own. */
  readonly path?: string
  /** False: the server answers, but not what the model says. */
  readonly isChecked?: boolean
  /** Share of the answers that may fail: an overloaded server refuses. Wrong answers never pass. Absent: 0. */
  readonly failureShareMax?: number
  readonly seconds?: number
}

const seed = 17

export const closed = (inFlight: number): LoadShape => ({ kind: 'closed', inFlight, thinkMs: 0 })
export const open = (rate: number): LoadShape => ({ kind: 'open', ratePerSecond: rate, endRatePerSecond: rate })

/** @throws Error when an answer was wrong, or more failed than may. */
export async function runOn(bench: Bench, server: RunningServer, load: Load): Promise<FinishedEvent> {
  const { requests, transport, connections, shape, pipeline, isChecked = true } = load
  const isWebSocket = transport === 'websocket'
  const plan: LoadPlan = {
    target: { transport, host: '127.0.0.1', port: server.port, headers: {}, serverPid: server.pid },
    connections,
    ...(load.requestsPerFrame === undefined ? {} : { requestsPerFrame: load.requestsPerFrame }),
    requests: [
      {
        name: pipeline,
        weight: 1,
        pipeline: isWebSocket ? pipeline : null,
        path: isWebSocket ? null : (load.path ?? `/v1/pipelines/${pipeline}/infer`),
        contentType: contentTypeOf(transport),
        rows: requests.rows,
        bodiesPath:
          'bodiesPath' in requests
            ? requests.bodiesPath
            : await writeBodies(bench.folder, requests, transport, isChecked),
        expect: { kind: 'answer' },
      },
    ],
    phases: [
      { ...shape, seconds: bench.warmupSeconds, isWarmup: true },
      { ...shape, seconds: load.seconds ?? bench.seconds, isWarmup: false },
    ],
    seed,
    intervalSeconds: 60,
  }
  return expectRight(`${transport} ${connections} connections, ${pipeline}`, await runLoad(plan, () => undefined), load)
}

export function expectRight(
  name: string,
  finished: FinishedEvent,
  { failureShareMax = 0 }: Pick<Load, 'failureShareMax'>,
): FinishedEvent {
  const { requests, failures, mismatches, firstFailure } = finished.total
  if ((requests === 0 && failureShareMax < 1) || mismatches > 0 || failures > (requests + failures) * failureShareMax) {
    const first = firstFailure === '' ? '' : ` (the first: ${firstFailure})`
    throw new Error(`${name}: ${requests} answers, ${mismatches} wrong, ${failures} failures${first}`)
  }
  return finished
}

export const rowsPerSecond = ({ total, seconds }: FinishedEvent): number => total.rows / seconds
export const p50Us = ({ total }: FinishedEvent): number => total.latencyUs.p50
export const p99Us = ({ total }: FinishedEvent): number => total.latencyUs.p99
