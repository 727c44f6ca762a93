/**
 * An answer that is printed while it is sent: its text, several times the tensors' bytes, never exists as a whole. Pieces
 * are printed as the socket takes them, and between two of them other callers have their turn.
 *
 * A short answer is put together at once and goes out like any other. Whatever is wrong with an answer is thrown by then:
 * later there is no status left to report it with.
 */
export type Piece = string | Uint8Array

/** Bytes that are put together before an answer is sent piece by piece. */
const wholeBytesMax = 256 * 1024

export class PieceBody {
  readonly #first: Buffer
  readonly #rest: Iterator<Piece>
  #isFirstTaken = false
  /** What the pieces are printed from, until the last of them is. */
  readonly heldBytes: number
  readonly #free: () => void

  private constructor(first: Buffer, rest: Iterator<Piece>, heldBytes: number, free: () => void) {
    this.#first = first
    this.#rest = rest
    this.heldBytes = heldBytes
    this.#free = free
  }

  /**
   * @param pieces valid until the next one is asked for.
   * @param heldBytes that the pieces are printed from.
   * @param free called once, when no more is printed.
   * @returns the bytes when they are few.
   * @throws what the first pieces throw.
   */
  static from(pieces: Iterable<Piece>, heldBytes: number, free: () => void = () => undefined): Buffer | PieceBody {
    const rest = pieces[Symbol.iterator]()
    const first: Buffer[] = []
    let bytes = 0
    while (bytes < wholeBytesMax) {
      const next = rest.next()
      if (next.done === true) {
        free()
        return Buffer.concat(first, bytes)
      }
      const piece = Buffer.from(next.value as string)
      first.push(piece)
      bytes += piece.length
    }
    return new PieceBody(Buffer.concat(first, bytes), rest, heldBytes, free)
  }

  /** Bytes that are printed already: the answer is longer. */
  get length(): number {
    return this.#first.length
  }

  /** @returns null after the last. */
  next(): Piece | null {
    if (!this.#isFirstTaken) {
      this.#isFirstTaken = true
      return this.#first
    }
    const next = this.#rest.next()
    if (next.done !== true) return next.value
    this.#free()
    return null
  }

  /** No more is asked for. */
  drop(): void {
    this.#rest.return?.()
    this.#free()
  }

  /** All of it, for those who need it whole. */
  toBuffer(): Buffer {
    const pieces: Buffer[] = []
    for (let piece = this.next(); piece !== null; piece = this.next()) pieces.push(Buffer.from(piece as string))
    return Buffer.concat(pieces)
  }
}
