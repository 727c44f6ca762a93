/**
 * The answer of a request on an I/O thread. It is copied on the way there, a large one by and by: of it no more than a
 * window waits for the kernel, and the rest stays the caller's.
 *
 *     tryEnd ─ a window's worth ─► I/O thread ─► kernel ─ writable ─► onWritable(bytes that the kernel has) ─► tryEnd …
 */
import { AnswerFlag, threadOf, type IoThreads } from '../../../engine/net/io-threads.js'
import type { RawResponse } from '../seam.js'

/** Bytes of one answer that wait for the kernel on the I/O thread. */
const windowBytes = 512 * 1024

const noBytes = new ArrayBuffer(0)

export class NativeResponse implements RawResponse {
  readonly thread?: number
  readonly #io: IoThreads
  readonly #id: number
  readonly #address: string
  readonly #onDone: (id: number) => void
  readonly #wantsContinue: boolean
  #status = 200
  #headers = ''
  #onAborted: (() => void) | undefined
  #onData: ((chunk: ArrayBuffer, isLast: boolean) => void) | undefined
  #onWritable: ((offsetBytes: number) => boolean) | undefined
  #isStreaming = false
  /** What tryEnd was given, the whole body, and what of it the I/O thread has; -1: another kind of answer. */
  #totalBytes = -1
  #sentBytes = 0
  #isTaken = false
  /** Nothing more will be written, or the caller is gone. */
  #isDone = false

  /** @param onDone called once, when no event can follow. */
  constructor(
    io: IoThreads,
    id: number,
    address: string,
    wantsContinue: boolean,
    onDone: (id: number) => void,
    isServed: boolean,
  ) {
    if (isServed) this.thread = threadOf(id)
    this.#io = io
    this.#id = id
    this.#address = address
    this.#wantsContinue = wantsContinue
    this.#onDone = onDone
  }

  // ── what happens to it ──

  /** More of the body came. `chunk` is lent. */
  receive(chunk: ArrayBuffer | undefined, isLast: boolean): void {
    if (!this.#isDone && (isLast || chunk !== undefined)) this.#onData?.(chunk ?? noBytes, isLast)
  }

  /** The caller is gone. */
  abort(): void {
    if (this.#isDone) return
    this.#done()
    this.#onAborted?.()
  }

  /** The kernel took some of it. @param waitingBytes what it has not. */
  writable(waitingBytes: number): void {
    if (this.#isDone) return
    if (this.#totalBytes < 0) return void this.#onWritable?.(0)
    const takenBytes = Math.max(0, this.#sentBytes - waitingBytes)
    if (takenBytes === this.#totalBytes) {
      this.#isTaken = true
      this.#done()
    }
    this.#onWritable?.(takenBytes)
  }

  // ── the seam ──

  getRemoteAddressAsText(): ArrayBuffer {
    const bytes = new ArrayBuffer(this.#address.length)
    Buffer.from(bytes).write(this.#address, 'latin1')
    return bytes
  }

  onAborted(handler: () => void): void {
    this.#onAborted = handler
  }

  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void {
    this.#onData = handler
    if (this.#wantsContinue) this.#io.continue(this.#id)
  }

  cork(write: () => void): void {
    write()
  }

  writeStatus(status: string): void {
    this.#status = Number(status.slice(0, 3))
  }

  writeHeader(name: string, value: string): void {
    // A line feed would begin another header; the carriage return in its place has the whole head refused.
    this.#headers += `${name}\n${value.includes('\n') ? value.replaceAll('\n', '\r') : value}\n`
  }

  end(body: string | Uint8Array, closes = false): void {
    const flags = AnswerFlag.last | (closes ? AnswerFlag.closes : 0)
    if (this.#isStreaming) this.#io.answer(this.#id, 0, '', -1, body, flags)
    else this.#io.answer(this.#id, this.#status, this.#headers, -1, body, flags)
    this.#done()
  }

  endWithoutBody(reportedBytes = 0, closes = false): void {
    const flags = AnswerFlag.last | (closes ? AnswerFlag.closes : 0)
    this.#io.answer(this.#id, this.#status, this.#headers, reportedBytes, undefined, flags)
    this.#done()
  }

  tryEnd(bytes: Uint8Array, totalBytes: number): [isWritten: boolean, isDone: boolean] {
    if (this.#isTaken) return [true, true]
    const isFirst = this.#totalBytes < 0
    this.#totalBytes = totalBytes
    const offsetBytes = totalBytes - bytes.length
    const from = this.#sentBytes - offsetBytes
    const part = bytes.subarray(from, from + Math.max(0, windowBytes - from))
    if (part.length > 0 || isFirst) {
      this.#sentBytes += part.length
      const flags = AnswerFlag.wantsWritable | (this.#sentBytes === totalBytes ? AnswerFlag.last : 0)
      this.#io.answer(this.#id, isFirst ? this.#status : 0, isFirst ? this.#headers : '', totalBytes, part, flags)
    }
    return [this.#sentBytes === totalBytes, false]
  }

  onWritable(handler: (offsetBytes: number) => boolean): void {
    this.#onWritable = handler
  }

  write(chunk: string | Uint8Array): boolean {
    const isFirst = !this.#isStreaming
    this.#isStreaming = true
    const isFull = this.#io.bufferedBytes(this.#id) + chunk.length > windowBytes
    const flags = AnswerFlag.chunked | (isFull ? AnswerFlag.wantsWritable : 0)
    this.#io.answer(this.#id, isFirst ? this.#status : 0, isFirst ? this.#headers : '', -1, chunk, flags)
    return !isFull
  }

  close(): void {
    this.#io.cut(this.#id)
  }

  #done(): void {
    this.#isDone = true
    this.#onDone(this.#id)
  }
}
