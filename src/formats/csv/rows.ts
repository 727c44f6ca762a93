/**
 * CSV as rows of cells (RFC 4180), of a text of any size in pieces: quotes around cells with separators and line breaks,
 * rows that end in LF, CRLF or CR, a byte order mark. The separator is a comma unless the header has none and has a
 * semicolon or a tab, as spreadsheets write them. Lines without a character are passed over.
 *
 * Home-made on purpose: cells are cut out with indexOf and slices, without a state for each character, and what is no CSV
 * is refused by its row instead of read somehow.
 */
import { PenstockError } from '../../base/errors.js'

const [QUOTE, LINE_FEED, RETURN] = [0x22, 0x0a, 0x0d]
const separators = [',', ';', '\t'] as const

/** @throws PenstockError ERR_BODY */
export function csvError(sentence: string): PenstockError {
  return new PenstockError('ERR_BODY', sentence)
}

/**
 * Yields the cells of each row, the header first.
 * @param rowBytesMax of one row. @throws PenstockError ERR_BODY: quotes that do not end, text behind them, no UTF-8.
 */
export async function* csvRows(chunks: AsyncIterable<Uint8Array>, rowBytesMax: number): AsyncGenerator<string[]> {
  const splitter = new RowSplitter(rowBytesMax)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const chunk of chunks) yield* splitter.take(decoded(decoder, chunk, true), false)
  yield* splitter.take(decoded(decoder, new Uint8Array(0), false), true)
}

/** The same of a body that is all there. */
export function* csvRowsOf(bytes: Uint8Array): Generator<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  yield* new RowSplitter(Infinity).take(decoded(decoder, bytes, false), true)
}

function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array, stream: boolean): string {
  try {
    return decoder.decode(bytes, { stream })
  } catch {
    throw csvError('Expected CSV in UTF-8 but received bytes that are not. Save it as "CSV UTF-8"')
  }
}

class RowSplitter {
  readonly #rowBytesMax: number
  #rest = ''
  #separator: string | null = null
  #rows = 0

  constructor(rowBytesMax: number) {
    this.#rowBytesMax = rowBytesMax
  }

  /** The rows that end in the text so far. */
  *take(piece: string, isLast: boolean): Generator<string[]> {
    const text = this.#rest + piece
    let at = 0
    while (at < text.length) {
      this.#separator ??= separatorOf(text, isLast)
      if (this.#separator === null) break
      const row = this.#rowAt(text, at, this.#separator, isLast)
      if (row === null) break
      const isBlank = row.cells.length === 1 && text.charCodeAt(at) !== QUOTE && row.cells[0] === ''
      at = row.end
      if (isBlank) continue
      this.#rows++
      yield row.cells
    }
    this.#rest = text.slice(at)
    if (this.#rest.length > this.#rowBytesMax)
      throw csvError(
        `Expected row ${this.#rows + 1} to end within ${this.#rowBytesMax} bytes but received more: a quote may be missing`,
      )
  }

  /** The row that begins at `start`, and where the next does; null: it goes on in the next piece. */
  #rowAt(text: string, start: number, separator: string, isLast: boolean): { cells: string[]; end: number } | null {
    const cells: string[] = []
    for (let at = start; ;) {
      const isQuoted = text.charCodeAt(at) === QUOTE
      const end = isQuoted ? quoteEnd(text, at) : plainEnd(text, at, separator)
      if (isQuoted && end < 0) {
        if (!isLast) return null
        throw csvError(`Expected every quoted cell to end but the one in row ${this.#rows + 1} does not`)
      }
      const behind = text.charCodeAt(end)
      // The next piece shows whether a quote is doubled, or a return is followed by a line feed.
      if (!isLast && (end >= text.length || (behind === RETURN && end + 1 >= text.length))) return null
      cells.push(isQuoted ? text.slice(at + 1, end - 1).replaceAll('""', '"') : text.slice(at, end))
      if (text.startsWith(separator, end)) {
        at = end + 1
        continue
      }
      if (end >= text.length) return { cells, end }
      if (behind === LINE_FEED) return { cells, end: end + 1 }
      if (behind === RETURN) return { cells, end: end + (text.charCodeAt(end + 1) === LINE_FEED ? 2 : 1) }
      throw csvError(
        `Expected a separator or the end of the row behind a quoted cell but received ${JSON.stringify(text.slice(end, end + 20))} in row ${this.#rows + 1}. A quote inside quotes is doubled`,
      )
    }
  }
}

/** Behind the closing quote of the cell that opens at `at`; -1: it does not close here. */
function quoteEnd(text: string, at: number): number {
  let end = text.indexOf('"', at + 1)
  while (end >= 0 && text.charCodeAt(end + 1) === QUOTE) end = text.indexOf('"', end + 2)
  return end < 0 ? -1 : end + 1
}

function plainEnd(text: string, start: number, separator: string): number {
  const mark = separator.charCodeAt(0)
  let at = start
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === mark || code === LINE_FEED || code === RETURN) return at
  }
  return at
}

/** By the first line, outside of quotes; null: it does not end here. */
function separatorOf(text: string, isLast: boolean): string | null {
  const found = new Set<string>()
  let isQuoted = false
  for (const character of text) {
    if (character === '"') isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (character === '\n' || character === '\r') return separators.find((one) => found.has(one)) ?? ','
    else found.add(character)
  }
  return isLast ? (separators.find((one) => found.has(one)) ?? ',') : null
}
