/** Keys as numbers and bytes: hashed and compared without a value of JavaScript a row. Free functions, for they are hot. */
import type { KeyPart } from './packed.js'

/** Hashes the key of a row: 32 bits, signed. */
export function hashKey(parts: readonly KeyPart[], row: number): number {
  let hash = 0x9e3779b9
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as KeyPart
    hash = Math.imul(hash ^ (part.kind === 'integer' ? hashWords(part.words, row) : hashText(part, row)), 0x85ebca6b)
  }
  return finish(hash)
}

/** Whether two keys are the same; parts of the same kinds. */
export function equalKeys(
  left: readonly KeyPart[],
  leftRow: number,
  right: readonly KeyPart[],
  rightRow: number,
): boolean {
  for (let i = 0; i < left.length; i++) {
    const a = left[i] as KeyPart
    const b = right[i] as KeyPart
    if (a.kind === 'integer' && b.kind === 'integer') {
      if (a.words[2 * leftRow] !== b.words[2 * rightRow]) return false
      if (a.words[2 * leftRow + 1] !== b.words[2 * rightRow + 1]) return false
    } else if (a.kind === 'text' && b.kind === 'text') {
      if (!equalTexts(a, leftRow, b, rightRow)) return false
    } else return false
  }
  return true
}

function hashWords(words: Int32Array, row: number): number {
  const low = words[2 * row] as number
  const high = words[2 * row + 1] as number
  return finish(low ^ Math.imul(high, 0xc2b2ae35))
}

function hashText({ bytes, offsets }: Extract<KeyPart, { kind: 'text' }>, row: number): number {
  const end = offsets[row + 1] as number
  let hash = 0x811c9dc5
  for (let at = offsets[row] as number; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193)
  return hash
}

function equalTexts(
  a: Extract<KeyPart, { kind: 'text' }>,
  aRow: number,
  b: Extract<KeyPart, { kind: 'text' }>,
  bRow: number,
): boolean {
  const aStart = a.offsets[aRow] as number
  const bStart = b.offsets[bRow] as number
  const length = (a.offsets[aRow + 1] as number) - aStart
  if ((b.offsets[bRow + 1] as number) - bStart !== length) return false
  for (let i = 0; i < length; i++) if (a.bytes[aStart + i] !== b.bytes[bStart + i]) return false
  return true
}

/** Spreads all bits over all bits, so that ids in a row do not make runs in a table of a power of two. */
function finish(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x7feb352d)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x846ca68b)
  return hash ^ (hash >>> 16)
}
