/**
 * One Zstandard frame into a buffer of a size that is known. Node has a decoder from 22.15 on; where it has none, the
 * reference one runs as WebAssembly, which is compiled when this module is loaded: by the first Arrow body, not at start.
 * Either stops at the end of what it may write.
 *
 * Frames are walked first: a second one behind the first would be work that the size says nothing of. Owner of both
 * buffers: the caller. Format: RFC 8878.
 */
import * as zlib from 'node:zlib'

/** Unpacks one frame to at most `sizeMax` bytes. @throws for damaged frames. */
export type ZstdDecoder = (source: Uint8Array, sizeMax: number) => Uint8Array

/** Both of a frame's buffers lie in WebAssembly's memory, whose end is nearer than ours. */
const WEB_ASSEMBLY_BYTES_MAX = 512 * 1024 * 1024
const ZSTD_MAGIC = 0xfd2fb528
const BLOCK_BYTES_MAX = 128 * 1024

/** Node's own; null where it has none. */
export const nativeDecoder = nativeZstd()

/** The reference decoder as WebAssembly. */
export async function webAssemblyDecoder(): Promise<ZstdDecoder> {
  const { ZSTDDecoder } = await import('zstddec')
  const decoder = new ZSTDDecoder()
  await decoder.init()
  return (source, sizeMax) => {
    if (source.length + sizeMax > WEB_ASSEMBLY_BYTES_MAX)
      throw new RangeError(`Expected at most ${WEB_ASSEMBLY_BYTES_MAX} bytes packed and unpacked but received more`)
    return decoder.decode(source, sizeMax)
  }
}

const decoderHere = nativeDecoder ?? (await webAssemblyDecoder())

/** @returns false: the frame is damaged, or its content is not exactly as long as `target`. */
export function decodeZstdFrame(source: Uint8Array, target: Uint8Array, decode: ZstdDecoder = decoderHere): boolean {
  if (!isOneFrame(source, target.length)) return false
  try {
    const unpacked = decode(source, target.length)
    if (unpacked.length !== target.length) return false
    target.set(unpacked)
    return true
  } catch {
    return false
  }
}

function nativeZstd(): ZstdDecoder | null {
  type Unpack = (source: Uint8Array, options: { maxOutputLength: number }) => Uint8Array
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Unpack }
  if (zstdDecompressSync === undefined) return null
  return (source, sizeMax) => zstdDecompressSync(source, { maxOutputLength: sizeMax })
}

/** Walks the blocks without decoding them. */
function isOneFrame(source: Uint8Array, size: number): boolean {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  if (source.length < 9 || view.getUint32(0, true) !== ZSTD_MAGIC) return false
  const descriptor = source[4] as number
  const isSingle = (descriptor & 0x20) !== 0
  const sizeField = descriptor >> 6
  const [dictionaryBytes, sizeBytes] = [
    [0, 1, 2, 4][descriptor & 3] as number,
    sizeField === 0 ? Number(isSingle) : 1 << sizeField,
  ]
  let at = 5 + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes
  if (at > source.length) return false
  if (sizeBytes > 0 && contentSize(view, at - sizeBytes, sizeBytes) !== size) return false
  let blocks = 0
  for (let isLast = false; !isLast;) {
    if (at + 3 > source.length) return false
    const header = (source[at] as number) | ((source[at + 1] as number) << 8) | ((source[at + 2] as number) << 16)
    const [kind, bytes] = [(header >> 1) & 3, header >> 3]
    if (kind === 3 || bytes > BLOCK_BYTES_MAX) return false
    isLast = (header & 1) === 1
    // A run has one byte, whatever its length.
    at += 3 + (kind === 1 ? 1 : bytes)
    if (at > source.length || ++blocks > 16 + size) return false
  }
  return at + ((descriptor & 4) === 0 ? 0 : 4) === source.length
}

function contentSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at)
  // Two bytes hold the size less 256: smaller ones take one byte.
  if (bytes === 2) return view.getUint16(at, true) + 256
  return bytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true))
}
