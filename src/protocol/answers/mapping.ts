/**
 * Between the engine's records (camelCase) and the JSON answers of the control API (snake_case), both ways by the same
 * tables: the dialect prints with `writeAnswer`, the client reads with `readRecord`. Keys of maps (aliases, failures) and
 * documents (steps, explanation configurations) are users' own words and pass as they are.
 *
 * Control path: an object is made for each, and nothing is checked. A writer has records of the engine's own types; a
 * reader takes the server at its word, as far as `absent` of the tables does not stand in for an earlier release.
 */
import type { RecordsByName } from '../../engine/api/generated/records-by-name.js'
import type { AddedByName, AnswersByName, InheritedByName } from './generated/answers.js'
import { answerTables } from './generated/tables.js'
import type { AnswerName, FieldType } from './table.js'

type Members = Record<string, unknown>
type Named<M, N> = N extends keyof M ? [M[N]] : []

/** @param added what the answer has and no record does, where there is such a thing. */
export function writeAnswer<N extends AnswerName>(
  name: N,
  record: RecordsByName[N],
  ...[added]: Named<AddedByName, N>
): AnswersByName[N] {
  return writeMembers(name, record as unknown as Members, added) as unknown as AnswersByName[N]
}

/** @param around what the record repeats of the answer around this one, where it does. */
export function readRecord<N extends AnswerName>(
  name: N,
  answer: AnswersByName[N],
  ...[around]: Named<InheritedByName, N>
): RecordsByName[N] {
  const record: Members = {}
  readMembers(name, answer as unknown as Members, around ?? {}, record)
  return record as unknown as RecordsByName[N]
}

// ── record → answer ─────────────────────────────────────────────────────────────────────────────

function writeMembers(name: AnswerName, record: Members, added?: Members): Members {
  const answer: Members = {}
  for (const field of answerTables[name].fields) {
    if (field.isInherited === true) continue
    const value = field.record === null ? added?.[field.name] : memberAt(record, field.record)
    if (value !== undefined) answer[field.name] = written(field.type, value)
  }
  return answer
}

function written(type: FieldType, value: unknown): unknown {
  switch (type.kind) {
    case 'nullable':
      return value === null ? null : written(type.of, value)
    case 'list':
      return (value as readonly unknown[]).map((item) => written(type.of, item))
    case 'map':
      return mapped(value as Members, (item) => written(type.of, item))
    case 'object':
      return writeMembers(type.name, value as Members)
    case 'word':
    case 'constant':
    case 'enum':
    case 'document':
    case 'union':
      return value
  }
}

function memberAt(record: Members, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Members)[key], record)
}

// ── answer → record ─────────────────────────────────────────────────────────────────────────────

function readMembers(name: AnswerName, answer: Members, around: Members, record: Members): void {
  const { fields, rest } = answerTables[name]
  const said = { ...around, ...answer }
  for (const { name: key, record: path, type, isInherited, absent } of fields) {
    if (path === null) continue
    const sent = (isInherited === true ? around : answer)[key]
    const value = sent === undefined ? absent : sent
    if (value === undefined) continue
    if (path.length === 0) readMembers(innerName(type), value as Members, said, record)
    else setAt(record, path, read(type, value, said))
  }
  if (rest === undefined) return
  const named = new Set(fields.map((field) => field.name))
  const others = Object.entries(answer).filter(([key]) => !named.has(key))
  record[rest] = { ...(record[rest] as Members), ...Object.fromEntries(others) }
}

function read(type: FieldType, value: unknown, around: Members): unknown {
  switch (type.kind) {
    case 'nullable':
      return value === null ? null : read(type.of, value, around)
    case 'list':
      return (value as readonly unknown[]).map((item) => read(type.of, item, around))
    case 'map':
      return mapped(value as Members, (item) => read(type.of, item, around))
    case 'object': {
      const record: Members = {}
      readMembers(type.name, value as Members, around, record)
      return record
    }
    case 'word':
    case 'constant':
    case 'enum':
    case 'document':
    case 'union':
      return value
  }
}

function innerName(type: FieldType): AnswerName {
  if (type.kind === 'object') return type.name
  throw new Error(`Expected an object to lie in the record itself but received ${type.kind}`)
}

function setAt(record: Members, path: readonly string[], value: unknown): void {
  const inner = path.slice(0, -1).reduce((outer, key) => (outer[key] ??= {}) as Members, record)
  inner[path.at(-1) as string] = value
}

function mapped(map: Members, change: (value: unknown) => unknown): Members {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]))
}
