/** A small server that answers as a test says, and a remote step that asks it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ManualClock, systemClock, type Clock } from '../../base/clock.js'
import { seededRandom } from '../../base/random.js'
import type { StageColumn, StageNotice, TransformColumns } from '../../pipeline/columns/stage.js'
import type { PipelineDefinition, Step } from '../../pipeline/definition.js'
import { cellsOf, columnOf, type CellValue, type TransformColumn } from '../../transforms/draft/column.js'
import { compileRemote, type PreparedRemoteStep } from '../compile.js'
import { RemoteHosts } from '../hosts.js'
import { openRemote, prepareRemotes } from '../open.js'
import type { RemoteStage } from '../stage.js'

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}
/** Answers, or does what it likes with the response and returns nothing. */
export type Handler = (asked: Asked, response: ServerResponse, index: number) => Reply | undefined

export class RemoteServer {
  readonly asked: Asked[] = []
  /** Connections that were made. */
  connections = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  handler: Handler

  private constructor(handler: Handler) {
    this.handler = handler
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('error', () => undefined)
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const index = this.asked.push({ method, url, headers, body: Buffer.concat(chunks) }) - 1
        const reply = this.handler(this.asked[index] as Asked, response, index)
        if (reply === undefined) return
        const { status = 200, headers: own = {}, body = '' } = reply
        response.writeHead(status, { 'content-type': 'application/json', ...own })
        response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
      })
    })
    this.#server.on('connection', (socket) => {
      this.connections++
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(handler: Handler): Promise<RemoteServer> {
    const server = new RemoteServer(handler)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get url(): string {
    return `http://${this.host}`
  }

  get openConnections(): number {
    return this.#sockets.size
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export interface Opened {
  readonly stage: RemoteStage
  readonly makes: readonly StageColumn[]
  readonly drops: readonly string[]
  readonly notices: StageNotice[]
}

export interface OpenOptions {
  readonly table?: readonly StageColumn[]
  readonly hosts?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly clock?: Clock
}

/** Prepares, compiles and opens a pipeline of one remote step, as a deploy does. */
export async function openSteps(parsed: readonly Step[], options: OpenOptions = {}): Promise<Opened> {
  const { environment = {}, clock = systemClock, hosts = ['127.0.0.1:*'] } = options
  const dependencies = { hosts: new RemoteHosts(hosts), environment, clock, random: seededRandom(1) }
  const definition: PipelineDefinition = { name: 'far', steps: parsed }
  const { steps } = await prepareRemotes(definition, dependencies)
  const prepared = steps[0] as PreparedRemoteStep
  const table =
    options.table ??
    (prepared.inputs ?? []).map(({ name, dtype, shape = [] }) => ({ name, dtype, shape, isNullable: false }))
  const { takes, makes, drops = [] } = compileRemote(prepared, 'steps[0]')(table)
  const notices: StageNotice[] = []
  const context = { pipeline: 'far', onNotice: (notice: StageNotice) => notices.push(notice) }
  const stage = openRemote({ where: 'steps[0]', step: prepared, takes }, context, dependencies)
  return { stage, makes, drops, notices }
}

export interface RunOptions {
  readonly signal?: AbortSignal
  readonly deadlineMs?: number
  readonly requestId?: string
  readonly meta?: Record<string, string> | null
}

/** Runs a stage. @returns the cells of each column. */
export async function run(stage: RemoteStage, columns: TransformColumns, options: RunOptions = {}) {
  const rows = (Object.values(columns)[0] as TransformColumn).shape[0] as number
  const { signal = new AbortController().signal, deadlineMs = Infinity, requestId = 'r-1', meta = null } = options
  const made = await stage.run(columns, rows, { signal, deadlineMs, requestId, meta })
  return Object.fromEntries(Object.entries(made).map(([name, column]) => [name, cellsOf(column)]))
}

export const floats = (...values: readonly CellValue[]): TransformColumn => columnOf('float32', values)
export const texts = (...values: readonly CellValue[]): TransformColumn => columnOf('string', values)
export const integers = (...values: readonly CellValue[]): TransformColumn => columnOf('int64', values)
export { ManualClock }
