/**
 * Protocol buffers' text format, without a schema: what `config.pbtxt` is written in. Strict: what the format does not have is
 * refused with its line. Of the format's own words these are left out, since no configuration has them: extensions and
 * `Any` in brackets.
 * A library that reads the format (protobufjs) needs the schema of one release of Triton, and refuses the fields that the
 * next one adds; a reader that wants five fields takes them here and lets the others be.
 * @source https://protobuf.dev/reference/protobuf/textformat-spec/
 */
import { argumentError } from '../../base/expect.js'
import type { PenstockError } from '../../base/errors.js'

/** A name without quotes: true, false, a member of an enum. */
export interface TextWord {
  readonly word: string
}
/** Integers beyond 2^53 lose their last digits: nothing that is read of them is that large. */
export type TextValue = string | number | TextWord | TextMessage
/** Fields by name, each with all of its values in order: whether it repeats is the schema's to say. */
export type TextMessage = ReadonlyMap<string, readonly TextValue[]>

export const TEXT_FORMAT_CHARACTERS_MAX = 1 << 20
const DEPTH_MAX = 32

/**
 * Reads a message.
 * @throws PenstockError ERR_ARGUMENT with the line of the first mistake.
 */
export function parseTextFormat(text: string): TextMessage {
  if (text.length > TEXT_FORMAT_CHARACTERS_MAX)
    throw argumentError('the text', `at most ${TEXT_FORMAT_CHARACTERS_MAX} characters`, `${text.length} characters`)
  const reader = new Reader(text)
  const message = readFields(reader, null, 0)
  return message
}

type TokenKind = 'name' | 'number' | 'text' | 'sign' | 'end'

interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly at: number
}

// A comment takes its line's end along, so that it is read in one way only, and in linear time; a text may not reach over the end of one.
const tokenPattern =
  /(?:[ \t\r\n\f\v]|#[^\n]*(?:\n|$))*(?:([A-Za-z_][A-Za-z0-9_]*)|((?:\d|\.\d)[A-Za-z0-9_.]*(?:(?<=[0-9.][eE])[+-]\d+[fF]?)?)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|([{}<>:[\],;-])|($))/y

class Reader {
  readonly #text: string
  #next: Token

  constructor(text: string) {
    this.#text = text
    this.#next = this.#read(0)
  }

  get next(): Token {
    return this.#next
  }

  take(): Token {
    const token = this.#next
    this.#next = this.#read(tokenPattern.lastIndex)
    return token
  }

  /** Takes one of `signs` if it comes next. */
  takeSign(signs: string): string | null {
    return this.#next.kind === 'sign' && signs.includes(this.#next.text) ? this.take().text : null
  }

  error(rule: string, token = this.#next): PenstockError {
    const line = this.#text.slice(0, token.at).split('\n').length
    return argumentError(`line ${line}`, rule, token.kind === 'end' ? 'the end of the text' : token.text)
  }

  #read(from: number): Token {
    tokenPattern.lastIndex = from
    const match = tokenPattern.exec(this.#text)
    if (match === null) {
      // The pattern is sticky: what stands at `from`, behind blanks, begins no token.
      const at = from + (/^(?:\s|#[^\n]*)*/.exec(this.#text.slice(from))?.[0].length ?? 0)
      throw this.error('a name, a value or a sign', { kind: 'sign', text: this.#text.slice(at, at + 1), at })
    }
    const [, name, number, text, sign] = match
    const found = name ?? number ?? text ?? sign ?? ''
    const kind =
      name !== undefined
        ? 'name'
        : number !== undefined
          ? 'number'
          : text !== undefined
            ? 'text'
            : sign !== undefined
              ? 'sign'
              : 'end'
    return { kind, text: found, at: tokenPattern.lastIndex - found.length }
  }
}

/** @param close the sign that ends the message; null: the end of the text does. */
function readFields(reader: Reader, close: string | null, depth: number): TextMessage {
  if (depth > DEPTH_MAX) throw reader.error(`at most ${DEPTH_MAX} messages deep`)
  const fields = new Map<string, TextValue[]>()
  for (;;) {
    const { kind, text } = reader.next
    if (close === null ? kind === 'end' : kind === 'sign' && text === close) break
    if (kind !== 'name') throw reader.error(close === null ? 'the name of a field' : `the name of a field or ${close}`)
    reader.take()
    const values = fields.get(text) ?? []
    values.push(...readValues(reader, depth))
    fields.set(text, values)
    reader.takeSign(',;')
  }
  if (close !== null) reader.take()
  return fields
}

function readValues(reader: Reader, depth: number): TextValue[] {
  const hasColon = reader.takeSign(':') !== null
  const isMessage = reader.next.kind === 'sign' && '{<['.includes(reader.next.text)
  if (!hasColon && !isMessage) throw reader.error('a colon')
  if (reader.takeSign('[') === null) return [readValue(reader, depth)]
  const values: TextValue[] = []
  if (reader.takeSign(']') !== null) return values
  do {
    const value = readValue(reader, depth)
    // Scalars need the colon that messages may go without.
    if (!hasColon && !(value instanceof Map)) throw reader.error('messages in a list without a colon before it')
    values.push(value)
  } while (reader.takeSign(',') !== null)
  if (reader.takeSign(']') === null) throw reader.error('a comma or ]')
  return values
}

function readValue(reader: Reader, depth: number): TextValue {
  const open = reader.takeSign('{<')
  if (open !== null) return readFields(reader, open === '{' ? '}' : '>', depth + 1)
  if (reader.next.kind === 'text') return readTexts(reader)
  const isNegative = reader.takeSign('-') !== null
  const token = reader.take()
  if (token.kind === 'number') return isNegative ? -numberOf(reader, token) : numberOf(reader, token)
  if (token.kind !== 'name') throw reader.error('a value', token)
  if (/^(inf|infinity)f?$/i.test(token.text)) return isNegative ? -Infinity : Infinity
  if (/^nanf?$/i.test(token.text)) return NaN
  if (isNegative) throw reader.error('a number', token)
  return { word: token.text }
}

function numberOf(reader: Reader, token: Token): number {
  const { text } = token
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number(text)
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8)
  if (/^(0|[1-9]\d*)$/.test(text)) return Number(text)
  const isFloat = /^(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?[fF]?$/.test(text)
  if (!isFloat || /^0\d+$/.test(text)) throw reader.error('a number', token)
  return Number(text.replace(/[fF]$/, ''))
}

/** Texts that stand one behind the other are one. */
function readTexts(reader: Reader): string {
  let bytes = Buffer.alloc(0)
  while (reader.next.kind === 'text') bytes = Buffer.concat([bytes, bytesOf(reader, reader.take())])
  return bytes.toString('utf8')
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '?': '?',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

/** Octal and hexadecimal escapes are bytes, of which several may make one character. */
function bytesOf(reader: Reader, token: Token): Buffer {
  const parts: Buffer[] = []
  const pattern = /\\([0-7]{1,3})|\\[xX]([0-9a-fA-F]{1,2})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\(.)|[^\\]+/g
  for (const [whole, octal, hex, short, long, simple] of token.text.slice(1, -1).matchAll(pattern)) {
    const point = short ?? long
    if (octal !== undefined) parts.push(Buffer.from([Number.parseInt(octal, 8) & 0xff]))
    else if (hex !== undefined) parts.push(Buffer.from([Number.parseInt(hex, 16)]))
    else if (point !== undefined) parts.push(Buffer.from(characterOf(reader, token, Number.parseInt(point, 16))))
    else if (simple === undefined) parts.push(Buffer.from(whole))
    else if (Object.hasOwn(simpleEscapes, simple)) parts.push(Buffer.from(simpleEscapes[simple] ?? ''))
    else throw reader.error('a text with escapes that there are', { ...token, text: whole })
  }
  return Buffer.concat(parts)
}

function characterOf(reader: Reader, token: Token, point: number): string {
  if (point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff)) return String.fromCodePoint(point)
  throw reader.error('a text of Unicode characters', token)
}
