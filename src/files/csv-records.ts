/**
 * CSV (RFC 4180, with a header) as JSON records, of a file of any size. A cell that is a JSON number, bool or list stands
 * for itself, an empty one for no value, any other for a text; columns `x[0]`, `x[1]` … are one list `x`.
 */
import { PenstockError } from '../base/errors.js'

const literal = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|\[.*\])$/s

/** Yields the JSON text of each row. @throws PenstockError ERR_BODY: rows that are no longer or shorter than the header, quotes that do not end. */
export async function* csvRecords(chunks: AsyncIterable<Buffer>, recordBytesMax: number): AsyncGenerator<Buffer> {
  let write: ((cells: readonly string[], line: number) => string) | null = null
  let line = 0
  for await (const cells of csvRows(chunks, recordBytesMax)) {
    line++
    if (write === null) write = recordWriter(cells)
    else yield Buffer.from(write(cells, line))
  }
}

/** How the cells of a row become a record, by the header. */
function recordWriter(header: readonly string[]): (cells: readonly string[], line: number) => string {
  const columns: { readonly name: string; readonly cells: number[]; readonly isList: boolean }[] = []
  header.forEach((title, cell) => {
    const [, name = title, index] = /^(.+)\[(\d+)\]$/.exec(title) ?? []
    const last = columns.at(-1)
    if (index !== undefined && last?.isList === true && last.name === name && Number(index) === last.cells.length)
      last.cells.push(cell)
    else columns.push({ name, cells: [cell], isList: index !== undefined })
  })
  const twice = columns.find(({ name }, index) => columns.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined)
    throw new PenstockError(
      'ERR_BODY',
      `Expected columns with different names but received ${JSON.stringify(twice.name)} twice, or its elements out of order`,
    )
  return (cells, line) => {
    if (cells.length !== header.length)
      throw new PenstockError(
        'ERR_BODY',
        `Expected ${header.length} cells in each row, as the header has, but row ${line} has ${cells.length}`,
      )
    const members = columns.map(({ name, cells: own, isList }) => {
      const values = own.map((cell) => jsonOf(cells[cell] as string))
      return `${JSON.stringify(name)}:${isList ? `[${values.join(',')}]` : values[0]}`
    })
    return `{${members.join(',')}}`
  }
}

function jsonOf(cell: string): string {
  if (cell === '') return 'null'
  if (!literal.test(cell)) return JSON.stringify(cell)
  return cell.startsWith('[') && !isJson(cell) ? JSON.stringify(cell) : cell
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The cells of each row; empty lines are passed over. */
async function* csvRows(chunks: AsyncIterable<Buffer>, rowBytesMax: number): AsyncGenerator<string[]> {
  const decoder = new TextDecoder('utf-8')
  let rest = ''
  const rowsOf = function* (text: string, isLast: boolean): Generator<string[]> {
    let start = 0
    let isQuoted = false
    for (let at = 0; at < text.length; at++) {
      const character = text.charCodeAt(at)
      if (character === 0x22) isQuoted = !isQuoted
      else if (character === 0x0a && !isQuoted) {
        yield cellsOf(text.slice(start, at))
        start = at + 1
      }
    }
    rest = text.slice(start)
    if (rest.length > rowBytesMax || (isLast && isQuoted))
      throw new PenstockError(
        'ERR_BODY',
        'Expected every quoted cell to end but the file ends, or too much follows, before one does',
      )
    if (isLast && rest !== '') yield cellsOf(rest)
  }
  for await (const chunk of chunks)
    for (const cells of rowsOf(rest + decoder.decode(chunk, { stream: true }), false))
      if (cells.length > 1 || cells[0] !== '') yield cells
  for (const cells of rowsOf(rest + decoder.decode(), true)) if (cells.length > 1 || cells[0] !== '') yield cells
}

function cellsOf(row: string): string[] {
  const text = row.endsWith('\r') ? row.slice(0, -1) : row
  const cells: string[] = []
  for (let at = 0; ;) {
    if (text[at] !== '"') {
      const comma = text.indexOf(',', at)
      cells.push(text.slice(at, comma < 0 ? text.length : comma))
      if (comma < 0) return cells
      at = comma + 1
      continue
    }
    let end = text.indexOf('"', at + 1)
    while (text[end + 1] === '"') end = text.indexOf('"', end + 2)
    cells.push(text.slice(at + 1, end).replaceAll('""', '"'))
    if (end + 1 >= text.length) return cells
    at = end + 2
  }
}
