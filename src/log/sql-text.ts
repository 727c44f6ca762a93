/**
 * What is read of a query's text itself: its first word, which says whether it reads, before a process is started for
 * it; and the names of pipelines that SQL takes only in quotes (`wine-by-colour`, `order`). Pure.
 */
import { PenstockError } from '../base/errors.js'

const words: readonly string[] = ['select', 'with', 'from', 'values', 'describe', 'show', 'summarize', 'table']

/** @throws PenstockError ERR_ARGUMENT. PRAGMA and CALL are among what is refused: DuckDB makes a SELECT of some. */
export function expectReading(sql: string): void {
  const bare = sql.replace(/\/\*[\s\S]*?\*\/|--[^\n]*/g, ' ').replace(/^[\s(]+/, '')
  const [, word = ''] = /^([A-Za-z_]+)/.exec(bare) ?? []
  if (words.includes(word.toLowerCase())) return
  const received = word === '' ? 'no statement' : word.toUpperCase()
  throw new PenstockError(
    'ERR_ARGUMENT',
    `Expected a query that begins with SELECT, WITH or FROM but received ${received}. The log is read-only`,
  )
}

/** Texts, quoted names, comments and dollar texts, which are passed over; then words, with hyphens inside. */
const tokens = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|\w+(?:-+\w+)*-*|\S/g

/**
 * The query with the names of pipelines in quotes: those with hyphens wherever they stand, others after FROM and JOIN.
 * For a query that cannot be read as it is: `a-b` may be a difference in one that can.
 */
export function quoteNames(sql: string, pipelines: readonly string[]): string {
  const known = new Map(pipelines.map((name) => [name.toLowerCase(), name]))
  let before = ''
  return sql.replace(tokens, (token: string) => {
    const name = known.get(token.toLowerCase())
    const isTable = /^(from|join)$/i.test(before)
    before = token
    return name !== undefined && (name.includes('-') || isTable) ? `"${name}"` : token
  })
}
