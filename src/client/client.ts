/** The public API of the client, which an application holds. connection/core.ts does the work. */
import { ClientCore } from './connection/core.js'
import type { Channel } from './connection/channel.js'
import type { ClientEvents, ClientListener } from './connection/events.js'
import type { ClientInferOptions, ClientInputs, ClientResult } from './connection/inference.js'
import { settingsOf, systemEnvironment, type ClientEnvironment, type ClientOptions } from './connection/options.js'

export class PenstockClient {
  readonly #core: ClientCore

  private constructor(core: ClientCore) {
    this.#core = core
  }

  /**
   * Connects to a server and waits for its Hello.
   * @param url `ws://host:port` (or wss, http, https); a path before /v1/stream is kept.
   * @param environment sockets, time and chance; only tests pass it.
   * @throws PenstockError ERR_ARGUMENT; ERR_CONNECTION_LOST when no connection stands in time; ERR_UNAUTHORIZED; ERR_SUBPROTOCOL.
   * @example const client = await PenstockClient.connect('ws://127.0.0.1:8080')
   */
  static async connect(
    url: string,
    options: ClientOptions = {},
    environment: ClientEnvironment = systemEnvironment,
  ): Promise<PenstockClient> {
    const core = new ClientCore(settingsOf(url, options), environment)
    await core.connect()
    return new PenstockClient(core)
  }

  /**
   * Opens a pipeline, or returns its channel when it is open already.
   * @throws PenstockError ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_NOT_DEPLOYED, ERR_CONNECTION_LOST, ERR_CLOSED.
   */
  async open(pipeline: string): Promise<Channel> {
    return this.#core.open(pipeline)
  }

  /** Opens `pipeline` on first use and runs it; see `Channel.infer`. Deadline and signal count while it is opened. */
  async infer(pipeline: string, inputs: ClientInputs, options: ClientInferOptions = {}): Promise<ClientResult> {
    return this.#core.infer(pipeline, inputs, options)
  }

  /**
   * Resolves when `Channel.tryInfer` takes a request: a connection stands, its channels are open, and there is room. Where
   * other producers took the room meanwhile, tryInfer returns null again.
   * @throws PenstockError ERR_CLOSED.
   */
  async ready(): Promise<void> {
    await this.#core.requests.ready()
  }

  /** Requests sent and not answered. */
  get inFlight(): number {
    return this.#core.inFlight
  }

  /** Requests that wait for the window, for a channel or for a connection. */
  get waiting(): number {
    return this.#core.requests.waitingCount
  }

  get isConnected(): boolean {
    return this.#core.isConnected
  }

  /** @returns a function that takes the listener off again. */
  on<K extends keyof ClientEvents>(name: K, listener: ClientListener<K>): () => void {
    return this.#core.events.on(name, listener)
  }

  /** Rejects what is not answered with ERR_CLOSED and ends the connection. Idempotent. */
  async close(): Promise<void> {
    await this.#core.close()
  }
}
