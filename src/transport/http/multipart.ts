/**
 * Reads multipart/form-data that has arrived whole: parts are views of the body, nothing is copied. Strict where leniency
 * would let two readers see different parts: every boundary ends its line, names stand once, and nothing is decoded.
 *
 * @source RFC 7578, RFC 2046 section 5.1
 */
import { describeValue } from '../../base/expect.js'
import { PenstockError } from '../../base/errors.js'
import { MULTIPART_HEAD_BYTES_MAX, MULTIPART_PARTS_MAX } from '../../base/limits/limits.js'

export interface Part {
  readonly name: string
  /** '' when the part has none. */
  readonly fileName: string
  /** A view of the body. */
  readonly bytes: Buffer
}

export function isMultipart(contentType: string): boolean {
  return /^\s*multipart\/form-data\s*(;|$)/i.test(contentType)
}

/**
 * @param body lent as long as the parts are used.
 * @throws PenstockError ERR_BODY, ERR_CONTENT_TYPE.
 */
export function readMultipart(body: Buffer, contentType: string): Part[] {
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`)
  const parts: Part[] = []
  // The first boundary may begin the body.
  let position = body.indexOf(delimiter.subarray(2)) === 0 ? delimiter.length - 2 : afterNext(body, delimiter, 0)
  while (!isEnd(body, position)) {
    if (parts.length === MULTIPART_PARTS_MAX) throw malformed(`at most ${MULTIPART_PARTS_MAX} parts but received more`)
    const start = lineEnd(body, position)
    const headEnd = body.subarray(start, start + MULTIPART_HEAD_BYTES_MAX).indexOf('\r\n\r\n')
    if (headEnd < 0) throw malformed(`a blank line after the headers of part ${parts.length + 1} but received none`)
    const from = start + headEnd + 4
    // The line end before the boundary is the boundary's.
    const next = afterNext(body, delimiter, from - 2)
    const bytes = body.subarray(from, Math.max(from, next - delimiter.length))
    parts.push({ ...readHead(body.toString('utf8', start, start + headEnd), parts.length + 1), bytes })
    position = next
  }
  const twice = parts.find(({ name, fileName }, index) =>
    parts.some((other, at) => at < index && other.name === name && other.fileName === fileName),
  )
  if (twice !== undefined) throw malformed(`each part once but received ${describeValue(twice.name)} twice`)
  return parts
}

function boundaryOf(contentType: string): string {
  const boundary = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i.exec(contentType)
  const text = boundary?.[1] ?? boundary?.[2]
  if (text !== undefined) return text
  throw new PenstockError(
    'ERR_CONTENT_TYPE',
    `Expected multipart/form-data to name its boundary but received ${describeValue(contentType)}. Let the client set Content-Type`,
  )
}

/** Behind the next delimiter. */
function afterNext(body: Buffer, delimiter: Buffer, from: number): number {
  const at = body.indexOf(delimiter, from)
  if (at < 0) throw malformed('a closing boundary but the body ends before it')
  return at + delimiter.length
}

function isEnd(body: Buffer, position: number): boolean {
  return body[position] === 0x2d && body[position + 1] === 0x2d
}

/** Behind the rest of a boundary's line, which is white space. */
function lineEnd(body: Buffer, position: number): number {
  let at = position
  while (body[at] === 0x20 || body[at] === 0x09) at++
  if (body[at] === 0x0d && body[at + 1] === 0x0a) return at + 2
  throw malformed('a line end after each boundary but received something else')
}

function readHead(head: string, number: number): { name: string; fileName: string } {
  let disposition = ''
  for (const line of head.split('\r\n')) {
    const [, key = '', value = ''] = /^([\w-]+):\s*(.*)$/.exec(line) ?? []
    if (/^content-disposition$/i.test(key)) disposition = value
    if (/^content-transfer-encoding$/i.test(key) && !/^(binary|8bit|7bit)$/i.test(value.trim()))
      throw malformed(`part ${number} as it is but received it as ${describeValue(value)}`)
  }
  const name = parameterOf(disposition, 'name')
  if (!/^form-data\b/i.test(disposition) || name === undefined)
    throw malformed(`part ${number} to have content-disposition: form-data with a name`)
  return { name, fileName: parameterOf(disposition, 'filename') ?? '' }
}

/** `name="…"`, `name=…`, or `name*=utf-8''…` as some clients write names that are not ASCII. */
function parameterOf(disposition: string, name: string): string | undefined {
  const extended = new RegExp(`;\\s*${name}\\*=utf-8''([^;\\s]*)`, 'i').exec(disposition)?.[1]
  if (extended !== undefined) return decoded(extended)
  const [, quoted, bare] =
    new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s"]*))`, 'i').exec(disposition) ?? []
  if (quoted !== undefined) return decoded(quoted.replace(/\\(.)/g, '$1').replace(/%(?!22|0[AD])/gi, '%25'))
  return bare
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw malformed(`names of parts in UTF-8 but received ${describeValue(text)}`)
  }
}

function malformed(rule: string): PenstockError {
  return new PenstockError('ERR_BODY', `The body is no multipart/form-data. Expected ${rule}`)
}
