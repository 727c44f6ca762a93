/**
 * grpc.health.v1: Check and Watch for the server as a whole ('') and for its one service. What is watched is looked at
 * once in a while: readiness changes at the start and at the end, and nobody waits for it to the millisecond.
 */
import type { SchemaMethod } from '../../../grpc/schema.js'
import { framed, oneRequest, type GrpcCall, type Method } from '../../../grpc/service.js'
import { STATUS } from '../../../grpc/status.js'

export interface HealthRequest {
  readonly service: string
}
type ServingStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'

interface Watcher {
  readonly service: string
  reported: ServingStatus | null
}

const lookEveryMs = 200

export class Health {
  readonly #services: ReadonlySet<string>
  readonly #isReady: () => boolean
  readonly #watchers = new Map<GrpcCall, Watcher>()
  #write: SchemaMethod['write'] = () => new Uint8Array(0)
  #timer: NodeJS.Timeout | null = null

  constructor(services: readonly string[], isReady: () => boolean) {
    this.#services = new Set(['', ...services])
    this.#isReady = isReady
  }

  /** @param methods of the schema: Check and Watch, whose answers are alike. */
  methods({ Check, Watch }: Readonly<Record<string, SchemaMethod>>): Method[] {
    if (Check === undefined || Watch === undefined) throw new Error('health.proto has no Check or no Watch')
    this.#write = Check.write
    return [
      oneRequest(Check.path, Check.read, (call, request) => this.#check(call, request as HealthRequest)),
      oneRequest(Watch.path, Watch.read, (call, request) => this.#watch(call, request as HealthRequest)),
    ]
  }

  /** Sends every watcher the last status and ends its stream. */
  close(): void {
    this.#look()
    for (const call of [...this.#watchers.keys()]) {
      this.#forget(call)
      call.end()
    }
  }

  #check(call: GrpcCall, { service }: HealthRequest): undefined {
    if (!this.#services.has(service))
      return call.fail({ code: STATUS.NOT_FOUND, details: `unknown service ${service.slice(0, 200)}` }) as undefined
    this.#report(call, this.#status(service))
    call.end()
  }

  /** An unknown service is no error here: it might come to be. */
  #watch(call: GrpcCall, { service }: HealthRequest): () => void {
    this.#watchers.set(call, { service, reported: null })
    this.#look()
    this.#timer ??= setInterval(() => this.#look(), lookEveryMs).unref()
    return () => this.#forget(call)
  }

  #look(): void {
    for (const [call, watcher] of [...this.#watchers]) {
      const now = this.#status(watcher.service)
      if (now === watcher.reported) continue
      watcher.reported = now
      this.#report(call, now)
    }
  }

  #report(call: GrpcCall, status: ServingStatus): void {
    const bytes = this.#write({ status })
    call.write(bytes.length, () => framed(bytes))
  }

  #status(service: string): ServingStatus {
    if (!this.#services.has(service)) return 'SERVICE_UNKNOWN'
    return this.#isReady() ? 'SERVING' : 'NOT_SERVING'
  }

  #forget(call: GrpcCall): void {
    this.#watchers.delete(call)
    if (this.#watchers.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}
