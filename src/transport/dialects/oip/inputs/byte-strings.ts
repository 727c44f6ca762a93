/**
 * BYTES tensors: each element is its length (u32, little-endian) and that many bytes. The strings of ONNX models are text
 * here, so bytes that are not UTF-8 are refused instead of being bent into replacement characters.
 */
import { badRequest } from '../failures.js'

const lengthBytes = 4
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * @param count of elements, by the shape.
 * @throws PenstockError ERR_ARGUMENT when the bytes are not exactly that many elements, or no UTF-8.
 */
export function readByteStrings(name: string, bytes: Uint8Array, count: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: string[] = []
  let position = 0
  while (position < bytes.length) {
    if (texts.length === count)
      throw badRequest(
        `unexpected number of string elements ${count + 1} for inference input '${name}', expecting ${count}`,
      )
    if (position + lengthBytes > bytes.length)
      throw badRequest(
        `incomplete string length indicator for inference input '${name}', expecting 4 bytes but only ${bytes.length - position} bytes available`,
      )
    const length = view.getUint32(position, true)
    position += lengthBytes
    if (length > bytes.length - position)
      throw badRequest(
        `incomplete string data for inference input '${name}', expecting string of length ${length} but only ${bytes.length - position} bytes available`,
      )
    texts.push(decodeText(name, bytes.subarray(position, position + length)))
    position += length
  }
  if (texts.length !== count)
    throw badRequest(`expected ${count} strings for inference input '${name}', got ${texts.length}`)
  return texts
}

export function writeByteStrings(texts: readonly string[]): Uint8Array {
  const lengths = texts.map((text) => Buffer.byteLength(text))
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + lengthBytes + length, 0))
  let position = 0
  texts.forEach((text, index) => {
    position = bytes.writeUInt32LE(lengths[index] ?? 0, position)
    position += bytes.write(text, position)
  })
  return bytes
}

/** One element. @throws PenstockError ERR_ARGUMENT when the bytes are no UTF-8. */
export function decodeText(name: string, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw badRequest(
      `inference input '${name}' has an element that is not UTF-8: the strings of ONNX models are text here. A model that takes bytes as numbers has an input of UINT8`,
    )
  }
}
