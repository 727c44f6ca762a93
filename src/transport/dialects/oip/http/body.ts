/**
 * The body of an infer request over HTTP, in its three forms: only JSON, JSON and the bytes of its binary tensors behind
 * it, or one tensor's bytes and nothing else. `Inference-Header-Content-Length` says which: absent, the length of the
 * JSON, or 0.
 */
import type { V2Input, V2Request } from '../call.js'
import { noParameters } from '../call.js'
import { badRequest, badShape } from '../failures.js'
import type { Head, HeadCache } from './head.js'
import { decodeContent } from '../inputs/content-type.js'
import type { SharedMemory } from '../shared-memory.js'
import type { V2Signature } from '../signature.js'

/** The JSON's length; null: the whole body is JSON. @throws PenstockError ERR_ARGUMENT. */
export function headLength(header: string, bodyBytes: number): number | null {
  if (header === '') return null
  const length = /^[+-]?\d{1,10}$/.test(header) ? Number(header) : NaN
  if (Number.isNaN(length))
    throw badRequest(`Unable to parse Inference-Header-Content-Length, got: ${header.slice(0, 100)}`)
  if (length < 0 || length > bodyBytes)
    throw badRequest(`inference header size should be in range (0, ${bodyBytes}), got: ${length}`)
  return length
}

/** @param length of the JSON, not 0; null: all of it. */
export function readBody(body: Buffer, length: number | null, heads: HeadCache): { head: Head; tail: Buffer } {
  const jsonBytes = length ?? body.length
  return { head: heads.read(body.subarray(0, jsonBytes)), tail: body.subarray(jsonBytes) }
}

/**
 * Gives each input its bytes: binary ones lie one behind the other in the order of the JSON.
 * @param tail lent as long as the request is.
 * @throws PenstockError ERR_SHAPE: bytes are missing or left over. ERR_ARGUMENT: elements that are not what the content type
 *   says. ERR_ARGUMENT, ERR_UNSUPPORTED: shared memory.
 */
export function bindRequest(model: string, head: Head, tail: Buffer, memory: SharedMemory): V2Request {
  let position = 0
  const inputs = head.inputs.map((input): V2Input => {
    const { name, datatype, shape, data, binaryBytes, place, content } = input
    if (data !== null) return decodeContent({ name, datatype, shape, data }, content)
    if (place !== null) return decodeContent({ name, datatype, shape, data: memory.read(place) }, content)
    const start = position
    position += binaryBytes ?? 0
    if (position > tail.length)
      throw badShape(
        `unexpected size for input '${name}', expecting ${position - tail.length} additional bytes for model '${model}'`,
      )
    return decodeContent({ name, datatype, shape, data: tail.subarray(start, position) }, content)
  })
  if (position < tail.length) throw badShape(`unexpected additional input data for model '${model}'`)
  return { id: head.id, inputs, wishes: head.wishes, parameters: head.parameters }
}

/**
 * A body that is the bytes of the only input, of one row.
 * @throws PenstockError ERR_ARGUMENT, ERR_SHAPE.
 */
export function rawRequest(model: string, signature: V2Signature, body: Buffer): V2Request {
  const [field, ...others] = signature.inputs
  if (field === undefined || others.length > 0)
    throw badRequest(
      `Raw request must only have 1 input (found ${signature.inputs.length}) to be deduced but got ${signature.inputs.length} inputs in '${model}' model configuration`,
    )
  const { name, datatype, elementBytes } = field
  const rowed = field.shape.map((dim, axis) => (axis === 0 && signature.rowsMax > 0 ? 1 : dim))
  const freeAxes = rowed.filter((dim) => dim === -1).length
  if (freeAxes > 1)
    throw badRequest(
      `Shape of input '${name}' of model '${model}' has more than one variable dim, which a raw request cannot tell`,
    )
  const fixed = rowed.reduce((product, dim) => (dim === -1 ? product : product * dim), 1)
  const isText = elementBytes === 0
  if (isText && fixed !== 1) throw badRequest(`For BYTES datatype raw input 'shape' must be [1] in '${model}'`)
  const rest = isText ? 1 : body.length / (fixed * elementBytes)
  const isFit = freeAxes === 0 ? isText || rest === 1 : Number.isInteger(rest)
  if (!isFit)
    throw badShape(
      `input byte size mismatch for input '${name}' for model '${model}'. Expected ${freeAxes === 0 ? '' : 'a multiple of '}${fixed * elementBytes}, got ${body.length}`,
    )
  const shape = rowed.map((dim) => (dim === -1 ? rest : dim))
  const data = isText ? withLength(body) : body
  return { id: '', inputs: [{ name, datatype, shape, data }], wishes: null, parameters: noParameters }
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}
