/**
 * Who may make which gRPC call: each has the scopes of the HTTP address that does the same, so that they stand in one
 * table. Host and key are judged per call, for a connection carries neither; a stream holds its key's grant.
 */
import { runAs } from '../../../../base/actor.js'
import type { CallerLimit } from '../../../../engine/requests/caller-limit.js'
import type { Access } from '../../../access/access.js'
import type { Grant } from '../../../access/grant.js'
import type { CallHead } from '../../../access/verifier.js'
import type { ControlAction } from '../../../http/route.js'
import { v2Routes, type V2Route } from '../http/routes.js'
import type { V2Service } from '../service.js'

const model = '/v2/models/{model}'
const load = '/v2/repository/models/{model}'
const memory = (kind: string, name: string): Record<string, string> => ({
  [`${name}SharedMemoryStatus`]: `GET /v2/${kind}/region/{region}/status`,
  [`${name}SharedMemoryRegister`]: `POST /v2/${kind}/region/{region}/register`,
  [`${name}SharedMemoryUnregister`]: `POST /v2/${kind}/region/{region}/unregister`,
})

/** The address that does what the call does. */
export const addressOfCall: Readonly<Record<string, string>> = {
  ServerLive: 'GET /v2/health/live',
  ServerReady: 'GET /v2/health/ready',
  ServerMetadata: 'GET /v2',
  ModelReady: `GET ${model}/ready`,
  ModelMetadata: `GET ${model}`,
  ModelConfig: `GET ${model}/config`,
  ModelStatistics: `GET ${model}/stats`,
  ModelInfer: `POST ${model}/infer`,
  ModelStreamInfer: `POST ${model}/infer`,
  RepositoryIndex: 'POST /v2/repository/index',
  RepositoryModelLoad: `POST ${load}/load`,
  RepositoryModelUnload: `POST ${load}/unload`,
  ...memory('systemsharedmemory', 'System'),
  ...memory('cudasharedmemory', 'Cuda'),
}

const routeByAddress = new Map(v2Routes.map((route) => [`${route.method} ${route.path}`, route]))

export class Gate {
  readonly #access: Access
  readonly #service: V2Service
  readonly #onControl: (action: ControlAction) => void | Promise<void>

  constructor(access: Access, service: V2Service, onControl: (action: ControlAction) => void | Promise<void>) {
    this.#access = access
    this.#service = service
    this.#onControl = onControl
  }

  /** @returns null where nobody is asked. @throws PenstockError ERR_UNAUTHORIZED, ERR_FORBIDDEN, ERR_RATE_LIMITED. */
  authorize(head: CallHead, name: string): Grant | null {
    const { access } = routeOf(name)
    return access === 'open' ? null : this.#access.authorize(head, access)
  }

  /**
   * One request of an authorized call.
   * @returns the limit that it was counted against: to be released when it is over; null: none.
   * @throws PenstockError ERR_FORBIDDEN, ERR_RATE_LIMITED.
   */
  admit(grant: Grant | null, name: string, subject: string): CallerLimit | null {
    if (grant === null) return null
    const { access, pipelineOf } = routeOf(name)
    if (grant.pipelines !== null && access.length > 0)
      grant.expectPipeline(pipelineOf === undefined ? null : this.#service.models.pipelineNamed(subject))
    grant.limit?.take()
    return grant.limit
  }

  /** Runs a call in the caller's name; what it changed is journalled. */
  async run<T>(grant: Grant | null, name: string, subject: string, work: () => T | Promise<T>): Promise<T> {
    const limit = this.admit(grant, name, subject)
    try {
      const { control } = routeOf(name)
      if (grant === null || control === undefined) return await work()
      return await runAs(grant.actor, async () => {
        const result = await work()
        await this.#onControl({ kind: control, subject })
        return result
      })
    } finally {
      limit?.release()
    }
  }
}

function routeOf(name: string): V2Route {
  const route = routeByAddress.get(addressOfCall[name] ?? '')
  // A call without an entry above is a slip of ours, and must not be open.
  if (route === undefined) throw new Error(`${name} has no address of which it has its scopes`)
  return route
}
