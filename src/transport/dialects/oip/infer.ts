/**
 * The one internal call, as both dialects of the protocol make it: a request that is held to the signature goes to the
 * engine as bytes, its result comes back as an answer. Pipelines with string tensors take Engine.infer, whose tensors are
 * values.
 */
import { PenstockError, toPenstockError } from '../../../base/errors.js'
import type { EngineApi, InferResult, PipelineDescription, RequestOptions } from '../../../engine/api/api.js'
import type { BytesRequest, TensorPort } from '../../../engine/requests/tensor-port.js'
import { dtypeInfo, viewData } from '../../../tensor/dtype.js'
import type { Tensor } from '../../../tensor/tensor.js'
import type { ReadHeader } from '../../request-headers.js'
import { readByteStrings } from './inputs/byte-strings.js'
import type { V2Answer, V2Input, V2Output, V2Request, V2Wish } from './call.js'
import { classify } from './classification.js'
import { badShape } from './failures.js'
import type { ServedModel } from './models.js'
import { optionsOf } from './parameters.js'
import { countElements } from './inputs/elements.js'
import { orderInputs, wishedOutputs } from './request-check.js'
import { encodeContent, requestContent } from './inputs/content-type.js'
import { signatureOf, type V2Field, type V2Signature } from './signature.js'

export interface InferEngine extends Pick<EngineApi, 'infer'> {
  readonly tensors: TensorPort
}

/** What ends a request that is under way; calling it after the end does nothing. */
export type Cancel = () => void

export interface InferCallbacks {
  onAnswer(answer: V2Answer): void
  onFailure(error: PenstockError): void
}

const nothingToCancel: Cancel = () => undefined

/** A request that was held to the signature. */
export interface PreparedCall {
  readonly served: ServedModel
  readonly description: PipelineDescription
  readonly signature: V2Signature
  readonly id: string
  /** The `content_type` of the request; '' for none. */
  readonly contentType: string
  /** In the order of the signature. */
  readonly inputs: readonly V2Input[]
  readonly wishes: readonly V2Wish[]
  readonly options: RequestOptions
}

/**
 * @param description what `served` serves now. @param header what the request itself says wins.
 * @throws PenstockError of the argument class.
 */
export function prepareCall(
  served: ServedModel,
  description: PipelineDescription,
  request: V2Request,
  header: ReadHeader,
): PreparedCall {
  const signature = signatureOf(description)
  return {
    served,
    description,
    signature,
    id: request.id,
    contentType: requestContent(request.parameters),
    inputs: orderInputs(served.name, signature, request),
    wishes: wishedOutputs(served.name, signature, request.wishes),
    options: optionsOf(request, header),
  }
}

/** Whether the call goes to the engine as bytes: there is no string in it. */
export function isBytesCall({ description }: PreparedCall): boolean {
  return !description.isStringPath
}

/** The engine's form of a bytes call. */
export function bytesRequestOf({ inputs, options }: PreparedCall): BytesRequest {
  return {
    shapes: inputs.map((input) => input.shape),
    bytes: inputs.map((input) => input.data as Uint8Array),
    options,
  }
}

/**
 * Exactly one of the callbacks is called, perhaps before it returns; the bytes of the inputs are lent until then.
 * @throws PenstockError of the argument class, before anything was run.
 */
export function inferV2(engine: InferEngine, call: PreparedCall, callbacks: InferCallbacks): Cancel {
  const onAnswer = (result: InferResult): void => {
    let answer: V2Answer
    try {
      answer = answerOf(call, result)
    } catch (error) {
      return callbacks.onFailure(toPenstockError(error))
    }
    callbacks.onAnswer(answer)
  }
  const target = isBytesCall(call) ? engine.tensors.find(call.served.pipeline) : null
  if (target === null) return inferPlainly(engine, call, onAnswer, callbacks)
  const onFailure = (error: PenstockError): void => callbacks.onFailure(error)
  const number = engine.tensors.submit(target, bytesRequestOf(call), onAnswer, onFailure)
  return number === 0 ? nothingToCancel : () => engine.tensors.cancel(number)
}

/** With values instead of bytes. */
function inferPlainly(
  engine: InferEngine,
  { served, signature, inputs, options }: PreparedCall,
  onAnswer: (result: InferResult) => void,
  callbacks: InferCallbacks,
): Cancel {
  const tensors = inputs.map(
    (input, index) => [input.name, tensorOf(signature.inputs[index] as V2Field, input)] as const,
  )
  const abort = new AbortController()
  const { deadlineMs } = options
  const pending = engine.infer(served.pipeline, {
    ...options,
    inputs: Object.fromEntries(tensors),
    signal: abort.signal,
    deadlineMs: deadlineMs === undefined ? undefined : Math.max(1, Math.round(deadlineMs)),
  })
  pending.then(onAnswer, (error: unknown) => callbacks.onFailure(toPenstockError(error))).catch(throwLater)
  return () => abort.abort()
}

/** An exception of a callback is a bug: it must not end as an unhandled rejection of somebody else's promise. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

function tensorOf(field: V2Field, { name, shape, data }: V2Input): Tensor {
  const { dtype } = field
  const count = countElements(name, shape)
  if (dtype === 'string') {
    const texts = data instanceof Uint8Array ? readByteStrings(name, data, count) : data
    if (texts.length !== count)
      throw badShape(`expected ${count} strings for inference input '${name}', got ${texts.length}`)
    return { dtype, shape, data: texts }
  }
  // Views need alignment, and the caller's bytes are only lent.
  const copy = Uint8Array.from(data as Uint8Array)
  return { dtype, shape, data: viewData(dtype, copy.buffer) }
}

/** @throws PenstockError ERR_ARGUMENT, ERR_RUN_FAILED. */
export function answerOf({ served, signature, id, contentType, wishes }: PreparedCall, result: InferResult): V2Answer {
  const outputs = wishes.map((wish) => outputOf(wish, signature, result))
  return {
    modelName: served.name,
    modelVersion: String(served.version),
    id,
    outputs,
    parameters: remarksOf(result, contentTypeOf(contentType, outputs)),
  }
}

function outputOf(
  { name, classification, contentType }: V2Wish,
  signature: V2Signature,
  { outputs }: InferResult,
): V2Output {
  const tensor = outputs[name]
  if (tensor === undefined)
    throw new PenstockError(
      'ERR_RUN_FAILED',
      `the model was replaced while it ran, and has no output '${name}' any more`,
    )
  const shown = classification === 0 ? tensor : classify(name, tensor, classification, signature.rowsMax > 0)
  const datatype = dtypeInfo(shown.dtype).oip
  const { data } = shown
  const encoded = ArrayBuffer.isView(data) ? shown : { ...shown, data: encodeContent(data, contentType) }
  return { name, datatype, tensor: encoded, contentType }
}

/**
 * The protocol has no place of its own for the log's id and for what checks and splits say: they come as parameters, the
 * latter as JSON in a string.
 */
function remarksOf({ checkFailures, metadata }: InferResult, contentType: string): V2Answer['parameters'] {
  const remarks: [string, string][] = metadata.requestId === '' ? [] : [['request_id', metadata.requestId]]
  if (contentType !== '') remarks.push(['content_type', contentType])
  if (checkFailures.length > 0) remarks.push(['check_failures', JSON.stringify(checkFailures)])
  if (metadata.cache !== undefined) remarks.push(['cache', metadata.cache])
  if (metadata.route !== null) remarks.push(['route', JSON.stringify(metadata.route)])
  return remarks
}

/**
 * An answer is of its request's type where its outputs can be: the codec of texts decodes no numbers, that of data frames
 * makes a column of each output and knows no shape.
 */
function contentTypeOf(type: string, outputs: readonly V2Output[]): string {
  if (type === '') return ''
  const isOf = ({ datatype, tensor }: V2Output): boolean => {
    if (type === 'str') return datatype === 'BYTES'
    return type !== 'pd' || (tensor.shape.length > 0 && tensor.data.length === tensor.shape[0])
  }
  return outputs.every(isOf) ? type : ''
}
