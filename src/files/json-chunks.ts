/**
 * JSON records out of a file of any size: an array of objects, or one object after the other (NDJSON). The text of each
 * record is cut out and never parsed here, so its numbers keep all their digits; the server parses it.
 *
 * A scanner over bytes: it knows strings, escapes and depth, and nothing else of JSON. All marks are ASCII, which never
 * occurs inside a UTF-8 sequence.
 */
import { PenstockError } from '../base/errors.js'

const [QUOTE, BACKSLASH, OPEN, CLOSE, LEFT, RIGHT, COMMA] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c]
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Yields the bytes of each record. @throws PenstockError ERR_BODY for text between records, or a record that does not end. */
export async function* jsonRecords(chunks: AsyncIterable<Buffer>, recordBytesMax: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let [depth, isText, isEscaped, scanned] = [0, false, false, 0]
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let start = 0
    for (let at = scanned; at < bytes.length; at++) {
      const byte = bytes[at] as number
      if (isText) {
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) isText = false
      } else if (depth === 0) {
        if (byte === OPEN) {
          start = at
          depth = 1
        } else if (!isBlank(byte) && byte !== COMMA && byte !== LEFT && byte !== RIGHT && !isMark(bytes, at))
          throw noRecord(bytes, at)
      } else if (byte === QUOTE) isText = true
      else if (byte === OPEN || byte === LEFT) depth++
      else if ((byte === CLOSE || byte === RIGHT) && --depth === 0) yield bytes.subarray(start, at + 1)
    }
    rest = depth === 0 ? Buffer.alloc(0) : Buffer.from(bytes.subarray(start))
    scanned = rest.length
    if (rest.length > recordBytesMax)
      throw new PenstockError(
        'ERR_BODY',
        `Expected records of at most ${recordBytesMax} bytes but received one of more`,
      )
  }
  if (depth > 0) throw new PenstockError('ERR_BODY', 'Expected the last record to end but the file ends before it')
}

/** The byte order mark that some programs put before UTF-8. */
function isMark(bytes: Buffer, at: number): boolean {
  return at < 3 && bytes[0] === 0xef
}

function noRecord(bytes: Buffer, at: number): PenstockError {
  const text = bytes.toString('utf8', at, at + 20)
  return new PenstockError(
    'ERR_BODY',
    `Expected records, [{…}, …] or an object a line, but received ${JSON.stringify(text)} between them`,
  )
}
