/**
 * Writes Protocol Buffers: what metric families and small parts of ONNX files need of the format, and no more (varints,
 * doubles, text, nested messages, packed lists). A library would bring a schema compiler for messages that are flat.
 * Numbers are exact up to 2^53. Format: https://protobuf.dev/programming-guides/encoding/
 */
const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

const START_BYTES = 4096
/** A varint of 64 bits. */
const VARINT_BYTES_MAX = 10
const textEncoder = new TextEncoder()

/** Grows as it is written to. */
export class ProtoWriter {
  #bytes = new Uint8Array(START_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** What was written: lent until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** A whole number >= 0; fields of type uint32, uint64 and enum. */
  unsigned(field: number, value: number): this {
    this.#tag(field, VARINT)
    this.#varint(value)
    return this
  }

  /** A whole number; fields of type sint32 and sint64. */
  signed(field: number, value: number): this {
    return this.unsigned(field, zigzag(value))
  }

  /** A whole number of either sign; fields of type int32 and int64. */
  integer(field: number, value: bigint): this {
    this.#tag(field, VARINT)
    this.#reserve(VARINT_BYTES_MAX)
    let rest = BigInt.asUintN(64, value)
    for (; rest >= 128n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) + 128
    this.#bytes[this.#length++] = Number(rest)
    return this
  }

  float(field: number, value: number): this {
    this.#tag(field, FIXED32)
    this.#reserve(4)
    this.#view.setFloat32(this.#length, value, true)
    this.#length += 4
    return this
  }

  double(field: number, value: number): this {
    this.#tag(field, FIXED64)
    this.#reserve(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
    return this
  }

  text(field: number, value: string): this {
    return this.#lengthDelimited(field, textEncoder.encode(value))
  }

  /** Bytes as they lie in memory. */
  data(field: number, value: ArrayBufferView): this {
    return this.#lengthDelimited(field, new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  }

  message(field: number, write: (message: ProtoWriter) => void): this {
    const message = new ProtoWriter()
    write(message)
    return this.#lengthDelimited(field, message.bytes)
  }

  /** Whole numbers >= 0 of a repeated int64. */
  packedUnsigned(field: number, values: readonly number[]): this {
    const packed = new ProtoWriter()
    for (const value of values) packed.#varint(value)
    return this.#lengthDelimited(field, packed.bytes)
  }

  /** Whole numbers of a repeated sint64. */
  packedSigned(field: number, values: readonly number[]): this {
    const packed = new ProtoWriter()
    for (const value of values) packed.#varint(zigzag(value))
    return this.#lengthDelimited(field, packed.bytes)
  }

  /** A message with its length before it, as streams of messages are delimited. */
  delimited(write: (message: ProtoWriter) => void): this {
    const message = new ProtoWriter()
    write(message)
    this.#varint(message.#length)
    this.#append(message.bytes)
    return this
  }

  #lengthDelimited(field: number, bytes: Uint8Array): this {
    this.#tag(field, BYTES)
    this.#varint(bytes.length)
    this.#append(bytes)
    return this
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType)
  }

  #varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX)
    let rest = value
    // Division: shifts end at 32 bits.
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) + 128
    this.#bytes[this.#length++] = rest
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

/** Small numbers of either sign become small unsigned ones: 0, -1, 1, -2 … */
function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2
}
