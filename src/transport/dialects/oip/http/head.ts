/**
 * The JSON of an infer request over HTTP. It stands by itself or before the bytes of its binary tensors; what it says of
 * those is kept for `bindInputs`, and a JSON `data` is read into memory on the way. Nothing is held to a model's
 * signature here.
 *
 * Clients send the same head again and again, so heads whose tensors are all binary are remembered by their bytes.
 */
import type { PenstockError } from '../../../../base/errors.js'
import { JSON_KEYS_MAX } from '../../../../base/limits/limits.js'
import { dtypeOfOip } from '../../../../tensor/dtype.js'
import { JsonReader, type Mark } from '../../../../formats/json/json-reader.js'
import type { Parameter, Parameters, V2Wish } from '../call.js'
import { noParameters } from '../call.js'
import { badRequest } from '../failures.js'
import { inputContent, outputContent, type Content } from '../inputs/content-type.js'
import { isAtNull, readJsonData } from '../inputs/json-data.js'
import { wantsBinary } from '../parameters.js'
import { clip, countElements } from '../inputs/elements.js'
import { placeParameters, type RegionPlace } from '../shared-memory.js'

export interface HeadInput {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  /** Exactly one of the three is there. */
  readonly data: Uint8Array | readonly string[] | null
  readonly binaryBytes: number | null
  readonly place: RegionPlace | null
  readonly content: Content
}

export interface HeadWish extends V2Wish {
  readonly isBinary: boolean
  readonly place: RegionPlace | null
}

export interface Head {
  readonly id: string
  readonly parameters: Parameters
  readonly inputs: readonly HeadInput[]
  readonly wishes: readonly HeadWish[] | null
  /** For outputs that are not listed. */
  readonly isBinaryDefault: boolean
}

/** @throws PenstockError ERR_ARGUMENT, ERR_SHAPE, ERR_VALUE_RANGE, ERR_BODY. */
export function readHead(bytes: Buffer): Head {
  if (bytes.length === 0) throw badRequest('failed to parse the request JSON buffer: The document is empty.')
  const reader = new JsonReader(bytes)
  let id = ''
  let parameters = noParameters
  let inputs: HeadInput[] | null = null
  let wishes: HeadWish[] | null = null
  if (!reader.isAtObject) throw badRequest('failed to parse the request JSON buffer: expected an object')
  reader.readObject((key) => {
    if (key === 'inputs') inputs = readList(reader, key, () => readInput(reader))
    // Clients that write every member of their types write null for those that are not there.
    else if (isAtNull(reader)) reader.readWord()
    else if (key === 'id') id = readText(reader, key)
    else if (key === 'parameters') parameters = readParameters(reader, 'request')
    else if (key === 'outputs') wishes = readList(reader, key, () => readWish(reader))
    // Unknown members are ignored: clients send some of their own.
    else reader.skipValue()
  })
  reader.expectEnd()
  if (inputs === null)
    throw badRequest("Unable to parse 'inputs': attempt to access non-existing object member 'inputs'")
  const listed = wishes as HeadWish[] | null
  return {
    id,
    parameters,
    inputs,
    wishes: listed === null || listed.length === 0 ? null : listed,
    isBinaryDefault: wantsBinary(parameters),
  }
}

/** Heads by their bytes; one for each of a few lengths, the newest wins. */
export class HeadCache {
  readonly #slots: ({ readonly bytes: Buffer; readonly head: Head } | undefined)[] = []

  read(bytes: Buffer): Head {
    const slot = bytes.length % slotCount
    const kept = this.#slots[slot]
    if (kept?.bytes.equals(bytes) === true) return kept.head
    const head = readHead(bytes)
    const isKept = bytes.length <= keptBytesMax && head.inputs.every((input) => input.data === null)
    if (isKept) this.#slots[slot] = { bytes: Buffer.from(bytes), head }
    return head
  }
}

const slotCount = 64
const keptBytesMax = 4096

function readInput(reader: JsonReader): HeadInput {
  let name: string | null = null
  let datatype: string | null = null
  let shape: number[] | null = null
  let parameters = noParameters
  let dataAt: Mark | null = null
  reader.readObject((key) => {
    if (key === 'name') name = readText(reader, key)
    else if (key === 'datatype') datatype = readText(reader, key)
    else if (key === 'shape') shape = readShape(reader)
    else if (key === 'parameters') parameters = readParameters(reader, 'tensor')
    else {
      if (key === 'data' && !isAtNull(reader)) dataAt = reader.mark()
      reader.skipValue()
    }
  })
  const place = readPlace(parameters)
  const binaryBytes = readCount(parameters, 'binary_data_size')
  const ways = Number(dataAt !== null) + Number(binaryBytes !== null) + Number(place !== null)
  const known = expectNamed(name, datatype, shape)
  if (ways === 0)
    throw badRequest(
      `unable to find data for input tensor '${clip(known.name)}': expected 'data', or the parameter 'binary_data_size' or 'shared_memory_region'`,
    )
  if (ways > 1)
    throw badRequest(
      `must not set more than one of 'data', 'binary_data_size' and 'shared_memory_region' for input '${clip(known.name)}'`,
    )
  const content = inputContent(known.name, known.datatype, parameters)
  const data = dataAt === null ? null : readDataAt(reader, dataAt, known)
  return { ...known, data, binaryBytes, place, content }
}

/** Reads the data once name, datatype and shape are known, wherever in the object they stood. */
function readDataAt(
  reader: JsonReader,
  at: Mark,
  { name, datatype, shape }: Pick<HeadInput, 'name' | 'datatype' | 'shape'>,
): Uint8Array | string[] {
  const dtype = dtypeOfOip(datatype)
  if (dtype === undefined) throw badRequest(`invalid datatype '${clip(datatype)}' for input '${clip(name)}'`)
  const count = countElements(name, shape)
  const end = reader.mark()
  reader.reset(at)
  const data = readJsonData(reader, name, dtype, count)
  reader.reset(end)
  return data
}

function expectNamed(
  name: string | null,
  datatype: string | null,
  shape: number[] | null,
): Pick<HeadInput, 'name' | 'datatype' | 'shape'> {
  const absent = name === null ? 'name' : datatype === null ? 'datatype' : shape === null ? 'shape' : null
  if (absent !== null)
    throw badRequest(`Unable to parse '${absent}': attempt to access non-existing object member '${absent}'`)
  return { name: name ?? '', datatype: datatype ?? '', shape: shape ?? [] }
}

function readWish(reader: JsonReader): HeadWish {
  let name: string | null = null
  let parameters = noParameters
  reader.readObject((key) => {
    if (key === 'name') name = readText(reader, key)
    else if (key === 'parameters') parameters = readParameters(reader, 'tensor')
    else reader.skipValue()
  })
  if (name === null) throw badRequest("Unable to parse 'name': attempt to access non-existing object member 'name'")
  const contentType = outputContent(name, parameters)
  const place = readPlace(parameters)
  const classification = readCount(parameters, 'classification') ?? 0
  const isBinary = parameters.get('binary_data') ?? false
  if (typeof isBinary !== 'boolean')
    throw badRequest(`Expected the parameter binary_data of output '${clip(name)}' to be true or false`)
  if (place !== null && isBinary)
    throw badRequest(`output '${clip(name)}' can not have both 'binary_data' and 'shared_memory_region'`)
  if (place !== null && classification > 0)
    throw badRequest(`shared memory not supported for classification output '${clip(name)}'`)
  return { name, classification, contentType, isBinary, place }
}

function readList<T>(reader: JsonReader, key: string, read: () => T): T[] {
  if (!reader.isAtArray) throw badRequest(`Unable to parse '${key}': attempt to access JSON non-array as array`)
  const values: T[] = []
  reader.readArray((index) => {
    if (index >= JSON_KEYS_MAX) throw badRequest(`expected at most ${JSON_KEYS_MAX} ${key}`)
    if (!reader.isAtObject) throw badRequest(`Unable to parse '${key}': attempt to access JSON non-object as object`)
    values.push(read())
  })
  return values
}

function readText(reader: JsonReader, key: string): string {
  if (!reader.isAtString) throw badRequest(`Unable to parse '${key}': attempt to access JSON non-string as string`)
  return reader.readString()
}

function readShape(reader: JsonReader): number[] {
  if (!reader.isAtArray) throw badRequest("Unable to parse 'shape': attempt to access JSON non-array as array")
  const shape: number[] = []
  reader.readArray((index) => {
    if (index >= dimsMax || !reader.isAtNumber) throw badDim()
    const dim = reader.readNumber()
    if (!Number.isInteger(dim) || dim < 0) throw badDim()
    shape.push(dim)
  })
  return shape
}

const dimsMax = 256
const badDim = () =>
  badRequest("Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer")

/**
 * Strings, numbers and booleans, integers exact. `null` is none. Those of tensors may hold more than this server reads;
 * one of a request is a routing key, and would be missed without a word.
 */
function readParameters(reader: JsonReader, of: 'request' | 'tensor'): Parameters {
  if (isAtNull(reader)) {
    reader.readWord()
    return noParameters
  }
  if (!reader.isAtObject) throw badRequest("Unable to parse 'parameters': attempt to access JSON non-object as object")
  const parameters = new Map<string, Parameter>()
  reader.readObject((key) => {
    if (isAtNull(reader)) reader.readWord()
    else if (!reader.isAtArray && !reader.isAtObject) parameters.set(key, readParameter(reader))
    else if (of === 'request' ? key !== 'headers' : tensorParameters.has(key)) throw noScalar(key)
    else reader.skipValue()
  })
  return parameters
}

/** Those of inputs and outputs that mean something here. */
const tensorParameters: ReadonlySet<string> = new Set([
  'binary_data',
  'binary_data_size',
  'classification',
  'content_type',
  'shared_memory_byte_size',
  'shared_memory_offset',
  'shared_memory_region',
])
const noScalar = (key: string): PenstockError =>
  badRequest(
    `Expected the parameter '${clip(key)}' to be text, a number or a bool: it is one for all rows of a request`,
  )

function readParameter(reader: JsonReader): Parameter {
  if (reader.isAtString) return reader.readString()
  if (!reader.isAtNumber) return reader.readWord() === true
  const at = reader.mark()
  const value = reader.readNumber()
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value
  reader.reset(at)
  return reader.readInteger()
}

function readCount(parameters: Parameters, name: string): number | null {
  const value = parameters.get(name)
  if (value === undefined) return null
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw badRequest(`Unable to parse '${name}': attempt to access JSON non-unsigned-integer as unsigned-integer`)
}

function readPlace(parameters: Parameters): RegionPlace | null {
  const region = parameters.get('shared_memory_region')
  if (region === undefined) {
    const stray = placeParameters.find((name) => parameters.has(name))
    if (stray === undefined) return null
    throw badRequest(`'shared_memory_region' must be specified along with '${stray}'`)
  }
  if (typeof region !== 'string')
    throw badRequest("Unable to parse 'shared_memory_region': attempt to access JSON non-string as string")
  const byteSize = readCount(parameters, 'shared_memory_byte_size')
  if (byteSize === null)
    throw badRequest("'shared_memory_byte_size' must be specified along with 'shared_memory_region'")
  return { region, byteSize, offset: readCount(parameters, 'shared_memory_offset') ?? 0 }
}
