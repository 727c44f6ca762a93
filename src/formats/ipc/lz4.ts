/**
 * LZ4 frames into a buffer of a size that is known: what Arrow calls LZ4_FRAME. Node has no LZ4, and a decoder that stops
 * at the end of a given buffer is shorter than the care that one needs which allocates as it goes.
 *
 *   frame   04224d18 · flags · block sizes · [content size] · [dictionary] · header checksum · block… · 0 · [checksum]
 *   block   size (top bit: stored as it is) · bytes · [checksum]          later blocks may refer to earlier ones
 *
 * Checksums are passed over: what carries the frames has its own. Owner of both buffers: the caller.
 * Formats: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md
 */
const MAGIC = 0x184d2204
const MATCH_BYTES_MIN = 4

/** @returns false: the frame is damaged, or its content is not exactly as long as `target`. */
export function decodeLz4Frame(source: Uint8Array, target: Uint8Array): boolean {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  if (source.length < 7 || view.getUint32(0, true) !== MAGIC) return false
  const flags = source[4] as number
  const [hasBlockChecksums, hasContentSize, hasDictionary] = [flags & 0x10, flags & 8, flags & 1]
  if (flags >> 6 !== 1 || hasDictionary !== 0) return false
  let at = 7 + (hasContentSize === 0 ? 0 : 8)
  let filled = 0
  for (;;) {
    if (at + 4 > source.length) return false
    const word = view.getUint32(at, true)
    at += 4
    if (word === 0) return filled === target.length
    const size = word & 0x7fffffff
    if (size > source.length - at) return false
    const block = source.subarray(at, at + size)
    at += size + (hasBlockChecksums === 0 ? 0 : 4)
    if (word >>> 31 === 0) filled = decodeBlock(block, target, filled)
    else if (size > target.length - filled) return false
    else {
      target.set(block, filled)
      filled += size
    }
    if (filled < 0) return false
  }
}

/** @returns how far `target` is filled then; -1: the block is damaged. */
function decodeBlock(block: Uint8Array, target: Uint8Array, start: number): number {
  let at = 0
  let filled = start
  while (at < block.length) {
    const token = block[at++] as number
    let literals = token >> 4
    if (literals === 15) {
      let byte: number
      do {
        if (at >= block.length) return -1
        byte = block[at++] as number
        literals += byte
      } while (byte === 255)
    }
    if (literals > block.length - at || literals > target.length - filled) return -1
    target.set(block.subarray(at, at + literals), filled)
    at += literals
    filled += literals
    // The last sequence of a block has literals only.
    if (at === block.length) return filled
    if (at + 2 > block.length) return -1
    const distance = (block[at] as number) | ((block[at + 1] as number) << 8)
    at += 2
    let match = (token & 15) + MATCH_BYTES_MIN
    if (match === 15 + MATCH_BYTES_MIN) {
      let byte: number
      do {
        if (at >= block.length) return -1
        byte = block[at++] as number
        match += byte
      } while (byte === 255)
    }
    if (distance === 0 || distance > filled || match > target.length - filled) return -1
    filled = copyMatch(target, filled, distance, match)
  }
  return filled
}

/** A match may reach into what it writes: then it repeats. */
function copyMatch(target: Uint8Array, filled: number, distance: number, match: number): number {
  const from = filled - distance
  if (distance >= match) target.copyWithin(filled, from, from + match)
  else for (let index = 0; index < match; index++) target[filled + index] = target[from + index] as number
  return filled + match
}
