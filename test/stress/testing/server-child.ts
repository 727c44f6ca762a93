/** The test's end of server-child.mjs: starts it, asks it, ends it. One process per call of `start`, ended after the test. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { EngineMetrics, StepInput } from 'penstock'

export interface ChildSetup {
  /** Model → test model files, or paths of others, one version each; `champion` is the last. */
  readonly models?: Readonly<Record<string, string | readonly string[]>>
  /** Model → the file in base64. */
  readonly modelBytes?: Readonly<Record<string, string>>
  readonly pipelines?: Readonly<Record<string, readonly StepInput[]>>
  readonly engine?: Readonly<Record<string, unknown>>
  readonly limits?: Readonly<Record<string, number>>
  readonly hasGrpc?: boolean
  /** To a folder of its own, which goes with it. */
  readonly isLogged?: boolean
  /** With Node's and the C library's own settings, as an operator starts it, and all doors used: for suites about its memory. */
  readonly isAsShipped?: boolean
  /** A leak on purpose, per call of the engine's method: whichever takes HTTP's requests unless another is named. */
  readonly canary?: {
    readonly kind: 'heap' | 'memory' | 'handle' | 'descriptor'
    readonly bytes?: number
    readonly method?: string
  }
}

/** What the process holds, after garbage was collected. */
export interface Observation {
  readonly rssBytes: number
  readonly heapBytes: number
  readonly externalBytes: number
  readonly descriptors: number
  readonly threads: number
  readonly handles: number
  readonly webSockets: number
  readonly inFlight: number
  readonly workers: EngineMetrics['workers']
  readonly notices: readonly string[]
  readonly models: EngineMetrics['models']
  readonly pipelines: EngineMetrics['pipelines']
}

interface Reply {
  readonly id?: number
  readonly url?: string
  readonly grpcPort?: number
  readonly result?: unknown
  readonly error?: { readonly code?: string; readonly message: string }
}

export class ServerChild {
  url = ''
  /** 0: it has none. */
  grpcPort = 0
  stderr = ''
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #ended: Promise<number | null>
  #nextId = 1
  #hasEnded = false

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.#ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)))
    void this.#ended.then((code) => {
      this.#hasEnded = true
      for (const { reject } of this.#waiting.values())
        reject(new Error(`The server ended with ${code}: ${this.stderr}`))
    })
  }

  static async start(setup: ChildSetup): Promise<ServerChild> {
    const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
    // A fixed young generation: V8 would let it grow under load, and RSS with it.
    const execArgv = [
      '--expose-gc',
      '--max-semi-space-size=2',
      '--min-semi-space-size=2',
      `--import=${path('doom.mjs')}`,
    ]
    // Few malloc arenas: what threads free is found again by others, so that RSS separates leaks from scattering.
    const env = { ...process.env, MALLOC_ARENA_MAX: '2' }
    const own = setup.isAsShipped === true ? { execArgv: [] } : { execArgv, env }
    const child = fork(path('server-child.mjs'), [JSON.stringify(setup)], {
      ...own,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    })
    const server = new ServerChild(child)
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await server.#ended
    })
    const { url, grpcPort } = await new Promise<Reply>((resolve, reject) => {
      child.on('message', (reply: Reply) => (reply.url === undefined ? server.#complete(reply) : resolve(reply)))
      void server.#ended.then((code) =>
        reject(new Error(`Expected the server to start but it ended with ${code}: ${server.stderr}`)),
      )
    })
    server.url = url ?? ''
    server.grpcPort = grpcPort ?? 0
    if (setup.isAsShipped === true) await server.#loadGrpc()
    return server
  }

  /** Its first connection loads gRPC: what a server that has been used holds at its start, whoever comes first. */
  async #loadGrpc(): Promise<void> {
    const socket = connect(this.grpcPort, '127.0.0.1').on('error', () => undefined)
    await once(socket, 'connect')
    await sleep(500)
    socket.destroy()
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get pid(): number {
    return this.child.pid as number
  }

  get isAlive(): boolean {
    return !this.#hasEnded
  }

  observe(): Promise<Observation> {
    return this.#ask('observe') as Promise<Observation>
  }

  /** The next run of a model ends its thread. */
  async doomWorker(): Promise<void> {
    await this.#ask('doom')
  }

  /** Calls a method of the engine. */
  call(method: string, ...parameters: readonly unknown[]): Promise<unknown> {
    return this.#ask('call', { method, parameters })
  }

  /** Drains, closes everything and ends. @returns the exit code. */
  async close(): Promise<number | null> {
    await this.#ask('close')
    return this.#ended
  }

  #ask(command: string, rest: object = {}): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) return reject(new Error(`The server has ended: ${this.stderr}`))
      this.#waiting.set(id, { resolve, reject })
      this.child.send({ id, command, ...rest })
    })
  }

  #complete({ id = 0, result, error }: Reply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(Object.assign(new Error(error.message), { code: error.code }))
  }
}

/** Waits until the server holds no request and no connection, and says what it holds then. */
export async function atRest(server: ServerChild, limitMs = 20_000): Promise<Observation> {
  const endMs = performance.now() + limitMs
  for (;;) {
    const seen = await server.observe()
    const pending = seen.models.reduce((sum, model) => sum + model.pendingRows + model.pendingRowsBackground, 0)
    if (seen.inFlight === 0 && seen.webSockets === 0 && pending === 0) return seen
    if (performance.now() > endMs)
      throw new Error(
        `Expected rest within ${limitMs} ms: ${seen.inFlight} in flight, ${seen.webSockets} WebSockets, ${pending} rows pending`,
      )
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
