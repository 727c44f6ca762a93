/**
 * The gRPC calls: GRPCInferenceService, grpc.health.v1 and server reflection, on @grpc/grpc-js, in the I/O isolate.
 * Loaded by the port with its first connection.
 * The same keys are asked for as over HTTP, as `authorization` metadata.
 *
 * grpc-js speaks HTTP/2 in JavaScript and costs several times the rest of a small request; there is no maintained faster
 * one for Node (the C++ binding ended in 2021). Callers that count microseconds take HTTP or the WebSocket.
 */
import type { Socket } from 'node:net'
import {
  Server,
  ServerCredentials,
  type handleUnaryCall,
  type MethodDefinition,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { toPenstockError } from '../../../../base/errors.js'
import { packagePath } from '../../../../base/package-root.js'
import type { Access } from '../../../access/access.js'
import type { ControlAction } from '../../../http/route.js'
import type { V2Service } from '../service.js'
import type { Budget } from '../../../byte-charge.js'
import { SlowReaders } from '../../../socket/slow-readers.js'
import { callBudget } from './call-budget.js'
import { Gate } from './gate.js'
import { Health } from './health.js'
import { inferCalls, type StreamResponse } from './infer-calls.js'
import { readInferRequest, type ReadRequest } from './infer-reader.js'
import { writeInferResponse, writeStreamResponse, type GrpcAnswer } from './infer-writer.js'
import { refuseMalformed, strict, tolerant } from './malformed.js'
import { modelCalls, type ModelCall } from './model-calls.js'
import { grpcFailure } from './status.js'

type ConnectionInjector = ReturnType<Server['createConnectionInjector']>

const inferenceName = 'inference.GRPCInferenceService'
const healthName = 'grpc.health.v1.Health'
/** Beside the tensors of the largest message. */
const messageSlackBytes = 1024 * 1024
/** Milliseconds for the last answers to be written. */
const farewellMs = 500

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
  readonly #server: Server
  readonly #injector: ConnectionInjector
  readonly #health: Health

  constructor({ service, access, onControl, bodyBytesMax, budget, idleTimeoutS }: GrpcServerOptions) {
    this.#server = new Server({
      'grpc.max_receive_message_length': bodyBytesMax + messageSlackBytes,
      'grpc.max_send_message_length': -1,
      // Idle clients get a GOAWAY and come back with their next call; those that are gone without a word answer no ping.
      'grpc.max_connection_idle_ms': idleTimeoutS * 1000,
      'grpc.keepalive_time_ms': idleTimeoutS * 500,
      'grpc.keepalive_timeout_ms': idleTimeoutS * 500,
      interceptors: [callBudget({ budget, readers: new SlowReaders() }), refuseMalformed],
    })
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure())
    this.#health = new Health([inferenceName], () => service.isReady)
    const definitions = loadDefinitions()
    const gate = new Gate(access, service, onControl)
    const add = (definition: ServiceDefinition, calls: UntypedServiceImplementation): void =>
      this.#server.addService(tolerant(definition), calls)
    add(inferenceService(definitions), handlers(service, gate))
    add(strict(definitions[healthName] as ServiceDefinition), {
      Check: this.#health.check.bind(this.#health) as UntypedHandleCall,
      Watch: this.#health.watch.bind(this.#health) as UntypedHandleCall,
    })
    new ReflectionService(definitions).addToServer({
      addService: (definition, calls) => add(strict(definition), calls),
    })
  }

  /** Takes a connection over. */
  accept(socket: Socket): void {
    this.#injector.injectConnection(socket)
  }

  /** Notifies watchers; calls under way go on. Idempotent. */
  stop(): void {
    this.#health.close()
    this.#closed ??= new Promise((resolve) => this.#server.tryShutdown(() => resolve()))
  }

  /** Ends every call that is not over by itself in a moment. Idempotent. */
  async close(): Promise<void> {
    this.stop()
    const force = setTimeout(() => this.#server.forceShutdown(), farewellMs)
    await this.#closed
    clearTimeout(force)
  }

  #closed: Promise<void> | null = null
}

function loadDefinitions(): PackageDefinition {
  const files = ['inference.proto', 'health.proto']
  return loadSync(files, {
    includeDirs: [packagePath('src/transport/dialects/oip/grpc/proto')],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  })
}

type InferCall = ServerUnaryCall<ReadRequest, GrpcAnswer>
type InferStreamCall = ServerDuplexStream<ReadRequest, StreamResponse>

/** The generated definition, with hand-written codecs for what carries tensors. */
function inferenceService(definitions: PackageDefinition): ServiceDefinition {
  const service = definitions[inferenceName] as ServiceDefinition
  const read = (bytes: Buffer): ReadRequest => readInferRequest(bytes)
  const method = (name: string) => service[name] as MethodDefinition<unknown, unknown>
  const hot = {
    ModelInfer: {
      ...method('ModelInfer'),
      requestDeserialize: read,
      responseSerialize: (answer: GrpcAnswer) => writeInferResponse(answer),
    },
    ModelStreamInfer: {
      ...method('ModelStreamInfer'),
      requestDeserialize: read,
      responseSerialize: (response: StreamResponse) => writeStreamResponse(response),
    },
  }
  return { ...strict(service), ...hot }
}

function handlers(service: V2Service, gate: Gate): Record<string, UntypedHandleCall> {
  const infer = inferCalls(service, gate)
  const calls = Object.entries(modelCalls(service)).map(([name, call]) => [name, wrapped(name, call, gate)])
  return {
    ...(Object.fromEntries(calls) as Record<string, UntypedHandleCall>),
    ModelInfer: (call: InferCall, callback: sendUnaryData<GrpcAnswer>) => infer.unary(call, callback),
    ModelStreamInfer: (call: InferStreamCall) => infer.stream(call),
  }
}

function wrapped(name: string, handle: ModelCall, gate: Gate): handleUnaryCall<never, unknown> {
  return (call, callback) => {
    const answer = async (): Promise<unknown> => {
      const grant = gate.authorize(call, name)
      return gate.run(grant, name, subjectOf(call.request), () => handle(call.request))
    }
    answer().then(
      (response) => callback(null, response),
      (error: unknown) => callback(grpcFailure(toPenstockError(error))),
    )
  }
}

/** The model, pipeline or region that a request names; '' when it names none. */
function subjectOf(request: { readonly name?: string; readonly model_name?: string }): string {
  return request.model_name ?? request.name ?? ''
}
