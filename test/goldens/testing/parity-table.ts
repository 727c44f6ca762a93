/**
 * Reads docs/reference/wallaroo-pipeline.md and finds each of ours that it names: members of live objects, routes of the
 * OpenAPI document with their query, commands of the program with their options. What is not found is said in a sentence.
 */
import type { Command } from 'commander'

export interface ParityRow {
  readonly wallaroo: readonly string[]
  readonly typescript: readonly string[]
  readonly http: readonly string[]
  readonly cli: readonly string[]
  readonly differences: string
}

/** Rows of every table of five columns; texts in backticks count, the rest of a cell is for people. */
export function parseParityTable(markdown: string): ParityRow[] {
  const rows = markdown.split('\n').filter((line) => /^\| `/.test(line) && !line.startsWith('| `wallaroo` |'))
  return rows.map((line) => {
    const cells = line.slice(1, line.lastIndexOf('|')).split('|')
    if (cells.length !== 5) throw new Error(`Expected five cells in: ${line}`)
    const [wallaroo, typescript, http, cli] = cells.map((cell) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text),
    )
    return {
      wallaroo: wallaroo ?? [],
      typescript: typescript ?? [],
      http: http ?? [],
      cli: cli ?? [],
      differences: (cells[4] ?? '').trim(),
    }
  })
}

/** `engine.tags.list` in `{ engine }`; a function, or a value of an object's own. */
export function missingMember(path: string, objects: Readonly<Record<string, unknown>>): string | null {
  const [root = '', ...members] = path.split('.')
  let value: unknown = objects[root]
  for (const member of members) {
    if (typeof value !== 'object' || value === null || !(member in value)) return `${path} is no member`
    value = (value as Record<string, unknown>)[member]
  }
  return typeof value === 'function' || typeof value === 'string' ? null : `${path} is no call`
}

export interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { parameters: readonly { name: string; in: string }[] }>>>
  >
}

/** `GET /v1/models?search`. */
export function missingRoute(text: string, { paths }: OpenApi): string | null {
  const [method = '', address = ''] = text.split(' ')
  const [path = '', query = ''] = address.split('?')
  const operation = paths[path]?.[method.toLowerCase()]
  if (operation === undefined) return `${method} ${path} is no route`
  const known = operation.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
  const unknown = query.split('&').filter((name) => name !== '' && !known.includes(name))
  return unknown.length === 0 ? null : `${method} ${path} has no query ${unknown.join(', ')}`
}

/** `pipeline deploy --no-wait`; as the command's help shows it. */
export function missingCommand(text: string, program: Command): string | null {
  const words = text.split(' ')
  const names = words.filter((word) => !word.startsWith('-'))
  let command = program
  for (const name of names) {
    const next = command.commands.find((candidate) => candidate.name() === name)
    if (next === undefined) return `penstock ${names.join(' ')} is no command`
    command = next
  }
  const help = command.helpInformation()
  const unknown = words.filter((word) => word.startsWith('-') && !new RegExp(`${word}(?![\\w-])`).test(help))
  return unknown.length === 0 ? null : `penstock ${names.join(' ')} has no option ${unknown.join(', ')}`
}
