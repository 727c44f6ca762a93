/**
 * Gathers requests of one channel and writes them as one InferMany frame. A request costs a few numbers in arrays that
 * stay, and the copy of its tensors: those of the first input straight to their place in the frame, those of the others
 * behind each other in memory of their own, from which they follow when the frame is finished.
 *
 *    0 root ── 4 vtable of Message ── 12 Message ── 24 vtable of InferMany ── 44 InferMany ── 76 length of data ── 80 data
 *    then: requests, and when present: rows, deadlines_ms, priorities, request_ids
 *
 * `data` starts at a multiple of 8, so that readers may view it as any dtype. Memory: a frame is LENT, a view of the
 * encoder's own memory until the next add(). Beyond RETAINED_BYTES_MAX that memory is given back with the next frame.
 */
import { INFER_MANY_MAX, Priority as PriorityNumber } from '../base/generated/boundary.js'
import { Body } from './generated/body.js'
import { writeMessageHead } from './message-head.js'
import type { Priority } from './messages.js'

/** Slots of wire.InferMany; a test compares them with the schema. */
export const INFER_MANY_SLOTS = {
  channel: 0,
  requests: 1,
  rows: 2,
  data: 3,
  deadlines_ms: 4,
  priorities: 5,
  request_ids: 6,
} as const

const MANY_VTABLE = 24
const MANY = 44
const MANY_VTABLE_BYTES = 18
const MANY_BYTES = 32
/** Offset in the table by slot. */
const AT = { channel: 4, requests: 8, rows: 12, data: 16, deadlines_ms: 20, priorities: 24, request_ids: 28 } as const
const DATA_LENGTH = 76
const LAYOUT = {
  type: Body.InferMany,
  table: MANY,
  tableBytes: MANY_BYTES,
  vtableBytes: MANY_VTABLE_BYTES,
  slots: INFER_MANY_SLOTS,
  fields: AT,
  dataLength: DATA_LENGTH,
} as const
const DATA = 80

/** What a request takes behind the data at most; and the lengths of the vectors, with padding. */
const REQUEST_BYTES = 4 + 4 + 4 + 1 + 1
const VECTORS_BYTES = 5 * 8

const START_BYTES = 4096
const RETAINED_BYTES_MAX = 1024 * 1024
/** Below this, element by element is faster than TypedArray.set. */
const SMALL_ELEMENTS = 48

/** Bytes that grow, the first `start` of which keep their place. */
class GrowingBytes {
  bytes = new Uint8Array(START_BYTES)
  floats = new Float32Array(this.bytes.buffer)
  view = new DataView(this.bytes.buffer)
  used: number

  constructor(readonly start: number) {
    this.used = start
  }

  append(part: ArrayBufferView): void {
    const at = this.used
    this.reserve(at + part.byteLength)
    if (part instanceof Float32Array && at % 4 === 0) {
      const { floats } = this
      const first = at / 4
      if (part.length > SMALL_ELEMENTS) floats.set(part, first)
      else for (let index = 0; index < part.length; index++) floats[first + index] = part[index] as number
    } else this.bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at)
    this.used = at + part.byteLength
  }

  reserve(bytes: number): void {
    if (bytes > this.bytes.length) this.#replace(2 ** Math.ceil(Math.log2(bytes)))
  }

  /** Forgets all but the first `start` bytes, and memory that was needed once. */
  reset(): void {
    this.used = this.start
    if (this.bytes.length > RETAINED_BYTES_MAX) this.#replace(START_BYTES)
  }

  #replace(length: number): void {
    const bytes = new Uint8Array(length)
    bytes.set(this.bytes.subarray(0, Math.min(this.used, length)))
    this.bytes = bytes
    this.floats = new Float32Array(bytes.buffer)
    this.view = new DataView(bytes.buffer)
  }
}

export class InferManyEncoder {
  /** Requests since the last finish(). */
  count = 0
  /** By input: the first one's are the frame. */
  readonly #parts: GrowingBytes[]
  readonly #frame: GrowingBytes
  #dataBytes = 0
  readonly #requests = new Uint32Array(INFER_MANY_MAX)
  readonly #rows = new Uint32Array(INFER_MANY_MAX)
  readonly #deadlinesMs = new Uint32Array(INFER_MANY_MAX)
  readonly #priorities = new Uint8Array(INFER_MANY_MAX)
  readonly #requestIds = new Uint8Array(INFER_MANY_MAX)
  #hasRows = false
  #hasDeadlines = false
  #hasPriorities = false
  #hasRequestIds = false

  /** @param inputCount numeric inputs of the channel, 0 too. */
  constructor(channel: number, inputCount: number) {
    this.#frame = new GrowingBytes(DATA)
    this.#parts = [this.#frame]
    for (let input = 1; input < inputCount; input++) this.#parts.push(new GrowingBytes(0))
    writeMessageHead(this.#frame.view, LAYOUT, channel)
  }

  /** Bytes of the frame at most when a request of `dataBytes` is added. */
  frameBytesWith(dataBytes: number): number {
    return DATA + this.#dataBytes + dataBytes + (this.count + 1) * REQUEST_BYTES + VECTORS_BYTES
  }

  /**
   * Adds a request; there are fewer than INFER_MANY_MAX.
   * @param request its id: unsigned, unique among the channel's requests in flight.
   * @param data its tensors in signature order, one for each input; copied before it returns.
   * @param deadlineMs 0: none.
   */
  add(
    request: number,
    rows: number,
    data: readonly ArrayBufferView[],
    deadlineMs: number,
    priority: Priority | undefined,
    requestId: boolean | undefined,
  ): void {
    const index = this.count++
    this.#requests[index] = request
    this.#rows[index] = rows
    this.#deadlinesMs[index] = deadlineMs
    this.#priorities[index] = priority === undefined ? 0 : PriorityNumber[priority]
    this.#requestIds[index] = requestId === true ? 1 : 0
    if (rows !== 1) this.#hasRows = true
    if (deadlineMs !== 0) this.#hasDeadlines = true
    if (priority === 'background') this.#hasPriorities = true
    if (requestId === true) this.#hasRequestIds = true
    for (let input = 0; input < data.length; input++) {
      const part = data[input] as ArrayBufferView
      this.#dataBytes += part.byteLength
      ;(this.#parts[input] as GrowingBytes).append(part)
    }
  }

  /** @returns the frame of all that was added: lent until the next add(). */
  finish(): Uint8Array {
    const { count } = this
    const frame = this.#frame
    frame.reserve(this.frameBytesWith(0))
    for (let input = 1; input < this.#parts.length; input++) {
      const part = this.#parts[input] as GrowingBytes
      frame.append(part.bytes.subarray(0, part.used))
      part.reset()
    }
    frame.view.setUint32(DATA_LENGTH, this.#dataBytes, true)
    let end = writeVector(frame, AT.requests, frame.used, this.#requests, count)
    end = writeVector(frame, this.#hasRows ? AT.rows : 0, end, this.#rows, count, INFER_MANY_SLOTS.rows)
    end = this.#writeOptions(end)
    const bytes = frame.bytes.subarray(0, end)
    frame.reset()
    this.count = 0
    this.#dataBytes = 0
    this.#hasRows = this.#hasDeadlines = this.#hasPriorities = this.#hasRequestIds = false
    return bytes
  }

  #writeOptions(start: number): number {
    const { deadlines_ms: deadlines, priorities, request_ids: ids } = INFER_MANY_SLOTS
    const frame = this.#frame
    const { count } = this
    let end = start
    end = writeVector(frame, this.#hasDeadlines ? AT.deadlines_ms : 0, end, this.#deadlinesMs, count, deadlines)
    end = writeVector(frame, this.#hasPriorities ? AT.priorities : 0, end, this.#priorities, count, priorities)
    return writeVector(frame, this.#hasRequestIds ? AT.request_ids : 0, end, this.#requestIds, count, ids)
  }
}

/**
 * Writes the first `count` values at the next multiple of 4.
 * @param field offset of the vector's field in the table; 0: it is absent, and nothing is written.
 * @param slot of a field that may be absent.
 * @returns where the next vector may begin.
 */
function writeVector(
  { view, bytes }: GrowingBytes,
  field: number,
  start: number,
  values: Uint32Array | Uint8Array,
  count: number,
  slot = -1,
): number {
  if (slot >= 0) view.setUint16(MANY_VTABLE + 4 + 2 * slot, field, true)
  if (field === 0) return start
  const at = Math.ceil(start / 4) * 4
  bytes.fill(0, start, at)
  view.setUint32(MANY + field, at - (MANY + field), true)
  view.setUint32(at, count, true)
  const width = values.BYTES_PER_ELEMENT
  bytes.set(new Uint8Array(values.buffer, 0, count * width), at + 4)
  return at + 4 + count * width
}
