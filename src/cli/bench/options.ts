/** What `penstock bench` takes beside a scenario, and the readers of what is more than a number. */
import { resolve } from 'node:path'
import { packagePath } from '../../base/package-root.js'
import type { Meta } from '../../engine/api/api.js'
import type { EngineSource } from '../../loadtest/in-process/engine-messages.js'
import type { Transport } from '../../loadtest/native/load-plan.js'
import { UsageError } from '../shared/failures.js'
import { isRecord, parseJson, readInputText } from '../shared/input-data.js'
import type { ServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

export interface BenchOptions extends ServerOptions {
  readonly pipeline?: string
  readonly transport?: Transport
  readonly connections?: number
  readonly requestsPerFrame?: number
  readonly inFlight?: number
  readonly thinkMs?: number
  readonly rate?: number
  readonly endRate?: number
  readonly sweep?: boolean
  readonly p99Ms?: number
  readonly rows?: number
  readonly inputs?: string
  readonly range?: readonly string[]
  readonly freeDims?: string
  readonly meta?: string
  /** false: --no-check. */
  readonly check: boolean
  readonly duration?: number
  readonly warmup?: number
  readonly seed?: number
  readonly report?: string
  readonly save?: string
  readonly model?: string
  readonly home?: string
  readonly examples?: string
  readonly serverPid?: number
}

/** What the in-process engine runs. */
export function engineSource({ model, home, examples }: BenchOptions): EngineSource {
  if ([model, home, examples].filter((option) => option !== undefined).length > 1)
    throw new UsageError('Expected one of --model, --home and --examples.')
  if (model !== undefined) return { kind: 'model', path: resolve(model) }
  if (home !== undefined) return { kind: 'home', path: resolve(home) }
  const directory = examples === undefined ? packagePath('examples') : resolve(examples)
  return { kind: 'examples', directory }
}

export function readMeta(terminal: Terminal, text: string | undefined): Meta | null {
  if (text === undefined) return null
  const meta = parseJson('--meta', readInputText(terminal, '--meta', text))
  if (!isRecord(meta)) throw new UsageError('Expected --meta to be an object such as {"session":"abc"}.')
  return meta as Meta
}
