/**
 * Reads protobuf's wire format from untrusted bytes: varints, lengths, fields. Nothing is copied: bytes and messages are
 * views of the buffer. A general decoder would make objects of what is skipped here, and arrays of what stays bytes.
 *
 * @source https://protobuf.dev/programming-guides/encoding/
 */
import { PenstockError } from '../errors.js'

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

const varintBytesMax = 10

/** ERR_ARGUMENT: the bytes are no protobuf, whatever they were meant to say. */
export class MalformedProtobuf extends PenstockError {
  constructor(what: string) {
    super('ERR_ARGUMENT', `Expected a well-formed protobuf message but received ${what}`)
  }
}

export class WireReader {
  position: number
  /** Number and wire type of the field that `next` found. */
  field = 0
  wireType = 0
  readonly #bytes: Buffer
  readonly #end: number

  /** @param bytes lent as long as views of it are used. */
  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.position = start
    this.#end = end
  }

  get isAtEnd(): boolean {
    return this.position >= this.#end
  }

  get remaining(): number {
    return this.#end - this.position
  }

  /** Another reader of the same message, from `position` on. */
  from(position: number): WireReader {
    return new WireReader(this.#bytes, position, this.#end)
  }

  /** Steps to the next field. @returns false at the end. */
  next(): boolean {
    if (this.position >= this.#end) return false
    const key = this.uint32()
    this.field = key >>> 3
    this.wireType = key & 7
    if (this.field === 0) throw malformed('field number 0')
    return true
  }

  /** The low 32 bits of a varint, unsigned. */
  uint32(): number {
    let value = 0
    for (let shift = 0, count = 0; count < varintBytesMax; count++, shift += 7) {
      const byte = this.#byte()
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw malformed('a varint of more than 10 bytes')
  }

  /** A varint of 64 bits as two's complement, into `target` at `offset`: little-endian. */
  uint64Into(target: DataView, offset: number): void {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte()
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high |= bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else high |= (bits & 1) << 31
      if (byte < 0x80) {
        target.setUint32(offset, low >>> 0, true)
        target.setUint32(offset + 4, high >>> 0, true)
        return
      }
    }
    throw malformed('a varint of more than 10 bytes')
  }

  int64(): bigint {
    this.uint64Into(scratch, 0)
    return scratch.getBigInt64(0, true)
  }

  uint64(): bigint {
    this.uint64Into(scratch, 0)
    return scratch.getBigUint64(0, true)
  }

  float(): number {
    this.#take(4)
    return this.#bytes.readFloatLE(this.position - 4)
  }

  double(): number {
    this.#take(8)
    return this.#bytes.readDoubleLE(this.position - 8)
  }

  /** A view of a field of type BYTES. */
  bytes(): Buffer {
    const length = this.#length()
    this.#take(length)
    return this.#bytes.subarray(this.position - length, this.position)
  }

  /** A view of the next `length` bytes. */
  view(length: number): Buffer {
    this.#take(length)
    return this.#bytes.subarray(this.position - length, this.position)
  }

  text(): string {
    const length = this.#length()
    this.#take(length)
    return this.#bytes.toString('utf8', this.position - length, this.position)
  }

  /** A reader of the message that is next. */
  message(): WireReader {
    const length = this.#length()
    this.#take(length)
    return new WireReader(this.#bytes, this.position - length, this.position)
  }

  /** A reader of the value that is next, whatever its type: what packs a list and what does not are read alike. */
  value(): WireReader {
    if (this.wireType === BYTES) return this.message()
    const start = this.position
    this.skip()
    return new WireReader(this.#bytes, start, this.position)
  }

  /** Steps over a field that nobody wants. */
  skip(): void {
    if (this.wireType === VARINT) this.uint32()
    else if (this.wireType === FIXED64) this.#take(8)
    else if (this.wireType === BYTES) this.#take(this.#length())
    else if (this.wireType === FIXED32) this.#take(4)
    else throw malformed(`wire type ${this.wireType}`)
  }

  /** @throws PenstockError ERR_ARGUMENT unless the field has this wire type. */
  expect(wireType: number): void {
    if (this.wireType !== wireType) throw malformed(`wire type ${this.wireType} of field ${this.field}`)
  }

  #byte(): number {
    if (this.position >= this.#end) throw malformed('a message that ends early')
    return this.#bytes[this.position++] as number
  }

  #length(): number {
    this.expect(BYTES)
    return this.uint32()
  }

  #take(bytes: number): void {
    if (bytes > this.#end - this.position) throw malformed('a field that reaches beyond its message')
    this.position += bytes
  }
}

const scratch = new DataView(new ArrayBuffer(8))

function malformed(what: string): MalformedProtobuf {
  return new MalformedProtobuf(what)
}
