/**
 * ModelInfer and ModelStreamInfer: from messages to the one internal call and back. A call that its caller cancels, or whose
 * gRPC deadline passes, is cancelled in the engine as well. A stream answers in the order of completion and is read no
 * faster than it is answered.
 */
import { toPenstockError, type PenstockError } from '../../../../base/errors.js'
import { WINDOW_REQUESTS } from '../../../../base/limits/limits.js'
import type { PipelineDescription } from '../../../../engine/api/api.js'
import type { CallerLimit } from '../../../../engine/requests/caller-limit.js'
import { noOptions } from '../../../../engine/requests/request-options.js'
import { freeMemory } from '../../../../engine/memory/free-buffer.js'
import type { Grant } from '../../../access/grant.js'
import { PREFIX_BYTES, oneRequest, type CallReceiver, type GrpcCall, type Method } from '../../../grpc/service.js'
import { answerHeaders, noHeaders, withHeaderMeta, type AnswerHeaders } from '../../../header-options.js'
import type { ReadHeader } from '../../../request-headers.js'
import type { V2Answer } from '../call.js'
import { bytesOf } from '../http/answer.js'
import { inferV2, prepareCall, type Cancel } from '../infer.js'
import type { ServedModel } from '../models.js'
import type { V2Service } from '../service.js'
import type { Gate } from './gate.js'
import { bindGrpcRequest, readInferRequest, type GrpcInferRequest, type ReadRequest } from './infer-reader.js'
import { writeInferResponse, writeStreamResponse, type GrpcAnswer, type RegionNote } from './infer-writer.js'
import { grpcFailure } from './status.js'

export type StreamResponse = GrpcAnswer | { readonly error: string }
type OnEnd = (error: PenstockError | null, answer: GrpcAnswer | null, headers?: AnswerHeaders) => void

const path = (name: string): string => `/inference.GRPCInferenceService/${name}`

export function inferMethods(service: V2Service, gate: Gate): Method[] {
  return [
    oneRequest(path('ModelInfer'), readInferRequest, (call, request) => inferOnce(service, gate, call, request)),
    {
      path: path('ModelStreamInfer'),
      read: readInferRequest,
      open: (call) => {
        try {
          return new InferStream(call, service, gate, gate.authorize(call, 'ModelStreamInfer'))
        } catch (error) {
          call.fail(grpcFailure(toPenstockError(error)))
          return noRequests
        }
      },
    },
  ]
}

const noRequests: CallReceiver = { onRequest: ignore, onEnd: ignore, onCancelled: ignore }

function ignore(): void {
  // The call is over.
}

/** @returns what ends the inference. */
function inferOnce(service: V2Service, gate: Gate, call: GrpcCall, request: ReadRequest): (() => void) | undefined {
  let limit: CallerLimit | null = null
  const isAllowed = attempt(
    () => (limit = gate.admit(gate.authorize(call, 'ModelInfer'), 'ModelInfer', modelOf(request))),
    (error) => call.fail(grpcFailure(error)),
  )
  if (!isAllowed) return undefined
  const run = new Run(service, call.header)
  run.start(request, (error, answer, headers = noHeaders) => {
    limit?.release()
    if (error !== null) return call.fail(grpcFailure(error))
    if (send(call, answer as GrpcAnswer, writeInferResponse)) call.end(headers)
  })
  return () => run.cancel()
}

/** @returns whether the call goes on. */
function send<Response extends StreamResponse>(
  call: GrpcCall,
  response: Response,
  write: (response: Response, prefixBytes: number) => Buffer,
): boolean {
  const contents = 'contents' in response ? response.contents : []
  let bytes = 0
  for (const { length } of contents) bytes += length
  const isSent = call.write(bytes, () => write(response, PREFIX_BYTES))
  // Their bytes are in the message now.
  if ('isOwned' in response && response.isOwned) for (const content of contents) freeMemory(content)
  return isSent
}

/** '' of a request that cannot be read. */
function modelOf(request: ReadRequest): string {
  return 'error' in request ? '' : request.modelName
}

function attempt(work: () => void, onError: (error: PenstockError) => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    onError(toPenstockError(error))
    return false
  }
}

/** One inference. */
class Run {
  readonly #service: V2Service
  /** The metadata of its call. */
  readonly #header: ReadHeader
  #cancel: Cancel | null = null
  #isCancelled = false

  constructor(service: V2Service, header: ReadHeader) {
    this.#service = service
    this.#header = header
  }

  /** `onEnd` is called once. */
  start(request: ReadRequest, onEnd: OnEnd): void {
    const fail = (error: unknown): void => onEnd(toPenstockError(error), null)
    try {
      if ('error' in request) throw request.error
      const { models } = this.#service
      const served = models.find(request.modelName, expectVersion(request.modelVersion))
      const description = models.described(served)
      if (description !== null) return this.#infer(served, description, request, onEnd)
      models
        .ready(served)
        .then((loaded) => this.#infer(served, loaded, request, onEnd))
        .catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  cancel(): void {
    this.#isCancelled = true
    this.#cancel?.()
  }

  #infer(served: ServedModel, description: PipelineDescription, request: GrpcInferRequest, onEnd: OnEnd): void {
    const { engine, memory } = this.#service
    const call = prepareCall(served, description, bindGrpcRequest(request, memory), this.#header)
    request.onTaken?.()
    this.#cancel = inferV2(engine, call, {
      onAnswer: (answer) => {
        const end: OnEnd = (error, written) => onEnd(error, written, answerHeaders(call.options))
        this.#answer(served, request, answer, !description.isStringPath, end)
      },
      onFailure: (error) => onEnd(error, null),
    })
    if (this.#isCancelled) this.#cancel()
  }

  #answer(served: ServedModel, request: GrpcInferRequest, answer: V2Answer, isOwned: boolean, onEnd: OnEnd): void {
    let written: GrpcAnswer | null = null
    const isWritten = attempt(
      () => {
        written = this.#write(request, answer, isOwned)
      },
      (error) => onEnd(error, null),
    )
    if (!isWritten) return
    this.#service.noteInference(served)
    onEnd(null, written)
  }

  #write({ wishes, parameters }: GrpcInferRequest, answer: V2Answer, isOwned: boolean): GrpcAnswer {
    const regions: (RegionNote | null)[] = []
    const contents = answer.outputs.map(({ name, tensor }, index) => {
      const bytes = bytesOf(tensor)
      const place = wishes?.[index]?.place ?? null
      regions.push(place === null ? null : { region: place.region, offset: place.offset, byteSize: bytes.length })
      if (place === null) return bytes
      this.#service.memory.write(place, bytes, name)
      return noBytes
    })
    return {
      answer,
      contents,
      regions,
      isOwned,
      emitsFinal: parameters.get('triton_enable_empty_final_response') === true,
    }
  }
}

const noBytes = new Uint8Array(0)

/** A version is digits, or '' for the default. */
function expectVersion(version: string): string {
  // Any other text names a version that no model has.
  return version === '' || /^\d{1,15}$/.test(version) ? version : '0'
}

/** Requests and answers of one stream. */
class InferStream implements CallReceiver {
  readonly #call: GrpcCall
  readonly #service: V2Service
  readonly #runs = new Set<Run>()
  /** Errors end the stream with a status instead of standing among the answers. */
  readonly #hasGrpcErrors: boolean
  readonly #gate: Gate
  /** The metadata of the stream, which all its requests share. */
  readonly #header: ReadHeader
  readonly #grant: Grant | null
  /** Forgets the stream: the end of its key no longer ends it. */
  readonly #letGo: () => void
  #isEnded = false
  #isOver = false

  constructor(call: GrpcCall, service: V2Service, gate: Gate, grant: Grant | null) {
    this.#call = call
    this.#service = service
    this.#gate = gate
    this.#header = call.header
    this.#grant = grant
    this.#letGo = grant?.hold((error) => this.#fail(error)) ?? (() => undefined)
    const headers = answerHeaders(withHeaderMeta(noOptions, this.#header))
    if (headers.length > 0) call.sendHead(headers)
    this.#hasGrpcErrors = call.metadata('triton_grpc_error') === 'true'
  }

  onEnd(): void {
    this.#isEnded = true
    this.#endWhenDone()
  }

  onCancelled(): void {
    this.#abandon()
  }

  onDrain(): void {
    this.#resume()
  }

  onRequest(request: ReadRequest): void {
    const run = new Run(this.#service, this.#header)
    this.#runs.add(run)
    let limit: CallerLimit | null = null
    const onEnd = (error: PenstockError | null, answer: GrpcAnswer | null): void => {
      limit?.release()
      this.#runs.delete(run)
      if (this.#isOver) return
      if (error !== null && this.#hasGrpcErrors) return this.#fail(error)
      const response = error === null ? (answer as GrpcAnswer) : { error: error.message }
      if (!send<StreamResponse>(this.#call, response, writeStreamResponse)) return
      if (this.#call.isBehind) this.#call.pause()
      else this.#resume()
      this.#endWhenDone()
    }
    const isAdmitted = attempt(
      () => (limit = this.#gate.admit(this.#grant, 'ModelStreamInfer', modelOf(request))),
      (error) => onEnd(error, null),
    )
    if (isAdmitted) run.start(request, onEnd)
    if (this.#runs.size >= WINDOW_REQUESTS) this.#call.pause()
  }

  #resume(): void {
    if (this.#runs.size < WINDOW_REQUESTS && !this.#call.isBehind && this.#call.isPaused) this.#call.resume()
  }

  #endWhenDone(): void {
    if (this.#isEnded && this.#runs.size === 0 && !this.#isOver) {
      this.#isOver = true
      this.#letGo()
      this.#call.end()
    }
  }

  /** Ends the stream with a status. */
  #fail(error: PenstockError): void {
    this.#abandon()
    this.#call.fail(grpcFailure(error))
  }

  #abandon(): void {
    this.#isOver = true
    this.#letGo()
    for (const run of this.#runs) run.cancel()
  }
}
