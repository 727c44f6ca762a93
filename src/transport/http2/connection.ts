/**
 * One HTTP/2 connection, as its server. Frames are read as they arrive: DATA goes on in whatever pieces the socket has, all
 * others are small and are read whole. What a turn of the event loop answers is one write.
 *
 *     socket ─► frames ─► streams ─► receivers            head blocks ─► cache ─► HPACK
 *     socket ◄─ output ◄─ streams ◄─ answers
 *
 * A peer is held to the rules (GOAWAY says which code) and to http2-limits.ts: open streams, sizes of heads, frames that
 * carry nothing, streams that it takes back, answers to pings that it does not read.
 *
 * Heads: a client sends the same block for each of its calls once its table is warm, so that blocks are looked up by their
 * bytes; what `readHead` made of one is shared by all calls that sent it. Insertions into the table empty the cache.
 *
 * @source RFC 9113. Thread: the I/O isolate.
 */
import type { Socket } from 'node:net'
import {
  HTTP2_CONTINUATIONS_MAX,
  HTTP2_FIELD_BYTES_MAX,
  HTTP2_STREAMS_MAX,
  HTTP2_STREAM_WINDOW_BYTES,
  HTTP2_UNREAD_CONTROL_BYTES_MAX,
  HTTP2_WINDOW_BYTES,
} from '../../base/limits/http2-limits.js'
import type { Clock } from '../../base/clock.js'
import type { SlowReaders, WaitingAnswer } from '../socket/slow-readers.js'
import {
  CODE,
  ConnectionError,
  FLAG,
  FRAME,
  FRAME_BYTES,
  FRAME_HEAD_BYTES,
  PREFACE,
  SETTING,
  WINDOW_BYTES,
  WINDOW_BYTES_MAX,
  frameOf,
  type Field,
} from './frames.js'
import { HpackDecoder } from './hpack-decoder.js'
import { HpackEncoder, type FieldList } from './hpack-encoder.js'
import { NuisanceGauge, nowMs } from './nuisance.js'
import { Output } from './output.js'
import { flowError, isLastFlag, Http2Stream, type StreamConnection, type StreamReceiver } from './stream.js'

export interface Http2ConnectionOptions<Head> {
  readonly socket: Socket
  readonly readers: SlowReaders
  readonly clock: Clock
  /**
   * @param fields as they came. @returns what receivers get of them; the same for equal blocks, and never changed.
   * @throws Error: they are no request; the stream ends with PROTOCOL_ERROR.
   */
  readonly readHead: (fields: readonly Field[]) => Head
  /** @param head null: it has more fields than are allowed. */
  readonly onStream: (stream: Http2Stream, head: Head | null) => StreamReceiver
  readonly onClosed: () => void
}

const headsMax = 32
const keptBlockBytesMax = 1024
const pingBytes = Buffer.from('penstock')

export class Http2Connection<Head> implements StreamConnection, WaitingAnswer {
  readonly output: Output
  readonly readers: SlowReaders
  sendWindow = WINDOW_BYTES
  frameBytesMax = FRAME_BYTES
  /** Milliseconds of the monotonic clock: when something last arrived, and when the last stream ended. */
  heardMs: number
  usedMs: number
  /** When it was told to go. */
  leavingMs: number | null = null
  /** When the ping that was not answered yet was sent. */
  pingedMs: number | null = null
  readonly #options: Http2ConnectionOptions<Head>
  readonly #socket: Socket
  readonly #decoder = new HpackDecoder()
  readonly #encoder = new HpackEncoder()
  readonly #streams = new Map<number, Http2Stream>()
  readonly #starved = new Set<Http2Stream>()
  readonly #nuisances: NuisanceGauge
  readonly #heads = new Map<string, Head>()
  #streamWindow = WINDOW_BYTES
  #receiveWindow = WINDOW_BYTES
  #readBytes = 0
  #lastId = 0
  /** Bytes of a frame that has not come whole. */
  #rest: Buffer | null = null
  #hasPreface = false
  #hasSettings = false
  /** What is still to come of a DATA frame: its bytes, then its padding. */
  #dataBytes = 0
  #paddingBytes = 0
  #dataStream: Http2Stream | null = null
  #isDataLast = false
  /** A header block that is continued. */
  #block: { readonly id: number; readonly isLast: boolean; readonly parts: Buffer[]; bytes: number } | null = null
  /** 'asked': streams that the peer opens meanwhile are still taken. */
  #leaving: 'asked' | 'told' | null = null
  #unreadControlBytes = 0
  #isClosed = false

  constructor(options: Http2ConnectionOptions<Head>) {
    this.#options = options
    this.#socket = options.socket
    this.readers = options.readers
    this.#nuisances = new NuisanceGauge(options.clock)
    this.output = new Output(options.socket, (isWaiting) => this.#onWaiting(isWaiting))
    this.heardMs = this.usedMs = nowMs(this.#options.clock)
    const settings = Buffer.alloc(18)
    const values = [
      [SETTING.MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX],
      [SETTING.INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW_BYTES],
      [SETTING.MAX_HEADER_LIST_SIZE, HTTP2_FIELD_BYTES_MAX],
    ] as const
    values.forEach(([id, value], index) => settings.writeUInt32BE(value, settings.writeUInt16BE(id, index * 6)))
    this.output.write(frameOf(FRAME.SETTINGS, 0, 0, settings))
    this.#openOwnWindow(HTTP2_WINDOW_BYTES - WINDOW_BYTES)
    options.socket.on('data', (bytes: Buffer) => this.#onBytes(bytes))
    // What goes wrong with a socket is seen as its close.
    options.socket.on('error', () => undefined)
    options.socket.once('close', () => {
      this.#close()
      options.onClosed()
    })
  }

  get streamCount(): number {
    return this.#streams.size
  }

  // ── for those who look after connections ─────────────────────────────────────────────────────

  ping(nowMs: number): void {
    this.pingedMs = nowMs
    this.output.write(frameOf(FRAME.PING, 0, 0, pingBytes))
  }

  /**
   * Asks the peer to open no more streams. What it has sent before it knows is still answered: the answer to a ping says
   * that it knows. The connection ends with its last stream. Idempotent.
   */
  leave(): void {
    if (this.#leaving !== null || this.#isClosed) return
    this.#leaving = 'asked'
    this.leavingMs = nowMs(this.#options.clock)
    this.output.write(goAwayFrame(WINDOW_BYTES_MAX, CODE.NO_ERROR))
    this.ping(this.leavingMs)
    this.#endWhenDone()
  }

  /** No more streams from now on. Idempotent. */
  goAway(code: number = CODE.NO_ERROR): void {
    if (this.#leaving === 'told' || this.#isClosed) return
    this.#leaving = 'told'
    this.leavingMs ??= nowMs(this.#options.clock)
    this.output.write(goAwayFrame(this.#lastId, code))
    this.#endWhenDone()
  }

  /** Ends it with everything on it. Idempotent. */
  destroy(): void {
    this.output.flush()
    this.#socket.destroy()
    this.#close()
  }

  /** For SlowReaders: what the kernel took. */
  get takenBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength
  }

  /** For SlowReaders. */
  cut(): void {
    this.destroy()
  }

  // ── for streams ──────────────────────────────────────────────────────────────────────────────

  writeHeaders(id: number, fields: FieldList, isLast: boolean): void {
    const block = this.#encoder.encode(fields)
    const flags = isLast ? FLAG.END_STREAM : 0
    const max = this.frameBytesMax
    const isWhole = block.length <= max
    this.output.frame(Math.min(block.length, max), FRAME.HEADERS, isWhole ? flags | FLAG.END_HEADERS : flags, id)
    this.output.write(isWhole ? block : block.subarray(0, max))
    for (let at = max; at < block.length; at += max) {
      const part = block.subarray(at, at + max)
      this.output.frame(part.length, FRAME.CONTINUATION, at + max >= block.length ? FLAG.END_HEADERS : 0, id)
      this.output.write(part)
    }
  }

  writeReset(id: number, code: number): void {
    const payload = Buffer.alloc(4)
    payload.writeUInt32BE(code)
    this.#writeControl(frameOf(FRAME.RST_STREAM, 0, id, payload))
  }

  writeWindow(id: number, bytes: number): void {
    const payload = Buffer.alloc(4)
    payload.writeUInt32BE(bytes)
    this.#writeControl(frameOf(FRAME.WINDOW_UPDATE, 0, id, payload))
  }

  awaitWindow(stream: Http2Stream): void {
    this.#starved.add(stream)
  }

  forget(stream: Http2Stream): void {
    this.#streams.delete(stream.id)
    this.#starved.delete(stream)
    if (this.#dataStream === stream) this.#dataStream = null
    if (this.#streams.size > 0) return
    this.usedMs = nowMs(this.#options.clock)
    this.#endWhenDone()
  }

  // ── frames ───────────────────────────────────────────────────────────────────────────────────

  #onBytes(chunk: Buffer): void {
    if (this.#isClosed) return
    this.heardMs = nowMs(this.#options.clock)
    this.pingedMs = null
    try {
      const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
      this.#rest = null
      const at = this.#hasPreface ? this.#read(bytes, 0) : this.#readPreface(bytes)
      if (at < bytes.length) this.#rest = at === 0 ? bytes : Buffer.from(bytes.subarray(at))
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      this.goAway(error.code)
      this.output.flush()
      this.#socket.end()
      this.#close()
    }
  }

  #readPreface(bytes: Buffer): number {
    const length = Math.min(bytes.length, PREFACE.length)
    if (bytes.compare(PREFACE, 0, length, 0, length) !== 0)
      throw new ConnectionError(CODE.PROTOCOL_ERROR, 'no preface of HTTP/2')
    if (length < PREFACE.length) return 0
    this.#hasPreface = true
    return this.#read(bytes, length)
  }

  /** @returns where what is left begins. */
  #read(bytes: Buffer, start: number): number {
    let at = start
    while (!this.#isClosed) {
      if (this.#dataBytes > 0 || this.#paddingBytes > 0) {
        if (at === bytes.length) return at
        at = this.#readData(bytes, at)
        continue
      }
      if (bytes.length - at < FRAME_HEAD_BYTES) return at
      const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
      const type = bytes[at + 3] as number
      const flags = bytes[at + 4] as number
      const id = bytes.readUInt32BE(at + 5) & 0x7fff_ffff
      if (length > FRAME_BYTES) throw new ConnectionError(CODE.FRAME_SIZE_ERROR, `a frame of ${length} bytes`)
      if (this.#block !== null && (type !== FRAME.CONTINUATION || id !== this.#block.id))
        throw broken('a header block that is not continued')
      if (!this.#hasSettings && type !== FRAME.SETTINGS) throw broken('no settings first')
      if (type === FRAME.DATA) {
        const isPadded = (flags & FLAG.PADDED) !== 0
        if (isPadded && bytes.length - at <= FRAME_HEAD_BYTES) return at
        at += FRAME_HEAD_BYTES
        this.#beginData(id, flags, length, isPadded ? (bytes[at++] as number) : -1)
        continue
      }
      if (bytes.length - at < FRAME_HEAD_BYTES + length) return at
      at += FRAME_HEAD_BYTES
      this.#onFrame(type, flags, id, bytes.subarray(at, at + length))
      at += length
    }
    return bytes.length
  }

  /** @param padding -1: none. */
  #beginData(id: number, flags: number, length: number, padding: number): void {
    if (id === 0 || id > this.#lastId) throw broken('data of no stream')
    const size = padding < 0 ? length : length - 1
    if (padding > size) throw broken('more padding than bytes')
    const isLast = isLastFlag(flags)
    this.#receiveWindow -= length
    if (this.#receiveWindow < 0) throw flowError()
    this.#returnOwnWindow(length)
    this.#paddingBytes = Math.max(0, padding)
    this.#dataBytes = size - this.#paddingBytes
    this.#isDataLast = isLast
    if (this.#dataBytes === 0 && !isLast) this.#nuisances.note()
    const stream = this.#streams.get(id) ?? null
    this.#dataStream = stream
    if (stream !== null) {
      if (stream.isRemoteEnded) return stream.reset(CODE.STREAM_CLOSED)
      if (!stream.takeWindow(length)) return stream.reset(CODE.FLOW_CONTROL_ERROR)
      if (length > this.#dataBytes) stream.returnWindow(length - this.#dataBytes)
    }
    if (this.#dataBytes === 0) this.#endData()
  }

  #readData(bytes: Buffer, at: number): number {
    if (this.#dataBytes === 0) {
      const skipped = Math.min(this.#paddingBytes, bytes.length - at)
      this.#paddingBytes -= skipped
      return at + skipped
    }
    const stop = Math.min(bytes.length, at + this.#dataBytes)
    this.#dataBytes -= stop - at
    // A reset stream's bytes are of no interest to anybody.
    this.#dataStream?.receiver?.onData(bytes.subarray(at, stop))
    if (this.#dataBytes === 0) this.#endData()
    return stop
  }

  #endData(): void {
    const stream = this.#dataStream
    this.#dataStream = null
    if (stream !== null && this.#isDataLast) endRemote(stream)
  }

  #onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case FRAME.HEADERS:
        return this.#onHeaders(flags, id, payload)
      case FRAME.CONTINUATION:
        return this.#onContinuation(flags, payload)
      case FRAME.WINDOW_UPDATE:
        return this.#onWindow(id, payload)
      case FRAME.SETTINGS:
        return this.#onSettings(flags, id, payload)
      case FRAME.PING:
        return this.#onPing(flags, id, payload)
      case FRAME.RST_STREAM:
        return this.#onReset(id, payload)
      case FRAME.GOAWAY:
        // The peer opens no more streams.
        return this.goAway()
      case FRAME.PUSH_PROMISE:
        throw broken('a promise, which clients do not make')
      default:
        // PRIORITY says nothing to this server; unknown types are to be ignored.
        return this.#nuisances.note()
    }
  }

  #onHeaders(flags: number, id: number, payload: Buffer): void {
    if (id % 2 === 0) throw broken('a stream that no client opens')
    let start = 0
    let stop = payload.length
    if ((flags & FLAG.PADDED) !== 0) stop -= payload[start++] ?? 0
    if ((flags & FLAG.PRIORITY) !== 0) start += 5
    if (start > stop) throw broken('a head of more padding than bytes')
    const block = payload.subarray(start, stop)
    const isLast = isLastFlag(flags)
    if ((flags & FLAG.END_HEADERS) !== 0) return this.#onBlock(id, isLast, block)
    this.#block = { id, isLast, parts: [Buffer.from(block)], bytes: block.length }
  }

  #onContinuation(flags: number, payload: Buffer): void {
    const block = this.#block
    if (block === null) throw broken('a continuation of nothing')
    block.parts.push(Buffer.from(payload))
    block.bytes += payload.length
    if (block.bytes > HTTP2_FIELD_BYTES_MAX || block.parts.length > HTTP2_CONTINUATIONS_MAX)
      throw new ConnectionError(CODE.ENHANCE_YOUR_CALM, 'a header block without an end')
    if ((flags & FLAG.END_HEADERS) === 0) return
    this.#block = null
    this.#onBlock(block.id, block.isLast, Buffer.concat(block.parts))
  }

  #onBlock(id: number, isLast: boolean, block: Buffer): void {
    const open = this.#streams.get(id)
    if (open !== undefined || id <= this.#lastId) {
      // Trailers: nothing in them is of interest, but the table must keep up. They end their stream.
      this.#decode(block)
      if (open === undefined) return
      if (!isLast || open.isRemoteEnded) return open.reset(CODE.PROTOCOL_ERROR)
      return endRemote(open)
    }
    let head: Head | null | undefined
    try {
      head = this.#headOf(block)
    } catch (error) {
      if (error instanceof ConnectionError) throw error
      this.#lastId = id
      return this.writeReset(id, CODE.PROTOCOL_ERROR)
    }
    // Those who come after the GOAWAY try another connection.
    if (this.#leaving === 'told') return
    this.#lastId = id
    if (this.#streams.size >= HTTP2_STREAMS_MAX) {
      this.#nuisances.note()
      return this.writeReset(id, CODE.REFUSED_STREAM)
    }
    const stream = new Http2Stream(this, id, this.#streamWindow)
    this.#streams.set(id, stream)
    stream.receiver = this.#options.onStream(stream, head)
    if (isLast) endRemote(stream)
  }

  #headOf(block: Buffer): Head | null {
    const key = block.length <= keptBlockBytesMax ? block.toString('latin1') : ''
    const known = key === '' ? undefined : this.#heads.get(key)
    if (known !== undefined) return known
    const revision = this.#decoder.revision
    const fields = this.#decode(block)
    const head = fields === null ? null : this.#options.readHead(fields)
    // A block that changed the table may mean something else the next time.
    if (head === null || key === '' || this.#decoder.revision !== revision) return head
    if (this.#heads.size >= headsMax) this.#heads.clear()
    this.#heads.set(key, head)
    return head
  }

  #decode(block: Buffer): Field[] | null {
    const { revision } = this.#decoder
    const fields = this.#decoder.decode(block)
    if (this.#decoder.revision !== revision) this.#heads.clear()
    return fields
  }

  #onReset(id: number, payload: Buffer): void {
    expectLength(payload, 4)
    if (id === 0 || id > this.#lastId) throw broken('a reset of no stream')
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    this.#nuisances.note()
    stream.close(true)
  }

  #onSettings(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw broken('settings of a stream')
    if ((flags & FLAG.ACK) !== 0) {
      if (!this.#hasSettings) throw broken('no settings first')
      return expectLength(payload, 0)
    }
    if (payload.length % 6 !== 0) throw new ConnectionError(CODE.FRAME_SIZE_ERROR, 'settings that end early')
    if (this.#hasSettings) this.#nuisances.note()
    this.#hasSettings = true
    for (let at = 0; at < payload.length; at += 6)
      this.#onSetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
    this.#writeControl(frameOf(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0)))
  }

  #onSetting(id: number, value: number): void {
    if (id === SETTING.HEADER_TABLE_SIZE) this.#encoder.limitTable(value)
    else if (id === SETTING.MAX_FRAME_SIZE) {
      if (value < FRAME_BYTES || value > 0xff_ffff) throw broken('a frame size that is not allowed')
      this.frameBytesMax = value
    } else if (id === SETTING.INITIAL_WINDOW_SIZE) {
      if (value > WINDOW_BYTES_MAX) throw flowError()
      const grown = value - this.#streamWindow
      this.#streamWindow = value
      for (const stream of [...this.#streams.values()]) if (!stream.openWindow(grown)) throw flowError()
    }
  }

  #onPing(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw broken('a ping of a stream')
    expectLength(payload, 8)
    if ((flags & FLAG.ACK) !== 0) {
      if (this.#leaving === 'asked') this.goAway()
      return
    }
    this.#nuisances.note()
    this.#writeControl(frameOf(FRAME.PING, FLAG.ACK, 0, payload))
  }

  #onWindow(id: number, payload: Buffer): void {
    expectLength(payload, 4)
    const bytes = payload.readUInt32BE() & WINDOW_BYTES_MAX
    if (id !== 0) {
      if (id > this.#lastId) throw broken('a window of no stream')
      const stream = this.#streams.get(id)
      if (stream === undefined) return
      if (bytes === 0) return stream.reset(CODE.PROTOCOL_ERROR)
      if (!stream.openWindow(bytes)) stream.reset(CODE.FLOW_CONTROL_ERROR)
      return
    }
    if (bytes === 0) throw broken('a window that does not grow')
    this.sendWindow += bytes
    if (this.sendWindow > WINDOW_BYTES_MAX) throw flowError()
    const starved = [...this.#starved]
    this.#starved.clear()
    for (const stream of starved) stream.pump()
  }

  // ── writing ──────────────────────────────────────────────────────────────────────────────────

  #writeControl(frame: Buffer): void {
    this.#unreadControlBytes = this.output.isTaken ? 0 : this.#unreadControlBytes + frame.length
    if (this.#unreadControlBytes > HTTP2_UNREAD_CONTROL_BYTES_MAX) return this.destroy()
    this.output.write(frame)
  }

  #returnOwnWindow(bytes: number): void {
    this.#readBytes += bytes
    if (this.#readBytes < HTTP2_WINDOW_BYTES / 2) return
    this.#openOwnWindow(this.#readBytes)
    this.#readBytes = 0
  }

  #openOwnWindow(bytes: number): void {
    this.#receiveWindow += bytes
    this.writeWindow(0, bytes)
  }

  #onWaiting(isWaiting: boolean): void {
    if (isWaiting && !this.#isClosed) this.readers.add(this)
    else this.readers.delete(this)
  }

  #endWhenDone(): void {
    if (this.#leaving !== 'told' || this.#streams.size > 0) return
    this.output.onWritten(() => this.#socket.end())
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.readers.delete(this)
    for (const stream of [...this.#streams.values()]) stream.close(true)
    this.output.flush()
  }
}

function endRemote(stream: Http2Stream): void {
  stream.isRemoteEnded = true
  stream.receiver?.onEnd()
}

function goAwayFrame(lastId: number, code: number): Buffer {
  const payload = Buffer.alloc(8)
  payload.writeUInt32BE(code, payload.writeUInt32BE(lastId))
  return frameOf(FRAME.GOAWAY, 0, 0, payload)
}

function broken(what: string): ConnectionError {
  return new ConnectionError(CODE.PROTOCOL_ERROR, what)
}

function expectLength(payload: Buffer, length: number): void {
  if (payload.length !== length) throw new ConnectionError(CODE.FRAME_SIZE_ERROR, 'a frame of the wrong size')
}
