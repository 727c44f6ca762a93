/** Opens the target that a transport belongs to. */
import { openInProcessTarget } from './in-process-target.js'
import type { EngineSource } from '../in-process/engine-messages.js'
import type { Transport } from '../native/load-plan.js'
import { openOipTarget } from './oip-target.js'
import { openPenstockTarget } from './penstock-target.js'
import type { Target } from '../scenario/target.js'

export interface TargetOptions {
  readonly transport: Transport
  readonly url: string
  readonly apiKey: string | null
  readonly serverPid: number | null
  /** Where the engine of in-process gets its pipelines from. */
  readonly source: EngineSource
  readonly release: string
}

export function openTarget({ transport, url, apiKey, serverPid, source, release }: TargetOptions): Promise<Target> {
  switch (transport) {
    case 'in-process':
      return openInProcessTarget(source, release)
    case 'oip-json':
    case 'oip-binary':
      return openOipTarget({ transport, url, apiKey, serverPid })
    case 'websocket':
    case 'http-json':
    case 'http-binary':
      return openPenstockTarget({ transport, url, apiKey, serverPid })
  }
}
