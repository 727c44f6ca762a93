/**
 * Packed buffers of Arrow batches. Each begins with the size that it has unpacked (-1: it is not packed), which is spent
 * from the body's allowance before a byte is allocated; what unpacks to another size is refused.
 *
 *   buffer   int64 size · LZ4 or Zstandard frame
 */
import type { Allowance } from './columns.js'
import { arrowError } from './flat-view.js'
import { decodeLz4Frame } from './lz4.js'
import { decodeZstdFrame } from './zstd.js'

/** As BodyCompression numbers them. */
export const codecs = ['LZ4', 'ZSTD'] as const
export type Codec = (typeof codecs)[number]

/** Unpacking keeps the thread as long as the plain bytes would: a packed body is no larger than a plain one may be. */
const UNPACK_COST = 4

/**
 * The bytes of a buffer that may be packed.
 * @param buffer of the body. @param name of the column, for messages. @throws PenstockError ERR_BODY.
 */
export function unpackBuffer(buffer: Uint8Array, codec: Codec, allowance: Allowance, name: string): Uint8Array {
  if (buffer.length === 0) return buffer
  if (buffer.length < 8) throw damaged(codec, name)
  const size = new DataView(buffer.buffer, buffer.byteOffset, 8).getBigInt64(0, true)
  const packed = buffer.subarray(8)
  if (size === -1n) return packed
  if (size < 0n || size > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(codec, name)
  allowance.spend(UNPACK_COST * Number(size))
  const target = new Uint8Array(Number(size))
  if (target.length === 0) return target
  const isWhole = codec === 'LZ4' ? decodeLz4Frame(packed, target) : decodeZstdFrame(packed, target)
  if (!isWhole) throw damaged(codec, name)
  return target
}

function damaged(codec: Codec, name: string): Error {
  return arrowError(`buffers that unpack to the size they tell`, `one of ${name} that does not (${codec})`)
}
