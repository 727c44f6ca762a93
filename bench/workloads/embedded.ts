/** Penstock without a socket: an engine in a child process, with the load in it, over a home that no server uses. */
import { openInProcessTarget } from '../../src/loadtest/targets/in-process-target.js'
import type { FinishedEvent, LoadShape } from '../../src/loadtest/native/load-plan.js'
import type { PreparedKind } from '../../src/loadtest/scenario/prepared-kind.js'
import type { Target } from '../../src/loadtest/scenario/target.js'
import { expectRight } from './loads.js'
import type { Requests } from './requests.js'
import type { Bench } from './row.js'

export interface Embedded {
  run(bench: Bench, shape: LoadShape, connections: number): Promise<FinishedEvent>
  close(): Promise<void>
}

const seed = 17

export async function openEmbedded(requests: Requests, pipeline: string, home: string): Promise<Embedded> {
  const target = await openInProcessTarget({ kind: 'home', path: home }, '')
  try {
    const kind = await kindOf(target, pipeline, requests)
    return {
      run: async ({ seconds, warmupSeconds }, shape, connections) => {
        const phases = [
          { ...shape, seconds: warmupSeconds, isWarmup: true },
          { ...shape, seconds, isWarmup: false },
        ]
        const settings = { connections, seed, intervalSeconds: 60, phases }
        return expectRight('embedded', await target.run([kind], settings, () => undefined, undefined), {})
      },
      close: () => target.close(),
    }
  } catch (error) {
    await target.close()
    throw error
  }
}

async function kindOf(target: Target, pipeline: string, { rows, bodies, tolerance }: Requests): Promise<PreparedKind> {
  return {
    request: {
      name: pipeline,
      weight: 1,
      pipeline,
      rows,
      source: { kind: 'ranges', fields: {}, freeDims: [1, 1] },
      meta: null,
      expect: { kind: 'answer', answers: { kind: 'best' }, tolerance },
    },
    signature: await target.signature(pipeline),
    literal: null,
    bodies,
    tolerance,
    comparison: 'file',
    remark: '',
  }
}
