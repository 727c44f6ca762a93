/**
 * The Huffman code of HPACK, decoded. The code is canonical (codes of one length follow each other in the order of their
 * symbols), so that the lengths are the whole table; a walk over them gives each length its first code and its symbols.
 * Strings are short and most are in a cache of whole header blocks, which is why this reads bit by bit.
 *
 * @source RFC 7541 section 5.2 and appendix B.
 */
import { CODE, ConnectionError } from './frames.js'

/** The symbols 0 to 255 and the end have one letter each: a is 5 bits, z is 30. */
const lengths =
  'isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibcccccccccccccc' +
  'ccccccccdcdioijbkabababbbaccbbbabcbaabccccckgjixprpprrrsrssssststtrstssssqrsrsst' +
  'rqprrssqsrrtqrssqqrqsrssprrrsrrsvvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvs' +
  'vwvvwwwwwxwwwwwvz'
const bitsMax = 30
const end = 256

/** By length: the first code, how many there are, and where their symbols begin in `symbols`. */
const firstCode = new Uint32Array(bitsMax + 1)
const countOf = new Uint16Array(bitsMax + 1)
const placeOf = new Uint16Array(bitsMax + 1)
const symbols: number[] = []
for (let bits = 1, code = 0; bits <= bitsMax; bits++, code *= 2) {
  firstCode[bits] = code
  placeOf[bits] = symbols.length
  for (let symbol = 0; symbol <= end; symbol++)
    if (lengths.charCodeAt(symbol) - 0x61 + 5 === bits) {
      symbols.push(symbol)
      code++
    }
  countOf[bits] = symbols.length - (placeOf[bits] as number)
}

/** @returns the text, a character a byte. @throws ConnectionError COMPRESSION_ERROR. */
export function decodeHuffman(bytes: Buffer, start: number, stop: number): string {
  // The shortest code has 5 bits.
  const target = Buffer.allocUnsafe(Math.ceil(((stop - start) * 8) / 5))
  let length = 0
  let code = 0
  let bits = 0
  for (let at = start; at < stop; at++) {
    const byte = bytes[at] as number
    for (let shift = 7; shift >= 0; shift--) {
      code = code * 2 + ((byte >>> shift) & 1)
      bits++
      const place = code - (firstCode[bits] as number)
      if (place >= (countOf[bits] as number)) {
        if (bits === bitsMax) throw broken()
        continue
      }
      const symbol = symbols[(placeOf[bits] as number) + place] as number
      if (symbol === end) throw broken()
      target[length++] = symbol
      code = 0
      bits = 0
    }
  }
  // What is left is padding: fewer than 8 bits, all ones.
  if (bits > 7 || code !== 2 ** bits - 1) throw broken()
  return target.toString('latin1', 0, length)
}

function broken(): ConnectionError {
  return new ConnectionError(CODE.COMPRESSION_ERROR, 'a header is not in the Huffman code of HPACK')
}
