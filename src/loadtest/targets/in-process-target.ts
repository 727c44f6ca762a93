/**
 * An engine without a server: embedded, in a child process that runs the load as well (engine-child.ts). Its figures are
 * those of a Node program that calls `engine.infer`; against the WebSocket's they show what the network costs.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PenstockError, type ErrorCode } from '../../base/errors.js'
import { argumentError } from '../../base/expect.js'
import type { EngineCalls, EngineKind, EngineReply, EngineSource } from '../in-process/engine-messages.js'
import type { IntervalEvent } from '../native/load-plan.js'
import type { PreparedKind } from '../scenario/prepared-kind.js'
import type { Target } from '../scenario/target.js'

export async function openInProcessTarget(source: EngineSource, release: string): Promise<Target> {
  const child = new EngineChild()
  try {
    await child.call('open', source)
  } catch (error) {
    child.close()
    throw error
  }
  return {
    description: { server: `Penstock ${release}, embedded`, url: '', pid: child.pid },
    signature: (pipeline) => child.call('signature', pipeline),
    ask: (pipeline, inputs, meta) => child.call('ask', { pipeline, inputs, meta }),
    metrics: () => child.call('metrics', null),
    run: async (kinds, { connections, seed, intervalSeconds, phases }, onInterval, signal) => {
      signal?.addEventListener('abort', () => child.close(new PenstockError('ERR_ABORTED')), { once: true })
      child.onInterval = onInterval
      return child.call('run', { kinds: kinds.map(engineKind), phases, connections, seed, intervalSeconds })
    },
    close: () => Promise.resolve(child.close()),
  }
}

function engineKind({ request, bodies, literal, tolerance }: PreparedKind): EngineKind {
  if (literal !== null)
    throw argumentError(request.name, 'a request of "inputs" in-process', '"body"', 'Literal bodies are for HTTP')
  const { name, weight, pipeline, rows, meta, expect } = request
  return {
    name,
    weight,
    pipeline,
    rows,
    meta,
    bodies,
    tolerance,
    refusalStatus: expect.kind === 'refusal' ? expect.status : null,
  }
}

class EngineChild {
  onInterval: (event: IntervalEvent) => void = () => undefined
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  #stderr = ''
  #nextId = 1

  constructor() {
    this.#child = fork(childFile(), { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-4000)))
    this.#child.on('message', (reply: EngineReply) => this.#take(reply))
    this.#child.once('error', (error) => this.#fail(error))
    this.#child.once('close', (code, signal) =>
      this.#fail(new Error(`The engine's process ended with ${code ?? signal}. It printed:\n${this.#stderr}`)),
    )
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  call<Name extends keyof EngineCalls>(
    call: Name,
    argument: EngineCalls[Name]['argument'],
  ): Promise<EngineCalls[Name]['result']> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, call, argument }, (error) => {
        if (error !== null) this.#fail(error)
      })
    })
  }

  close(reason = new PenstockError('ERR_CLOSED')): void {
    this.#fail(reason)
    this.#child.kill('SIGKILL')
  }

  #take(reply: EngineReply): void {
    if (reply.kind === 'interval') {
      this.onInterval(reply.event)
      return
    }
    const waiter = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (reply.kind === 'result') waiter?.resolve(reply.result as never)
    else
      waiter?.reject(
        reply.code === '' ? new Error(reply.message) : new PenstockError(reply.code as ErrorCode, reply.message),
      )
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** Built code only: a child process starts from JavaScript. */
function childFile(): string {
  return fileURLToPath(new URL('../in-process/engine-child.js', import.meta.url))
}
