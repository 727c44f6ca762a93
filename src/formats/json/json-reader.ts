/**
 * Reads JSON straight from the bytes of a body, strictly (RFC 8259).
 *
 * Why not JSON.parse: it loses integers beyond 2^53, keeps the last of two equal keys without a word, recurses as deep as
 * the caller likes, says "unexpected token" where the caller needs to hear that JSON has no NaN, and builds nested
 * arrays that would be thrown away at once. Here numbers go from text to typed memory; values whose text must be echoed
 * are slices of the body.
 *
 * Numbers: a decimal m × 10^e with m < 2^53 and |e| <= 22 is one exact multiplication or division of two doubles
 * (W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990); any other goes through Number(text).
 * Invariant: between calls `position` stands at the next unread byte; after a throw the reader is not used again.
 */
import { PenstockError, type ErrorCode } from '../../base/errors.js'
import { JSON_CONTAINERS_MAX, JSON_DEPTH_MAX, JSON_KEYS_MAX } from '../../base/limits/limits.js'
import { clip, notFinite, tooManyContainers } from './json-errors.js'
import { SeenKeys } from './seen-keys.js'

const byteOf = (character: string): number => character.charCodeAt(0)
const quote = byteOf('"')
const backslash = byteOf('\\')
const openBracket = byteOf('[')
const closeBracket = byteOf(']')
const openBrace = byteOf('{')
const closeBrace = byteOf('}')
const comma = byteOf(',')
const colon = byteOf(':')
const minus = byteOf('-')
const plus = byteOf('+')
const dot = byteOf('.')
const zero = byteOf('0')
const one = byteOf('1')
const nine = byteOf('9')
const lowerE = byteOf('e')
const upperE = byteOf('E')

/** 10^0 … 10^22: the powers of ten that a double holds exactly. */
const exactPowers = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))
const exponentDigitsMax = 6
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What JSON values become: objects have no prototype, keys come from outside. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | { [key: string]: JsonValue }

export interface Mark {
  readonly position: number
  readonly depth: number
}

export class JsonReader {
  position = 0
  /** The number read last: its digits without point, and the power of ten that goes with them. */
  mantissa = 0
  exponent = 0
  #depth = 0
  /** Built so far, those that were read twice counted twice. */
  #containers = 0

  /** @param bytes the body; lent until the reader is dropped. A byte order mark is skipped. */
  constructor(readonly bytes: Buffer) {
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.position = 3
  }

  /** Skips white space. @returns the next byte, -1 at the end. */
  peek(): number {
    const { bytes } = this
    let position = this.position
    let byte = bytes[position]
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++position]
    this.position = position
    return byte ?? -1
  }

  get isAtArray(): boolean {
    return this.peek() === openBracket
  }

  get isAtObject(): boolean {
    return this.peek() === openBrace
  }

  get isAtString(): boolean {
    return this.peek() === quote
  }

  /** True when a number is next; anything else that is no value is found out when it is read. */
  get isAtNumber(): boolean {
    const byte = this.peek()
    return byte === minus || (byte >= zero && byte <= nine)
  }

  /** Calls `onMember` once per key; it must read the value. @throws ERR_BODY on a repeated key. */
  readObject(onMember: (key: string) => void): void {
    this.#enter(openBrace, 'an object')
    const keys = new SeenKeys()
    if (this.peek() === closeBrace) return this.#leave()
    for (;;) {
      if (this.peek() !== quote) throw this.unexpected('a key in double quotes')
      const key = this.readString()
      if (keys.count >= JSON_KEYS_MAX)
        throw this.failure('ERR_BODY', `Expected an object of at most ${JSON_KEYS_MAX} keys but received more`)
      if (!keys.add(key))
        throw this.failure('ERR_BODY', `Expected each key to occur once but received ${JSON.stringify(key)} twice`)
      if (this.peek() !== colon) throw this.unexpected('":"')
      this.position++
      onMember(key)
      const byte = this.peek()
      if (byte === comma) this.position++
      else if (byte === closeBrace) return this.#leave()
      else throw this.unexpected('"," or "}"')
    }
  }

  /** Calls `onElement` once per element; it must read the value. @returns the number of elements. */
  readArray(onElement: (index: number) => void): number {
    if (!this.enterArray()) return 0
    for (let index = 0; ; index++) {
      onElement(index)
      if (!this.hasMore()) return index + 1
    }
  }

  /** Steps into an array. @returns false when it is empty; then it is left already. */
  enterArray(): boolean {
    this.#enter(openBracket, 'an array')
    if (this.peek() !== closeBracket) return true
    this.#leave()
    return false
  }

  /** After an element: true when another one follows, false when the array ended and is left. */
  hasMore(): boolean {
    const byte = this.peek()
    if (byte === comma) this.position++
    else if (byte === closeBracket) this.#leave()
    else throw this.unexpected('"," or "]"')
    return byte === comma
  }

  /** A place to come back to with `reset`. */
  mark(): Mark {
    return { position: this.position, depth: this.#depth }
  }

  reset(mark: Mark): void {
    this.position = mark.position
    this.#depth = mark.depth
  }

  /**
   * Reads any value.
   * @param isExact true: numbers are integers and kept without loss, see `readInteger`; 'integers': those without point and
   *   exponent are, beyond 2^53 as bigints, and others are doubles.
   * @param lengthMax of arrays, however deep.
   * @throws ERR_BODY when an array is longer, or the body has more arrays and objects than JSON_CONTAINERS_MAX.
   */
  readValue(isExact: boolean | 'integers' = false, lengthMax = Infinity): JsonValue {
    const byte = this.peek()
    if (byte === quote) return this.readString()
    if (byte === openBracket || byte === openBrace) this.#countContainer()
    if (byte === openBracket) {
      const values: JsonValue[] = []
      this.readArray((index) => {
        if (index >= lengthMax)
          throw this.failure('ERR_BODY', `Expected arrays of at most ${lengthMax} elements but received more`)
        values.push(this.readValue(isExact, lengthMax))
      })
      return values
    }
    if (byte === openBrace) {
      const values = Object.create(null) as { [key: string]: JsonValue }
      this.readObject((key) => (values[key] = this.readValue(isExact, lengthMax)))
      return values
    }
    if (!this.isAtNumber) return this.readWord()
    if (isExact === 'integers') return this.#readExactIfInteger()
    return isExact ? this.readInteger() : this.readNumber()
  }

  /** Reads any value and forgets it: checked like the others, but nothing is built. */
  skipValue(): void {
    const byte = this.peek()
    if (byte === quote) this.readString()
    else if (byte === openBracket) this.readArray(() => this.skipValue())
    else if (byte === openBrace) this.readObject(() => this.skipValue())
    else if (this.isAtNumber) this.readNumber()
    else this.readWord()
  }

  /** Reads true, false or null. @throws ERR_BODY for any other word, NaN and Infinity with the way out. */
  readWord(): true | false | null {
    this.peek()
    const start = this.position
    for (const [text, value] of words) {
      if (this.#ascii(start, start + text.length) === text) {
        this.position = start + text.length
        return value
      }
    }
    const word = /^-?[A-Za-z]*/.exec(this.#ascii(start, start + 12))?.[0] ?? ''
    if (/^-?(nan|inf)/i.test(word)) throw notFinite(word)
    throw this.unexpected('a value')
  }

  /** Reads a number as the nearest double. @throws ERR_VALUE_RANGE beyond its range. */
  readNumber(): number {
    const { bytes } = this
    this.peek()
    const start = this.position
    let position = start
    const isNegative = bytes[position] === minus
    if (isNegative) position++
    let byte = bytes[position] ?? -1
    let mantissa = 0
    let exponent = 0
    if (byte === zero) byte = bytes[++position] ?? -1
    else if (byte >= one && byte <= nine) {
      do {
        mantissa = mantissa * 10 + (byte - zero)
        byte = bytes[++position] ?? -1
      } while (byte >= zero && byte <= nine)
    } else throw this.#notNumber()
    if (byte === dot) {
      const fraction = ++position
      for (byte = bytes[position] ?? -1; byte >= zero && byte <= nine; byte = bytes[++position] ?? -1)
        mantissa = mantissa * 10 + (byte - zero)
      exponent = fraction - position
      if (exponent === 0) throw this.unexpected('a digit after the point', position)
    }
    if (byte === lowerE || byte === upperE) {
      const power = this.#readExponent(position + 1)
      position = this.position
      exponent += power
    }
    this.position = position
    this.mantissa = mantissa
    this.exponent = exponent
    // The sum cannot hide a loss: once past 2^53 it only grows.
    if (mantissa <= Number.MAX_SAFE_INTEGER && exponent >= -22 && exponent <= 22) {
      const power = exactPowers[Math.abs(exponent)] ?? 1
      const magnitude = exponent < 0 ? mantissa / power : mantissa * power
      return isNegative ? -magnitude : magnitude
    }
    const value = Number(bytes.toString('latin1', start, position))
    if (Number.isFinite(value)) return value
    throw this.failure(
      'ERR_VALUE_RANGE',
      `Expected a number that a float64 can hold but received ${clip(bytes.toString('latin1', start, position))}`,
    )
  }

  /**
   * Reads an integer without loss, as a bigint when it has more than 15 digits.
   * @throws ERR_VALUE_RANGE when it has a fraction, or an exponent and is beyond 2^53.
   */
  readInteger(): number | bigint {
    this.peek()
    const start = this.position
    const value = this.readNumber()
    const text = this.bytes.toString('latin1', start, this.position)
    if (/^-?\d+$/.test(text)) return text.length <= 15 ? value : BigInt(text)
    const { mantissa, exponent } = this
    const isExact =
      mantissa <= Number.MAX_SAFE_INTEGER &&
      exponent >= -22 &&
      mantissa % (exactPowers[Math.max(0, -exponent)] ?? 1) === 0
    if (isExact && Number.isSafeInteger(value)) return value
    throw this.failure(
      'ERR_VALUE_RANGE',
      `Expected an integer but received ${clip(text)}. Write integers beyond 2^53 without point and exponent`,
    )
  }

  #readExactIfInteger(): number | bigint {
    this.peek()
    const start = this.position
    const value = this.readNumber()
    if (Number.isSafeInteger(value) || !Number.isInteger(value)) return value
    const text = this.bytes.toString('latin1', start, this.position)
    return /^-?\d+$/.test(text) ? BigInt(text) : value
  }

  /** Reads a string. @throws ERR_BODY when it is not UTF-8. */
  readString(): string {
    const { bytes } = this
    if (this.peek() !== quote) throw this.unexpected('a string')
    const start = this.position + 1
    let position = start
    let isAscii = true
    let hasEscape = false
    for (;;) {
      const byte = bytes[position] ?? -1
      if (byte === quote) break
      if (byte < 0x20)
        throw byte === -1
          ? this.unexpected('the string to end', position)
          : this.unexpected('control characters to be escaped', position)
      if (byte === backslash) {
        hasEscape = true
        position++
      } else if (byte >= 0x80) isAscii = false
      position++
    }
    this.position = position + 1
    if (isAscii && !hasEscape) return bytes.toString('latin1', start, position)
    const text = isAscii ? bytes.toString('latin1', start, position) : this.#decode(start, position)
    return hasEscape ? this.#unescape(text, start) : text
  }

  /** The text of the body between two positions, for echoes. */
  slice(start: number, end: number): string {
    return this.#decode(start, end)
  }

  /** @throws ERR_BODY unless nothing but white space is left. */
  expectEnd(): void {
    if (this.peek() !== -1) throw this.unexpected('the body to end')
  }

  unexpected(rule: string, position = this.position): PenstockError {
    const received = position >= this.bytes.length ? 'its end' : JSON.stringify(this.#ascii(position, position + 12))
    return new PenstockError(
      'ERR_BODY',
      `Expected ${rule} at byte ${position} of the JSON body but received ${received}`,
    )
  }

  failure(code: ErrorCode, sentence: string): PenstockError {
    return new PenstockError(code, `${sentence} (before byte ${this.position} of the JSON body)`)
  }

  /** A short text for comparisons and messages; clipped where the body ends. */
  #ascii(start: number, end: number): string {
    return this.bytes.toString('latin1', start, end)
  }

  #enter(byte: number, what: string): void {
    if (this.peek() !== byte) throw this.unexpected(what)
    if (++this.#depth > JSON_DEPTH_MAX) {
      throw new PenstockError(
        'ERR_BODY',
        `Expected the JSON body to be nested at most ${JSON_DEPTH_MAX} deep but received more at byte ${this.position}`,
      )
    }
    this.position++
  }

  #countContainer(): void {
    if (++this.#containers > JSON_CONTAINERS_MAX) throw tooManyContainers()
  }

  #leave(): void {
    this.#depth--
    this.position++
  }

  #readExponent(start: number): number {
    const { bytes } = this
    let position = start
    const isNegative = bytes[position] === minus
    if (isNegative || bytes[position] === plus) position++
    const first = position
    let power = 0
    for (let byte = bytes[position] ?? -1; byte >= zero && byte <= nine; byte = bytes[++position] ?? -1) {
      // Longer exponents are far out of range either way; the text decides.
      if (position - first < exponentDigitsMax) power = power * 10 + (byte - zero)
    }
    if (position === first) throw this.unexpected('a digit in the exponent', position)
    this.position = position
    return isNegative ? -power : power
  }

  #notNumber(): PenstockError {
    const start = this.position
    const word = /^-?[A-Za-z]+/.exec(this.#ascii(start, start + 12))?.[0] ?? ''
    return /^-?(nan|inf)/i.test(word) ? notFinite(word) : this.unexpected('a number')
  }

  #decode(start: number, end: number): string {
    try {
      return utf8.decode(this.bytes.subarray(start, end))
    } catch {
      throw new PenstockError('ERR_BODY', `Expected the body to be UTF-8 but received other bytes at ${start}..${end}`)
    }
  }

  /** The rules of escapes are JSON.parse's own; only a short text is given to it. */
  #unescape(text: string, start: number): string {
    try {
      return JSON.parse(`"${text}"`) as string
    } catch {
      throw this.unexpected('a string with valid escapes', start)
    }
  }
}

const words: readonly (readonly [string, true | false | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]

/**
 * Reads a whole body as one value, with this reader's rules.
 * @param isExact as readValue has it. @throws ERR_BODY
 */
export function readJson(bytes: Buffer, isExact: boolean | 'integers' = false): JsonValue {
  if (bytes.length === 0) throw new PenstockError('ERR_BODY', 'Expected a JSON body but received none')
  const reader = new JsonReader(bytes)
  const value = reader.readValue(isExact)
  reader.expectEnd()
  return value
}
