/**
 * The gRPC calls: GRPCInferenceService, grpc.health.v1 and server reflection, over transport/grpc, in the I/O isolate.
 * Loaded by the port with its first connection.
 * The same keys are asked for as over HTTP, as `authorization` metadata.
 */
import type { Socket } from 'node:net'
import { toPenstockError } from '../../../../base/errors.js'
import { packagePath } from '../../../../base/package-root.js'
import type { Access } from '../../../access/access.js'
import type { Budget } from '../../../byte-charge.js'
import { GrpcConnections } from '../../../grpc/connections.js'
import { reflectionMethods } from '../../../grpc/reflection.js'
import { methodsOf, readProtos, schemaOf, type SchemaMethod } from '../../../grpc/schema.js'
import { framed, oneRequest, type GrpcCall, type Method } from '../../../grpc/service.js'
import type { ControlAction } from '../../../http/route.js'
import type { V2Service } from '../service.js'
import { Gate } from './gate.js'
import { Health } from './health.js'
import { inferMethods } from './infer-calls.js'
import { modelCalls, type ModelCall } from './model-calls.js'
import { grpcFailure } from './status.js'

const inferenceName = 'inference.GRPCInferenceService'
const healthName = 'grpc.health.v1.Health'
/** Beside the tensors of the largest message. */
const messageSlackBytes = 1024 * 1024

export interface GrpcServerOptions {
  readonly service: V2Service
  readonly access: Access
  readonly onControl: (action: ControlAction) => void | Promise<void>
  /** Bytes of the tensors of one request. */
  readonly bodyBytesMax: number
  /** What calls hold is charged to it. */
  readonly budget: Budget
  /** Seconds after which a connection is let go that has no call, or gives no sign of life. */
  readonly idleTimeoutS: number
}

export class GrpcServer {
  readonly #connections: GrpcConnections
  readonly #health: Health

  constructor({ service, access, onControl, bodyBytesMax, budget, idleTimeoutS }: GrpcServerOptions) {
    this.#health = new Health([inferenceName], () => service.isReady)
    const gate = new Gate(access, service, onControl)
    const folder = packagePath('src/transport/dialects/oip/grpc/proto')
    const root = schemaOf(readProtos(folder, ['inference.proto', 'health.proto']))
    const methods = [
      ...inferMethods(service, gate),
      ...modelMethods(service, gate, methodsOf(root, inferenceName)),
      ...this.#health.methods(methodsOf(root, healthName)),
      ...reflectionMethods(reflectionSchema(folder), root, [inferenceName, healthName]),
    ]
    const messageBytesMax = bodyBytesMax + messageSlackBytes
    this.#connections = new GrpcConnections({ methods, messageBytesMax, budget, idleTimeoutS })
  }

  /** Takes a connection over. */
  accept(socket: Socket): void {
    this.#connections.accept(socket)
  }

  /** Notifies watchers; calls under way go on. Idempotent. */
  stop(): void {
    this.#health.close()
    this.#connections.stop()
  }

  /** Ends every call that is not over by itself in a moment. Idempotent. */
  async close(): Promise<void> {
    this.stop()
    await this.#connections.close()
  }
}

/** Both versions: their messages are the same. */
function reflectionSchema(folder: string): ReturnType<typeof schemaOf> {
  const [text = ''] = readProtos(folder, ['reflection.proto'])
  return schemaOf([text, text.replace('package grpc.reflection.v1;', 'package grpc.reflection.v1alpha;')])
}

function modelMethods(service: V2Service, gate: Gate, known: Readonly<Record<string, SchemaMethod>>): Method[] {
  return Object.entries(modelCalls(service)).map(([name, handle]) => {
    const method = known[name]
    if (method === undefined) throw new Error(`inference.proto has no ${name}`)
    return oneRequest(method.path, method.read, (call, request) => {
      void answer(call, name, request as Named, { gate, handle, write: method.write })
      return undefined
    })
  })
}

interface Named {
  readonly name?: string
  readonly model_name?: string
}
interface Answering {
  readonly gate: Gate
  readonly handle: ModelCall
  readonly write: SchemaMethod['write']
}

async function answer(call: GrpcCall, name: string, request: Named, { gate, handle, write }: Answering): Promise<void> {
  try {
    const grant = gate.authorize(call, name)
    const response = await gate.run(grant, name, subjectOf(request), () => handle(request as never))
    const bytes = write(response as object)
    if (call.write(bytes.length, () => framed(bytes))) call.end()
  } catch (error) {
    call.fail(grpcFailure(toPenstockError(error)))
  }
}

/** The model, pipeline or region that a request names; '' when it names none. */
function subjectOf(request: Named): string {
  return request.model_name ?? request.name ?? ''
}
