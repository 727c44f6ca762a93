/** The first look at a query, before a process is started for it: its first word says whether it reads. Pure. */
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
