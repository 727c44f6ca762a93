/** An engine, a server on a free port and clients of it, for the client's end-to-end tests; all closed in reverse order. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Engine, PenstockClient, PenstockServer } from 'penstock'
import type { ClientEnvironment, ClientOptions } from 'penstock/client'
import { WebSocket } from 'ws'

type ServerOptions = Partial<Omit<Parameters<typeof PenstockServer.start>[0], 'engine'>>
type Steps = Parameters<Engine['applyPipeline']>[0]['steps']

export function testModel(name: string): Uint8Array {
  return readFileSync(fileURLToPath(new URL(`../models/${name}.onnx`, import.meta.url)))
}

export class Stage {
  readonly #clients: PenstockClient[] = []

  private constructor(
    readonly engine: Engine,
    public server: PenstockServer,
  ) {}

  /** `pipelines`: name → model file, or steps over models of `models`. */
  static async open(
    pipelines: Readonly<Record<string, string | Steps>>,
    models: readonly string[] = [],
    options: ServerOptions = {},
  ): Promise<Stage> {
    const engine = await Engine.open({ inferWorkers: 2, calibration: 'off' })
    for (const name of models) await engine.addModel(name, testModel(name))
    for (const [name, source] of Object.entries(pipelines)) {
      if (typeof source === 'string' && !models.includes(source)) await engine.addModel(source, testModel(source))
      const steps: Steps = typeof source === 'string' ? [{ type: 'model', model: source }] : source
      await engine.applyPipeline({ name, steps }, { deploy: true })
    }
    return new Stage(engine, await PenstockServer.start({ engine, port: 0, ...options }))
  }

  get url(): string {
    return this.server.url
  }

  async client(options: ClientOptions = {}): Promise<PenstockClient> {
    const client = await PenstockClient.connect(this.url, options)
    this.#clients.push(client)
    return client
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close()
    await this.server.close()
    await this.engine.close()
  }
}

/** The code of a rejection. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'resolved'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** An environment whose sockets the test holds, to cut and to pause them. */
export function cuttable(sockets: WebSocket[]): ClientEnvironment {
  return {
    clock: { nowMs: () => Date.now(), monotonicUs: () => performance.now() * 1000 },
    random: () => 0.5,
    setTimer: (callback, delayMs) => {
      const timer = setTimeout(callback, delayMs)
      return () => clearTimeout(timer)
    },
    openSocket: (url, protocols) => {
      const socket = new WebSocket(url, [...protocols], { perMessageDeflate: false })
      sockets.push(socket)
      return socket as never
    },
  }
}
