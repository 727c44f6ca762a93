/**
 * grpc.health.v1: Check and Watch for the server as a whole ('') and for its one service. What is watched is looked at
 * once in a while: readiness changes at the start and at the end, and nobody waits for it to the millisecond.
 */
import { status, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js'

export interface HealthRequest {
  readonly service: string
}
export interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'
}

const lookEveryMs = 200

export class Health {
  readonly #services: ReadonlySet<string>
  readonly #isReady: () => boolean
  readonly #watchers = new Map<ServerWritableStream<HealthRequest, HealthResponse>, HealthResponse['status']>()
  #timer: NodeJS.Timeout | null = null

  constructor(services: readonly string[], isReady: () => boolean) {
    this.#services = new Set(['', ...services])
    this.#isReady = isReady
  }

  check(call: ServerUnaryCall<HealthRequest, HealthResponse>, callback: sendUnaryData<HealthResponse>): void {
    const { service } = call.request
    if (this.#services.has(service)) return callback(null, { status: this.#status(service) })
    callback({ code: status.NOT_FOUND, details: `unknown service ${service.slice(0, 200)}` })
  }

  /** An unknown service is no error here: it might come to be. */
  watch(call: ServerWritableStream<HealthRequest, HealthResponse>): void {
    const now = this.#status(call.request.service)
    this.#watchers.set(call, now)
    call.write({ status: now })
    call.on('cancelled', () => this.#forget(call))
    call.on('error', () => this.#forget(call))
    this.#timer ??= setInterval(() => this.#look(), lookEveryMs).unref()
  }

  /** Sends every watcher the last status and ends its stream. */
  close(): void {
    this.#look()
    for (const call of this.#watchers.keys()) {
      this.#forget(call)
      call.end()
    }
  }

  #look(): void {
    for (const [call, reported] of this.#watchers) {
      const now = this.#status(call.request.service)
      if (now === reported) continue
      this.#watchers.set(call, now)
      call.write({ status: now })
    }
  }

  #status(service: string): HealthResponse['status'] {
    if (!this.#services.has(service)) return 'SERVICE_UNKNOWN'
    return this.#isReady() ? 'SERVING' : 'NOT_SERVING'
  }

  #forget(call: ServerWritableStream<HealthRequest, HealthResponse>): void {
    this.#watchers.delete(call)
    if (this.#watchers.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}
