/**
 * penstock.fbs → vtable offsets for the C++ code that reads Infer and writes Results without generated classes.
 *
 * In a FlatBuffers vtable the first two uint16 are sizes, so the field in slot `n` of a table stands at byte 4 + 2 * n.
 * fbs-schema.mjs reads the schema and refuses what it does not know, so that an explicit `(id: …)` or a deprecated
 * field cannot silently shift the slots.
 * @source FlatBuffers internals, "Tables" (https://flatbuffers.dev/internals/)
 */
import { parseSchema } from './fbs-schema.mjs'
import { banner, expectUnique, file, pascalCase, snakeCase } from './text.mjs'

/** Names that C++ keeps for itself; none is a field today, and a new one is refused here with words. */
const reserved = new Set(['class', 'default', 'delete', 'namespace', 'new', 'operator', 'private', 'public', 'this'])

export function wireSlotsHeader(text, source) {
  const { tables, union } = parseSchema(text)
  expectUnique(source, union.members, `id of ${union.name}`, (member) => member.id)
  return file([
    ...banner(source, [
      "Byte offset of each field in its table's vtable (4 + 2 * slot; a union takes two), and the ids of the union.",
    ]),
    '// clang-format off',
    '#pragma once',
    '',
    '#include <cstdint>',
    '',
    'namespace penstock {',
    '',
    `enum class ${union.name} : uint8_t {`,
    '  kNone = 0,',
    ...union.members.map((member) => `  k${pascalCase(member.name)} = ${member.id},`),
    '};',
    '',
    ...tables.flatMap((table) => tableLines(table, source)),
    '}  // namespace penstock',
  ])
}

function tableLines({ name, fields }, source) {
  const slots = fields.map((field) => ({ name: snakeCase(field.name), offset: 4 + 2 * field.slot }))
  expectUnique(source, slots, `field of ${name}`, (slot) => slot.name)
  const keyword = slots.find((slot) => reserved.has(slot.name))
  if (keyword !== undefined) throw new Error(`Expected ${name}.${keyword.name} in ${source} not to be a C++ keyword`)
  return [
    `namespace slots::${snakeCase(name)} {`,
    ...slots.map((slot) => `inline constexpr uint16_t ${slot.name} = ${slot.offset};`),
    `}  // namespace slots::${snakeCase(name)}`,
    '',
  ]
}
