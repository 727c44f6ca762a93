/**
 * InferTensorContents: elements as repeated fields instead of raw bytes. They become the bytes that raw contents would have
 * been; floats and doubles are those bytes already, and are only viewed.
 */
import { dtypeInfo, dtypeOfOip } from '../../../../tensor/dtype.js'
import { badRequest, badShape } from '../failures.js'
import { clip } from '../inputs/elements.js'
import { BYTES, type WireReader } from '../../../../base/protobuf/wire-reader.js'

/** Which repeated field carries a datatype. */
const fieldOf: Readonly<Record<string, number>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
}
const bytesField = 8

/**
 * @param count of elements, by the shape.
 * @throws PenstockError ERR_ARGUMENT, ERR_SHAPE.
 */
export function readContents(reader: WireReader, name: string, datatype: string, count: number): Uint8Array {
  if (datatype === 'BYTES') return readElements(reader, name, count)
  const field = fieldOf[datatype]
  const dtype = dtypeOfOip(datatype)
  if (field === undefined || dtype === undefined)
    throw badRequest(
      `datatype '${clip(datatype)}' of input '${clip(name)}' has no typed contents: use raw_input_contents`,
    )
  const parts: Buffer[] = []
  let partBytes = 0
  const elementBytes = dtypeInfo(dtype).sizeBytes
  while (reader.next()) {
    if (reader.field !== field)
      throw badRequest(`unexpected explicit tensor data for input tensor '${clip(name)}' of type '${datatype}'`)
    const part = readPart(reader, field, elementBytes, count - partBytes / elementBytes)
    parts.push(part)
    partBytes += part.length
  }
  if (partBytes !== count * elementBytes)
    throw badShape(
      `unexpected number of elements for input '${clip(name)}': expected ${count} by its shape, got ${partBytes / elementBytes}`,
    )
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
}

/** One packed field, or one element of a field that is not packed. */
function readPart(reader: WireReader, field: number, elementBytes: number, elementsMax: number): Buffer {
  if (field >= 6) return reader.wireType === BYTES ? reader.bytes() : reader.view(elementBytes)
  const packed = reader.wireType === BYTES ? reader.message() : null
  const target = Buffer.alloc(packed === null ? elementBytes : elementBytes * elementsMax)
  if (packed === null) {
    readVarint(reader, target, 0, elementBytes)
    return target
  }
  let offset = 0
  while (!packed.isAtEnd) {
    if (offset === target.length) throw badShape('more elements in typed contents than the shape says')
    readVarint(packed, target, offset, elementBytes)
    offset += elementBytes
  }
  return target.subarray(0, offset)
}

function readVarint(reader: WireReader, target: Buffer, offset: number, bytes: number): void {
  if (bytes === 8) return reader.uint64Into(new DataView(target.buffer, target.byteOffset, target.length), offset)
  const value = reader.uint32()
  if (bytes === 4) target.writeUInt32LE(value, offset)
  else if (bytes === 2) target.writeUInt16LE(value & 0xffff, offset)
  else target[offset] = value & 0xff
}

function readElements(reader: WireReader, name: string, count: number): Uint8Array {
  const parts: Buffer[] = []
  while (reader.next()) {
    if (reader.field !== bytesField)
      throw badRequest(`unexpected explicit tensor data for input tensor '${clip(name)}' of type 'BYTES'`)
    const element = reader.bytes()
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(element.length)
    parts.push(length, element)
    if (parts.length > 2 * count)
      throw badShape(
        `unexpected number of elements for input '${clip(name)}': expected ${count} by its shape, got more`,
      )
  }
  return Buffer.concat(parts)
}
