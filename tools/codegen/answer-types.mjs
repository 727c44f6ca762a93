/** The model of answers.mjs → the interfaces of the JSON answers, and those of the engine's records that they print. */
import { posix } from 'node:path'
import { describe, objectsIn, readAnswers, recordPath, words } from './answers.mjs'
import { banner, file, quote } from './text.mjs'

const RECORDS = 'src/engine/api/generated/records.ts'

/** ModelVersion → ModelVersionAnswer. */
const answerName = (name) => (name.endsWith('Answer') ? name : `${name}Answer`)

export function answersModule(texts, sources) {
  const model = readAnswers(texts, sources)
  const names = [...model.objects.keys()]
  const added = [...model.objects.values()].filter(({ fields }) => fields.some(({ record }) => record === null))
  const inheriting = names.filter((name) => inheritedBy(name, model).length > 0)
  return file([
    ...banner('src/protocol/answers/*.json', [
      'The JSON answers of the control API as a client of this release reads them. They come from a server of possibly another',
      'release: members that not all releases send are optional, and words that may become more are strings.',
    ]),
    ...[...model.objects.values()].flatMap((object) => [
      '',
      ...doc('', object.does),
      `export interface ${answerName(object.name)} {`,
      ...object.fields.filter(({ inherited }) => inherited !== true).flatMap((field) => answerMember(field, model)),
      '}',
    ]),
    '',
    'export interface AnswersByName {',
    ...names.map((name) => `  readonly ${name}: ${answerName(name)}`),
    '}',
    '',
    '/** What an answer has that no record does: its writer adds it. */',
    'export interface AddedByName {',
    ...added.map(({ name, fields }) => {
      const keys = fields.flatMap((field) => (field.record === null ? [quote(field.name)] : []))
      return `  readonly ${name}: Required<Pick<${answerName(name)}, ${keys.join(' | ')}>>`
    }),
    '}',
    '',
    '/** What a record repeats of the answer around its own: who reads it by itself says it. */',
    'export interface InheritedByName {',
    ...inheriting.map(
      (name) =>
        `  readonly ${name}: { ${inheritedBy(name, model)
          .map((key) => `readonly ${key}: string`)
          .join('; ')} }`,
    ),
    '}',
  ])
}

export function recordsModule(texts, sources) {
  const model = readAnswers(texts, sources)
  const context = recordContext(model)
  const enums = [...model.enums].flatMap(([name, row]) => (row.from === undefined ? ['', ...enumType(name, row)] : []))
  const interfaces = [...model.objects.values()].flatMap((object) => recordInterfaces(object, context))
  return file([
    ...banner('src/protocol/answers/*.json', [
      "The engine's records as far as answers of the control API print them; the files beside this folder add the rest. Types only.",
    ]),
    ...importLines(context),
    ...enums,
    ...interfaces,
  ])
}

/** Apart from the records themselves, which the package exports. */
export function recordsByNameModule(texts, sources) {
  const model = readAnswers(texts, sources)
  const context = recordContext(model)
  const objects = [...model.objects.values()]
  const byName = objects.map((object) => `  readonly ${object.name}: ${objectRecord(object, context)}`)
  const foreign = objects.filter(({ from }) => from !== undefined)
  const foreignEnums = [...model.enums].filter(([, { from }]) => from !== undefined)
  const tabled = [
    ...foreign.map((object) => `  readonly ${object.record}: ${inlineRecord(object, context)}`),
    ...foreignEnums.map(([name, { values }]) => `  readonly ${name}: ${Object.keys(values).map(quote).join(' | ')}`),
  ]
  return file([
    ...banner('src/protocol/answers/*.json', [
      'What the mapping between records and answers needs to know of types. Types only.',
    ]),
    ...importLines(context),
    `import type { ${[...context.generated].sort().join(', ')} } from './records.js'`,
    '',
    '/** What the answer of a name is printed from, and read as. */',
    'export interface RecordsByName {',
    ...byName,
    '}',
    '',
    '/** Types that other files define, as the tables have them: test/types holds the ones to the others. */',
    'export interface TabledTypes {',
    ...tabled,
    '}',
  ])
}

/** What records import, from where, collected while they are written. */
function recordContext(model) {
  const imports = new Map()
  const generated = new Set()
  const named = new Set([...model.enums.keys(), ...[...model.objects.values()].map(({ record }) => record)])
  const use = (type, from) => {
    if (from !== undefined) imports.set(from, new Set([...(imports.get(from) ?? []), type]))
    else if (named.has(type)) generated.add(type)
    return type
  }
  return { model, use, imports, generated, emitted: new Map() }
}

function importLines({ imports }) {
  return [...imports]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([from, types]) => {
      const path = posix.relative(posix.dirname(RECORDS), from)
      return `import type { ${[...types].sort().join(', ')} } from '${path}'`
    })
}

function doc(indent, ...sentences) {
  const text = sentences.filter((sentence) => sentence !== undefined).map((sentence) => `${sentence}.`)
  return [`${indent}/** ${text.join(' ')} */`]
}

function memberDoc(field) {
  return doc('  ', describe(field), isTime(field.type) ? 'ISO 8601, UTC' : undefined)
}

const isTime = (type) => type.name === 'time' || (type.of !== undefined && isTime(type.of))

function enumType(name, { does, values }) {
  const words = Object.entries(values).map(([value, meaning]) => `\`${value}\`: ${meaning}`)
  return [
    `/** ${does}. ${words.join(' · ')}. */`,
    `export type ${name} = ${Object.keys(values).map(quote).join(' | ')}`,
  ]
}

// ── answers ─────────────────────────────────────────────────────────────────────────────────────

function answerMember(field, model) {
  const mayLack = field.optional === true || field.lacking === true || field.absent !== undefined
  return [...memberDoc(field), `  readonly ${field.name}${mayLack ? '?' : ''}: ${answerType(field.type, model)}`]
}

function answerType(type, model) {
  switch (type.kind) {
    case 'word':
      return words[type.name].answer
    case 'enum':
      return 'string'
    case 'constant':
      return quote(type.value)
    case 'document':
      return model.documents.get(type.name).answer ?? 'unknown'
    case 'object':
      return answerName(type.name)
    case 'union':
      return type.names.map(answerName).join(' | ')
    default:
      return composed(type, answerType(type.of, model))
  }
}

/** A list, a map, or what may be null. */
function composed({ kind }, inner) {
  if (kind === 'list') return `readonly ${/^readonly | \| /.test(inner) ? `(${inner})` : inner}[]`
  return kind === 'map' ? `Readonly<Record<string, ${inner}>>` : `${inner} | null`
}

function inheritedBy(name, model) {
  const { fields } = model.objects.get(name)
  const own = fields.filter(({ inherited }) => inherited === true).map((field) => field.name)
  const said = new Set(fields.map((field) => field.name))
  const below = fields.flatMap(({ type }) => objectsIn(type)).flatMap((inner) => inheritedBy(inner, model))
  return [...new Set([...own, ...below.filter((key) => !said.has(key))])]
}

// ── records ─────────────────────────────────────────────────────────────────────────────────────

/** The interface of an object's record, before it those of the parts; nothing where another file or object has it. */
function recordInterfaces(object, context) {
  const { record, from, within } = object
  if (record === undefined || from !== undefined || within !== undefined) return []
  const members = membersOf(object, context)
  const text = [...members.values()]
    .flatMap(({ lines }) => lines)
    .sort()
    .join('\n')
  if (context.emitted.has(record)) {
    if (context.emitted.get(record) !== text)
      throw new Error(
        `Expected all answers with the record ${record} to have its members, but ${object.name} has others`,
      )
    return []
  }
  context.emitted.set(record, text)
  const parts = [...members.values()].flatMap(({ part }) => (part === undefined ? [] : part))
  return [...parts, '', ...doc('', object.does), `export interface ${record} {`, ...linesOf(members), '}']
}

const linesOf = (members) => [...members.values()].flatMap(({ lines }) => lines)

/** Member → its lines, and the interface of the part that it is. */
function membersOf(object, context, parts = partsOf(object, context.model)) {
  const members = new Map()
  const inner = new Map()
  for (const field of object.fields) {
    const path = recordPath(field)
    if (path === null) continue
    const [head, ...rest] = path
    if (head === undefined) {
      const within = context.model.objects.get(field.type.name)
      for (const [name, member] of membersOf(within, context, parts)) merge(members, inner, name, member)
    } else {
      const member = rest.length === 0 ? { lines: recordMember(field, head, context) } : { partRows: [[rest, field]] }
      merge(members, inner, head, member)
    }
  }
  for (const [name, rows] of inner) members.set(name, partMember(name, rows, parts, context))
  return members
}

function merge(members, inner, name, member) {
  if (member.partRows !== undefined) inner.set(name, [...(inner.get(name) ?? []), ...member.partRows])
  // Keeps the place; its lines follow when all of its rows are known.
  members.set(name, member)
}

function partsOf({ parts, spreads }, model) {
  return Object.assign({}, ...spreads.map((name) => partsOf(model.objects.get(name), model)), parts)
}

function partMember(name, rows, parts, context) {
  const part = parts[name]
  if (part === undefined) throw new Error(`Expected a type in parts for the member ${name} of a record`)
  const lines = [...doc('  ', part.does), `  readonly ${name}: ${context.use(part.type, part.from)}`]
  if (part.from !== undefined) return { lines, partRows: rows }
  const members = rows.flatMap(([[member], field]) => recordMember(field, member, context))
  return {
    lines,
    partRows: rows,
    part: ['', ...doc('', part.does), `export interface ${part.type} {`, ...members, '}'],
  }
}

function recordMember(field, name, context) {
  return [
    ...memberDoc(field),
    `  readonly ${name}${field.optional === true ? '?' : ''}: ${recordType(field.type, context)}`,
  ]
}

function recordType(type, context) {
  const { model, use } = context
  switch (type.kind) {
    case 'word':
      return use(words[type.name].record, words[type.name].from)
    case 'enum':
      return use(type.name, model.enums.get(type.name).from)
    case 'constant':
      return quote(type.value)
    case 'document':
      return use(type.name, model.documents.get(type.name).from)
    case 'object':
      return objectRecord(model.objects.get(type.name), context)
    case 'union':
      return type.names.map((name) => objectRecord(model.objects.get(name), context)).join(' | ')
    default:
      return composed(type, recordType(type.of, context))
  }
}

/** The record's name; without one, its members in place. */
function objectRecord(object, context) {
  const { record, from, within } = object
  if (within !== undefined) return objectRecord(context.model.objects.get(within), context)
  return record === undefined ? inlineRecord(object, context) : context.use(record, from)
}

function inlineRecord({ fields }, context) {
  const members = fields.flatMap((field) => {
    const path = recordPath(field)
    const mark = field.optional === true ? '?' : ''
    return path === null ? [] : [`readonly ${path[0]}${mark}: ${recordType(field.type, context)}`]
  })
  return `{ ${members.join('; ')} }`
}
