/**
 * ModelInferRequest from its bytes. Raw contents are views of the message, which is the only copy between the socket's
 * frames and the batch. What is wrong with a request is kept and thrown by whoever handles it, so that it ends that request
 * and not its stream; bytes that are no protobuf at all end both (malformed.ts).
 */
import { toPenstockError, type PenstockError } from '../../../../base/errors.js'
import { FIELDS_MAX, RANK_MAX } from '../../../../base/limits/limits.js'
import type { Parameter, Parameters, V2Input, V2Request, V2Wish } from '../call.js'
import { noParameters } from '../call.js'
import { badRequest, badShape } from '../failures.js'
import { countElements } from '../inputs/elements.js'
import { decodeContent, inputContent, outputContent, type Content } from '../inputs/content-type.js'
import { placeParameters, type RegionPlace, type SharedMemory } from '../shared-memory.js'
import type { ReceivedMessage } from '../../../grpc/service.js'
import { readContents } from './typed-contents.js'
import { BYTES, FIXED64, MalformedProtobuf, VARINT, WireReader } from '../../../../base/protobuf/wire-reader.js'

export interface GrpcWish extends V2Wish {
  readonly place: RegionPlace | null
}

/** What was read, before tensors have their bytes. */
export interface GrpcInferRequest extends ReceivedMessage {
  readonly modelName: string
  readonly modelVersion: string
  readonly id: string
  readonly parameters: Parameters
  readonly inputs: readonly GrpcInput[]
  readonly wishes: readonly GrpcWish[] | null
  readonly raw: readonly Buffer[]
}

interface GrpcInput {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly place: RegionPlace | null
  readonly contents: WireReader | null
  readonly content: Content
  /** What the parameter binary_data_size says; null: nothing. */
  readonly rawBytes: number | null
}

/** A request, or why it is none. */
export type ReadRequest = GrpcInferRequest | ({ readonly error: PenstockError } & ReceivedMessage)

/** @param bytes the message's own memory; kept. @throws MalformedProtobuf */
export function readInferRequest(bytes: Buffer): ReadRequest {
  try {
    return read(new WireReader(bytes))
  } catch (error) {
    if (error instanceof MalformedProtobuf) throw error
    return { error: toPenstockError(error) }
  }
}

/**
 * Gives each input its bytes.
 * @throws PenstockError ERR_ARGUMENT, ERR_SHAPE, ERR_UNSUPPORTED.
 */
export function bindGrpcRequest(request: GrpcInferRequest, memory: SharedMemory): V2Request {
  const { id, inputs, raw, wishes, parameters } = request
  let position = 0
  const bind = (input: GrpcInput): V2Input => {
    const { name, datatype, shape, place, contents, rawBytes } = input
    if (place !== null) return { name, datatype, shape, data: memory.read(place) }
    if (contents !== null) {
      if (raw.length > 0)
        throw badRequest(
          `contents field must not be specified when using raw_input_contents for '${name}' for model '${request.modelName}'`,
        )
      return { name, datatype, shape, data: readContents(contents, name, datatype, countElements(name, shape)) }
    }
    const data = raw[position++]
    if (data !== undefined && rawBytes !== null && data.length !== rawBytes)
      throw badShape(`unexpected size for input '${name}': binary_data_size is ${rawBytes}, got ${data.length} bytes`)
    if (data !== undefined) return { name, datatype, shape, data }
    // An empty tensor may come without any contents.
    if (raw.length === 0 && countElements(name, shape) === 0) return { name, datatype, shape, data: noBytes }
    throw badRequest(`unable to find data for input tensor '${name}' for model '${request.modelName}' in request.`)
  }
  const bound = inputs.map((input) => decodeContent(bind(input), input.content))
  if (position < raw.length)
    throw badShape(`expected ${position} raw_input_contents for model '${request.modelName}', got ${raw.length}`)
  return { id, inputs: bound, wishes, parameters }
}

const noBytes = new Uint8Array(0)

function read(reader: WireReader): GrpcInferRequest {
  let modelName = ''
  let modelVersion = ''
  let id = ''
  let parameters: Map<string, Parameter> | null = null
  const inputs: GrpcInput[] = []
  const wishes: GrpcWish[] = []
  const raw: Buffer[] = []
  while (reader.next()) {
    if (reader.field === 1) modelName = reader.text()
    else if (reader.field === 2) modelVersion = reader.text()
    else if (reader.field === 3) id = reader.text()
    else if (reader.field === 4) readParameter(reader.message(), (parameters ??= new Map<string, Parameter>()))
    else if (reader.field === 5) inputs.push(readInput(reader.message()))
    else if (reader.field === 6) wishes.push(readWish(reader.message()))
    else if (reader.field === 7) {
      reader.expect(BYTES)
      raw.push(reader.bytes())
    } else reader.skip()
    if (inputs.length > FIELDS_MAX || wishes.length > FIELDS_MAX || raw.length > FIELDS_MAX)
      throw badRequest(`Expected at most ${FIELDS_MAX} inputs and outputs but received more`)
  }
  const listed = wishes.length === 0 ? null : wishes
  return { modelName, modelVersion, id, parameters: parameters ?? noParameters, inputs, wishes: listed, raw }
}

function readInput(reader: WireReader): GrpcInput {
  let name = ''
  let datatype = ''
  const shape: number[] = []
  let parameters: Map<string, Parameter> | null = null
  let contents: WireReader | null = null
  while (reader.next()) {
    if (reader.field === 1) name = reader.text()
    else if (reader.field === 2) datatype = reader.text()
    else if (reader.field === 3) readDims(reader, shape)
    else if (reader.field === 4) readParameter(reader.message(), (parameters ??= new Map<string, Parameter>()))
    else if (reader.field === 5) contents = reader.message()
    else reader.skip()
  }
  // Some clients send an empty message beside raw contents.
  if (contents?.isAtEnd === true) contents = null
  const content = inputContent(name, datatype, parameters)
  const rawBytes = parameters === null ? null : countOf(parameters, 'binary_data_size')
  return { name, datatype, shape, contents, content, rawBytes, place: placeOf(parameters) }
}

function readDims(reader: WireReader, shape: number[]): void {
  const dims = reader.wireType === BYTES ? reader.message() : null
  if (dims === null) {
    reader.expect(VARINT)
    shape.push(Number(reader.int64()))
  } else while (!dims.isAtEnd && shape.length <= dimsMax) shape.push(Number(dims.int64()))
  if (shape.length > dimsMax) throw badShape(`Expected a shape of at most ${dimsMax} dims but received more`)
}

const dimsMax = RANK_MAX

function readWish(reader: WireReader): GrpcWish {
  let name = ''
  const parameters = new Map<string, Parameter>()
  while (reader.next()) {
    if (reader.field === 1) name = reader.text()
    else if (reader.field === 2) readParameter(reader.message(), parameters)
    else reader.skip()
  }
  const contentType = outputContent(name, parameters)
  const classification = countOf(parameters, 'classification') ?? 0
  const place = placeOf(parameters)
  if (place !== null && classification > 0)
    throw badRequest(`shared memory not supported for classification output '${name}'`)
  return { name, classification, contentType, place }
}

/** One entry of a map: key 1, value 2. */
function readParameter(entry: WireReader, parameters: Map<string, Parameter>): void {
  let key = ''
  let value: Parameter | null = null
  while (entry.next()) {
    if (entry.field === 1) key = entry.text()
    else if (entry.field === 2) value = readChoice(entry.message())
    else entry.skip()
  }
  if (value !== null) parameters.set(key, value)
}

function readChoice(reader: WireReader): Parameter | null {
  let value: Parameter | null = null
  while (reader.next()) {
    const { field } = reader
    if (field === 3) value = reader.text()
    else if (field === 4) {
      reader.expect(FIXED64)
      value = reader.double()
    } else if (field === 1 || field === 2 || field === 5) {
      reader.expect(VARINT)
      value = field === 1 ? reader.uint32() !== 0 : small(field === 2 ? reader.int64() : reader.uint64())
    } else reader.skip()
  }
  return value
}

function small(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function placeOf(parameters: Parameters | null): RegionPlace | null {
  if (parameters === null) return null
  const region = parameters.get('shared_memory_region')
  if (region === undefined) {
    const stray = placeParameters.find((name) => parameters.has(name))
    if (stray === undefined) return null
    throw badRequest(`'shared_memory_region' must be specified along with '${stray}'`)
  }
  if (typeof region !== 'string') throw badRequest("'shared_memory_region' parameter must be a string")
  const byteSize = countOf(parameters, 'shared_memory_byte_size')
  if (byteSize === null)
    throw badRequest("'shared_memory_byte_size' must be specified along with 'shared_memory_region'")
  return { region, byteSize, offset: countOf(parameters, 'shared_memory_offset') ?? 0 }
}

function countOf(parameters: Parameters, name: string): number | null {
  const value = parameters.get(name)
  if (value === undefined) return null
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw badRequest(`'${name}' parameter must be an unsigned integer`)
}
