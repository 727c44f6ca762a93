/**
 * A large answer on its way into a socket, at the socket's pace: bytes that are there (`sendBytes`), or pieces that are
 * printed when they can be taken (`sendPieces`). Neither is copied into the socket's own buffer, save one piece.
 *
 *     piece ─ write ─┬─ taken ──────────────► the next one, in another turn of the loop when this one had its time
 *                    └─ not taken ─ writable ─► one byte of the next: taken ─► the rest of it
 *                                                  ▲            └─ not taken ─┘
 *
 * The one byte is a question: uWebSockets reports that a socket takes something again before it has emptied its buffer,
 * and buffers whatever it is given. What is given to a slow reader is that byte, not a piece each time.
 */
import { systemClock } from '../../base/clock.js'
import type { Piece, PieceBody } from '../piece-body.js'
import type { RawResponse } from './seam.js'
import type { SlowReaders, WaitingAnswer } from './slow-readers.js'

/** Microseconds of printing for one answer before the loop turns. */
const turnUs = 2000

export class AnswerStream implements WaitingAnswer {
  takenBytes = 0
  readonly #raw: RawResponse
  readonly #readers: SlowReaders
  readonly #onDone: () => void
  #body: PieceBody | null = null
  /** The piece that was begun with its first byte, and what of it is not written. */
  #begun: Uint8Array | null = null
  #closes = false
  #isWaiting = false
  #isOver = false

  /** @param onDone called once: all is with the socket, or `end` was called. */
  constructor(raw: RawResponse, readers: SlowReaders, onDone: () => void) {
    this.#raw = raw
    this.#readers = readers
    this.#onDone = onDone
    readers.add(this)
  }

  cut(): void {
    this.#raw.close()
  }

  /** Corked, behind the headers. */
  sendBytes(bytes: Uint8Array): void {
    const write = (offsetBytes: number): boolean => {
      const [isWritten, isDone] = this.#raw.tryEnd(bytes.subarray(offsetBytes), bytes.length)
      this.takenBytes = offsetBytes
      if (isDone) this.end()
      return isWritten
    }
    this.#raw.onWritable(write)
    write(0)
  }

  /** Corked, behind the headers. @param closes the connection after the last piece. */
  sendPieces(body: PieceBody, closes: boolean): void {
    this.#body = body
    this.#closes = closes
    this.#raw.onWritable(() => this.#onWritable())
    const first = body.next()
    if (first !== null && this.#write(first)) setImmediate(this.#turn)
  }

  /** Nothing more is written: all was, or the caller is gone. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#readers.delete(this)
    this.#body?.drop()
    this.#onDone()
  }

  readonly #turn = (): void => {
    const endUs = systemClock.monotonicUs() + turnUs
    while (!this.#isOver) {
      const piece = this.#next()
      if (piece === null) return this.#finish()
      if (!this.#write(piece)) return
      if (systemClock.monotonicUs() < endUs) continue
      setImmediate(this.#turn)
      return
    }
  }

  #onWritable(): boolean {
    if (this.#isOver || !this.#isWaiting) return true
    const piece = this.#next()
    if (piece === null) {
      this.#finish()
      return true
    }
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    const isTaken = this.#write(bytes.subarray(0, 1))
    this.#begun = bytes.subarray(1)
    if (isTaken) setImmediate(this.#turn)
    return isTaken
  }

  /** The next piece that is not empty: an empty one would end the answer. */
  #next(): Piece | null {
    const begun = this.#begun
    this.#begun = null
    if (begun !== null && begun.length > 0) return begun
    let piece
    try {
      do piece = this.#body?.next() ?? null
      while (piece?.length === 0)
    } catch (error) {
      // The status is sent: only a body that breaks off can show the caller that it failed.
      this.cut()
      throw error
    }
    return piece
  }

  /** @returns whether the socket takes more. */
  #write(piece: Piece): boolean {
    let isTaken = false
    this.#raw.cork(() => (isTaken = this.#raw.write(piece)))
    this.#isWaiting = !isTaken
    if (isTaken) this.takenBytes += piece.length
    return isTaken
  }

  #finish(): void {
    this.#raw.cork(() => this.#raw.end('', this.#closes))
    this.end()
  }
}
