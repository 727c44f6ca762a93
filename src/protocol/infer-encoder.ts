/**
 * Writes Infer frames fast. Everything up to the tensor bytes stands at fixed offsets: an encoder writes that head once
 * per channel and afterwards patches numbers and copies tensors.
 *
 *    0 root ── 4 vtable of Message ── 12 Message ── 24 vtable of Infer ── 48 Infer ── 92 length of data ── 96 data
 *    then, when present: dims, meta, texts
 *
 * `data` starts at a multiple of 8, so that readers may view it as any dtype. Optional fields keep their room in the
 * table; their vtable entry says whether they count.
 *
 * Memory: a frame is LENT, a view of the encoder's own memory until its next encode(). WebSocket.send() copies it at
 * once in browsers, undici and ws, so nothing is allocated per frame. A frame beyond RETAINED_BYTES_MAX gets memory of
 * its own, or one large request would be held for ever.
 */
import { Priority as PriorityNumber } from '../base/generated/boundary.js'
import { metaBytesBound, metaEntries, textBytesBound, writeMetaEntries, writeTexts } from './meta.js'
import type { Meta, MetaEntry, WireMemory } from './meta.js'
import { writeMessageHead } from './message-head.js'
import type { Priority } from './messages.js'
import { Body } from './generated/body.js'

/** Slots of wire.Infer; a test compares them with the schema. */
export const INFER_SLOTS = {
  channel: 0,
  request: 1,
  rows: 2,
  data: 3,
  dims: 4,
  meta: 5,
  deadline_ms: 6,
  priority: 7,
  texts: 8,
  timing: 9,
  request_id: 10,
} as const

const INFER_VTABLE = 24
const INFER = 52
const INFER_VTABLE_BYTES = 26
const INFER_BYTES = 40
/** Offset in the table by slot. */
const AT = {
  channel: 4,
  request: 8,
  rows: 12,
  data: 16,
  dims: 20,
  meta: 24,
  deadline_ms: 28,
  texts: 32,
  priority: 36,
  timing: 37,
  request_id: 38,
} as const
const DATA_LENGTH = 92
const LAYOUT = {
  type: Body.Infer,
  table: INFER,
  tableBytes: INFER_BYTES,
  vtableBytes: INFER_VTABLE_BYTES,
  slots: INFER_SLOTS,
  fields: AT,
  dataLength: DATA_LENGTH,
} as const
const DATA = 96

const START_BYTES = 1024
const RETAINED_BYTES_MAX = 1024 * 1024

export interface InferFrameOptions {
  /** Free dims beyond the row axis, in order over all inputs. */
  readonly dims?: readonly number[] | null | undefined
  readonly meta?: Meta | null | undefined
  /** Milliseconds; 0 or absent: none. */
  readonly deadlineMs?: number | undefined
  readonly priority?: Priority | undefined
  /** Elements of string inputs in signature order. */
  readonly texts?: readonly string[] | null | undefined
  /** The answer shall report where its time went. */
  readonly timing?: boolean | undefined
  /** The answer shall have its number in the log. */
  readonly requestId?: boolean | undefined
}

interface FrameMemory extends WireMemory {
  /** The same memory again: copying a Float32Array through it needs no view of its own. */
  readonly floats: Float32Array
}

const noOptions: InferFrameOptions = {}
const noEntries: readonly MetaEntry[] = []

export class InferEncoder {
  readonly #channel: number
  #memory: FrameMemory

  constructor(channel: number) {
    this.#channel = channel
    this.#memory = frameMemory(START_BYTES, channel)
  }

  /**
   * Encodes one request.
   * @param request its id: unsigned, unique among the channel's requests in flight.
   * @param data tensors in signature order, written one after the other; lent during the call.
   * @returns the frame: lent until the next call.
   * @throws PenstockError ERR_META when a routing key has not one value, or one per row.
   */
  encode(
    request: number,
    rows: number,
    data: readonly ArrayBufferView[],
    options: InferFrameOptions = noOptions,
  ): Uint8Array {
    const { dims, meta, texts } = options
    const entries = meta == null ? noEntries : metaEntries(meta, rows)
    let dataBytes = 0
    for (const part of data) dataBytes += part.byteLength
    const bound = DATA + dataBytes + extraBytesBound(dims, entries, texts)
    const memory = this.#memoryFor(bound)
    const { view } = memory
    view.setUint32(INFER + AT.request, request, true)
    view.setUint32(INFER + AT.rows, rows, true)
    view.setUint32(INFER + AT.deadline_ms, options.deadlineMs ?? 0, true)
    view.setUint8(INFER + AT.priority, PriorityNumber[options.priority ?? 'interactive'])
    view.setUint8(INFER + AT.timing, options.timing === true ? 1 : 0)
    view.setUint8(INFER + AT.request_id, options.requestId === true ? 1 : 0)
    view.setUint32(DATA_LENGTH, dataBytes, true)
    copyData(memory, data)
    const end = DATA + dataBytes
    return memory.bytes.subarray(0, this.#writeExtras(memory, end, dims, entries, texts))
  }

  #writeExtras(
    memory: FrameMemory,
    dataEnd: number,
    dims: readonly number[] | null | undefined,
    entries: readonly MetaEntry[],
    texts: readonly string[] | null | undefined,
  ): number {
    const hasDims = dims != null && dims.length > 0
    const hasTexts = texts != null && texts.length > 0
    setPresence(memory, 'dims', hasDims)
    setPresence(memory, 'meta', entries.length > 0)
    setPresence(memory, 'texts', hasTexts)
    if (!hasDims && !hasTexts && entries.length === 0) return dataEnd
    let end = Math.ceil(dataEnd / 4) * 4
    memory.bytes.fill(0, dataEnd, end)
    if (hasDims) end = writeDims(memory, end, dims)
    if (entries.length > 0) {
      memory.view.setUint32(INFER + AT.meta, end - (INFER + AT.meta), true)
      end = writeMetaEntries(memory, end, entries)
    }
    return hasTexts ? writeTexts(memory, INFER + AT.texts, end, texts) : end
  }

  #memoryFor(bytes: number): FrameMemory {
    if (bytes <= this.#memory.bytes.length) return this.#memory
    const memory = frameMemory(bytes <= RETAINED_BYTES_MAX ? 2 ** Math.ceil(Math.log2(bytes)) : bytes, this.#channel)
    if (memory.bytes.length <= RETAINED_BYTES_MAX) this.#memory = memory
    return memory
  }
}

function frameMemory(bytes: number, channel: number): FrameMemory {
  const buffer = new ArrayBuffer(Math.ceil(bytes / 4) * 4)
  const memory = { bytes: new Uint8Array(buffer), view: new DataView(buffer), floats: new Float32Array(buffer) }
  writeMessageHead(memory.view, LAYOUT, channel)
  return memory
}

function setPresence({ view }: WireMemory, name: 'dims' | 'meta' | 'texts', isPresent: boolean): void {
  view.setUint16(INFER_VTABLE + 4 + 2 * INFER_SLOTS[name], isPresent ? AT[name] : 0, true)
}

function copyData(memory: FrameMemory, data: readonly ArrayBufferView[]): void {
  let at = DATA
  for (const part of data) {
    if (part instanceof Float32Array && at % 4 === 0) memory.floats.set(part, at / 4)
    else memory.bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at)
    at += part.byteLength
  }
}

function writeDims({ view }: WireMemory, at: number, dims: readonly number[]): number {
  view.setUint32(INFER + AT.dims, at - (INFER + AT.dims), true)
  view.setUint32(at, dims.length, true)
  for (let index = 0; index < dims.length; index++) view.setUint32(at + 4 + 4 * index, dims[index] ?? 0, true)
  return at + 4 + 4 * dims.length
}

function extraBytesBound(
  dims: readonly number[] | null | undefined,
  entries: readonly MetaEntry[],
  texts: readonly string[] | null | undefined,
): number {
  let bound = 3
  if (dims != null) bound += 4 + 4 * dims.length
  if (entries.length > 0) bound += metaBytesBound(entries)
  if (texts != null) {
    bound += 4
    for (const text of texts) bound += 4 + textBytesBound(text)
  }
  return bound
}
