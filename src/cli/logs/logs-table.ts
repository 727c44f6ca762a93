/**
 * Records as JSON text, cut into cells without becoming numbers: a table and a line show the digits that the server sent.
 */
import { isRecord, parseJson } from '../shared/input-data.js'

const cellCharactersMax = 48

/** @param text a JSON array of flat records. */
export function cellsOf(text: string): { titles: string[]; rows: string[][] } {
  const records = parseKeepingDigits(text)
  const titles = [...new Set(records.flatMap((record) => Object.keys(record)))]
  return { titles, rows: records.map((record) => titles.map((title) => cellOf(title, record[title]))) }
}

/** The records of a JSON array as texts, one each, as they stand in it. */
export function keepDigits(text: string): string[] {
  const records: string[] = []
  let depth = 0
  let start = 0
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{' && depth++ === 0) start = index
    if (token === '}' && --depth === 0) records.push(text.slice(start, index + 1))
  }
  return records
}

/** Integers of 16 digits and more as texts, since a number would round them. */
function parseKeepingDigits(text: string): Record<string, unknown>[] {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\b\d{16,}\b(?![.eE])/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  )
  const parsed = parseJson('the answer', quoted)
  return Array.isArray(parsed) ? parsed.filter(isRecord) : []
}

function cellOf(title: string, value: unknown): string {
  if (value === undefined || value === null) return '-'
  if (title === 'time' && typeof value === 'number') return new Date(value).toISOString()
  const single: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value
  const text = typeof single === 'string' ? single : JSON.stringify(single)
  return text.length > cellCharactersMax ? `${text.slice(0, cellCharactersMax)}…` : text
}
