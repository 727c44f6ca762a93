/**
 * penstock.fbs → vtable offsets for the C++ code that reads Infer and writes Results without generated classes.
 *
 * In a FlatBuffers vtable the first two uint16 are sizes, so field `index` of a table stands at byte 4 + 2 * index. A
 * union field takes two indices: its type (ubyte), then its value. Reads the subset of the schema language that
 * penstock.fbs uses: tables, one level of unions with explicit ids, line and block comments; anything else is refused,
 * so that an explicit `(id: …)` or a deprecated field cannot silently shift the slots.
 * @source FlatBuffers internals, "Tables" (https://flatbuffers.dev/internals/)
 */
import { banner, expectUnique, file, pascalCase, snakeCase } from './text.mjs'

/** Fields of C++ keyword names would not compile; none exists today, and a new one is refused here with words. */
const reserved = new Set([
  'class',
  'default',
  'delete',
  'namespace',
  'new',
  'operator',
  'private',
  'public',
  'template',
  'this',
])

export function parseSchema(text, source) {
  const plain = text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/\/\/.*$/gm, ' ')
  const rest = []
  const tables = []
  const unions = []
  let end = 0
  for (const match of plain.matchAll(/\b(table|union)\s+(\w+)\s*\{([^}]*)\}/g)) {
    rest.push(plain.slice(end, match.index))
    end = match.index + match[0].length
    const [, kind, name, body] = match
    if (kind === 'table')
      tables.push({
        name,
        fields: body
          .split(';')
          .map((f) => f.trim())
          .filter(Boolean),
      })
    else
      unions.push({
        name,
        members: body
          .split(',')
          .map((m) => m.trim())
          .filter(Boolean),
      })
  }
  rest.push(plain.slice(end))
  const left = rest
    .join(' ')
    .replace(/\bnamespace\s+[\w.]+\s*;/, '')
    .replace(/\broot_type\s+\w+\s*;/, '')
    .trim()
  if (left !== '')
    throw new Error(`Expected ${source} to hold tables and unions only but received ${left.slice(0, 80)}`)

  const unionRows = unions.map(({ name, members }) => ({
    name,
    members: members.map((m) => unionMember(m, source, name)),
  }))
  for (const union of unionRows) expectUnique(source, union.members, `id of ${union.name}`, (m) => m.id)
  const unionNames = new Set(unionRows.map((union) => union.name))
  return { tables: tables.map((table) => withSlots(table, unionNames, source)), unions: unionRows }
}

function unionMember(text, source, union) {
  const match = /^(\w+)\s*=\s*(\d+)$/.exec(text)
  if (match === null)
    throw new Error(`Expected the members of ${union} in ${source} to be \`Name = id\` but received ${text}`)
  return { name: match[1], id: Number(match[2]) }
}

function withSlots({ name, fields }, unionNames, source) {
  let index = 0
  const slots = []
  for (const field of fields) {
    const match = /^(\w+)\s*:\s*(\[?\w+\]?)\s*(=\s*[\w.+-]+\s*)?(\(required\)\s*)?$/.exec(field)
    if (match === null)
      throw new Error(`Expected the fields of ${name} in ${source} to be \`name:type\` but received ${field}`)
    const fieldName = snakeCase(match[1])
    if (reserved.has(fieldName)) throw new Error(`Expected ${name}.${fieldName} in ${source} not to be a C++ keyword`)
    if (unionNames.has(match[2])) slots.push({ name: `${fieldName}_type`, slot: 4 + 2 * index++ })
    slots.push({ name: fieldName, slot: 4 + 2 * index++ })
  }
  expectUnique(source, slots, `field of ${name}`, (s) => s.name)
  return { name, slots }
}

export function wireSlotsHeader(text, source) {
  const { tables, unions } = parseSchema(text, source)
  return file([
    ...banner(source, [
      "Byte offset of each field in its table's vtable (4 + 2 * index; a union takes two), and the ids of the unions.",
    ]),
    '#pragma once',
    '',
    '#include <cstdint>',
    '',
    'namespace penstock {',
    '',
    ...unions.flatMap(({ name, members }) => [
      `enum class ${name} : uint8_t {`,
      '  kNone = 0,',
      ...members.map((m) => `  k${pascalCase(m.name)} = ${m.id},`),
      '};',
      '',
    ]),
    ...tables.flatMap(({ name, slots }) => [
      `namespace slots::${snakeCase(name)} {`,
      ...slots.map((s) => `inline constexpr uint16_t ${s.name} = ${s.slot};`),
      `}  // namespace slots::${snakeCase(name)}`,
      '',
    ]),
    '}  // namespace penstock',
  ])
}
