/**
 * src/protocol/answers/*.json → a checked model of the control API's answers, of which answer-types.mjs, answer-tables.mjs
 * and answer-docs.mjs write everything that says a field a second time.
 *
 * A file is a group of answers with its `enums`, its `documents` (values in their writer's own words, which pass as they
 * are) and its `objects`. An object is a JSON object as the server sends it, with a row for each member, in their order:
 *
 *   type       a word (below), an enum, a document, an object, 'a constant'; `X[]`, `map of X`, `X | null`, `X | Y`
 *   does       what it is: description of the schema, docstring of both types, cell of the reference page
 *   unit       where its name leaves a question
 *   record     the member of the engine's record, `a.b` within a part; absent: the name in camelCase; null: none, whoever
 *              writes the answer adds it; `.`: an object whose members lie in the record itself (its `within` says so)
 *   optional   the server leaves it out where there is nothing to say
 *   absent     an earlier release does not send it: what a reader takes instead, as JSON
 *   lacking    the same, but the reader knows better than the table what stands for it
 *   inherited  not sent: a record repeats what the answer around it says under the same name
 *   "...": "X" the rows of X
 *
 * and an object says besides: `record`, the name of the engine's type (`from` a file that has it already, else it is
 * generated), `parts`, the types of records within it, `rest`, the part that keeps members without a row.
 */
import { expectUnique } from './text.mjs'

/** Word → JSON type of the answer, type of the record, words of the reference page. */
export const words = {
  text: { answer: 'string', record: 'string', docs: 'text' },
  name: { answer: 'string', record: 'string', docs: 'text' },
  'model name': { answer: 'string', record: 'string', docs: 'text' },
  time: { answer: 'string', record: 'string', docs: 'time' },
  count: { answer: 'number', record: 'number', docs: 'integer' },
  number: { answer: 'number', record: 'number', docs: 'number' },
  flag: { answer: 'boolean', record: 'boolean', docs: 'true or false' },
  true: { answer: 'true', record: 'true', docs: 'true' },
  dtype: { answer: 'string', record: 'Dtype', from: 'src/tensor/tensor.js', docs: 'text' },
  dims: { answer: 'readonly (number | null)[]', record: 'readonly (number | null)[]', docs: 'list of integer or null' },
  scalar: { answer: 'number | string', record: 'number | string', docs: 'number or text' },
  label: { answer: 'string | number', record: 'string | number', docs: 'text or integer' },
  'error code': { answer: 'string', record: 'ErrorCode', from: 'src/base/errors.js', docs: 'text' },
  object: { answer: 'Readonly<Record<string, unknown>>', record: 'Readonly<Record<string, unknown>>', docs: 'object' },
}

const objectKeys = new Set(['does', 'record', 'from', 'parts', 'rest', 'within', 'fields'])
const fieldKeys = new Set(['type', 'does', 'unit', 'record', 'optional', 'absent', 'lacking', 'inherited'])

/** @returns {{groups, enums, documents, objects}}: maps by name; rows of `...` are put in its place, with `via` that object. */
export function readAnswers(texts, sources) {
  const groups = texts.map((text, index) => ({ source: sources[index], ...JSON.parse(text) }))
  const all = (kind) => groups.flatMap((group) => Object.entries(group[kind] ?? {}))
  const named = [...all('enums'), ...all('documents'), ...all('objects')]
  expectUnique(sources.join(', '), named, 'name', ([name]) => name)
  const model = {
    groups: groups.map(({ title, objects }) => ({ title, names: Object.keys(objects) })),
    enums: new Map(all('enums')),
    documents: new Map(all('documents')),
    objects: new Map(),
  }
  const raw = new Map(all('objects'))
  for (const [name, object] of raw) {
    expectKeys(name, object, objectKeys)
    model.objects.set(name, { name, ...object, fields: rowsOf(name, raw), spreads: spreadsOf(object) })
  }
  for (const object of model.objects.values())
    for (const field of object.fields) field.type = parseType(`${object.name}.${field.name}`, field.type, model)
  for (const object of model.objects.values()) expectSound(object, model)
  return model
}

/** deployed_version → deployedVersion. */
export function camelCase(name) {
  return name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase())
}

/** Where a row's value lies in the record: member names; [] the record itself; null nowhere. */
export function recordPath({ name, record }) {
  if (record === null || record === '.') return record === null ? null : []
  return record === undefined ? [camelCase(name)] : record.split('.')
}

/** The description with its unit. */
export function describe({ does, unit }) {
  return unit === undefined ? does : `${does}, in ${unit}`
}

/** The objects that a type leads to. */
export function objectsIn(type) {
  if (type.kind === 'object') return [type.name]
  return type.kind === 'union' ? type.names : type.of === undefined ? [] : objectsIn(type.of)
}

function spreadsOf({ fields }) {
  return fields['...'] === undefined ? [] : [fields['...']]
}

function rowsOf(name, raw) {
  const object = raw.get(name)
  if (object === undefined) throw new Error(`Expected ... to name an object but received ${name}`)
  const own = Object.entries(object.fields)
  const names = new Set(own.map(([field]) => field))
  return own.flatMap(([field, row]) => {
    if (field === '...')
      return rowsOf(row, raw).flatMap((other) => (names.has(other.name) ? [] : [{ ...other, via: row }]))
    const where = `${name}.${field}`
    expectKeys(where, row, fieldKeys)
    if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(field)) throw new Error(`Expected ${where} to be in snake_case`)
    if (typeof row.does !== 'string' || row.does === '' || row.does.endsWith('.'))
      throw new Error(`Expected ${where} to say what it does, without a full stop`)
    return [{ name: field, ...row }]
  })
}

function expectKeys(where, row, known) {
  const unknown = Object.keys(row).filter((key) => !known.has(key))
  if (unknown.length > 0) throw new Error(`Expected ${where} to have none but known keys but received ${unknown}`)
}

function parseType(where, text, model) {
  const parts = text.split(' | ')
  const others = parts.filter((part) => part !== 'null')
  const type = others.length === 1 ? parseOne(where, others[0], model) : { kind: 'union', names: others }
  for (const name of objectsIn(type))
    if (!model.objects.has(name)) throw new Error(`Expected ${where} to name objects but received ${name}`)
  return parts.length === others.length ? type : { kind: 'nullable', of: type }
}

function parseOne(where, text, model) {
  if (text.endsWith('[]')) return { kind: 'list', of: parseOne(where, text.slice(0, -2), model) }
  if (text.startsWith('map of ')) return { kind: 'map', of: parseOne(where, text.slice(7), model) }
  if (/^'\w+'$/.test(text)) return { kind: 'constant', value: text.slice(1, -1) }
  if (Object.hasOwn(words, text)) return { kind: 'word', name: text }
  if (model.enums.has(text)) return { kind: 'enum', name: text }
  if (model.documents.has(text)) return { kind: 'document', name: text }
  if (model.objects.has(text)) return { kind: 'object', name: text }
  throw new Error(`Expected ${where} to be of a known type but received ${text}`)
}

function expectSound(object, model) {
  const refuse = (rule) => {
    throw new Error(`Expected ${object.name} ${rule}`)
  }
  expectUnique(object.name, object.fields, 'place in the record', (field) =>
    recordPath(field)?.length ? recordPath(field).join('.') : undefined,
  )
  for (const field of object.fields) {
    const path = recordPath(field)
    if (path?.length === 0 && model.objects.get(field.type.name)?.within !== object.name)
      refuse(`to give the place . to an object within it, but ${field.name} is none`)
    if ([field.optional, field.lacking, field.inherited, field.absent !== undefined].filter(Boolean).length > 1)
      refuse(`.${field.name} to be one of optional, lacking, inherited and absent`)
    // A union is copied as it stands: which of its objects a value is, no table knows.
    const alternatives = field.type.kind === 'nullable' ? field.type.of : field.type
    if (alternatives.kind === 'union' && !alternatives.names.every((name) => isSame(model.objects.get(name))))
      refuse(`.${field.name} to choose among objects whose members have the same names in records`)
  }
}

function isSame({ fields }) {
  return fields.every((field) => recordPath(field)?.join('.') === field.name && objectsIn(field.type).length === 0)
}
