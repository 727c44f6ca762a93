/**
 * boundary.json → the numbers that both sides of the addon know: codes, slots of flat arrays, details of failures, limits and the like.
 *
 * TypeScript gets two modules: src/base/generated/boundary.ts for what every layer may know, bindings/generated/boundary.ts
 * for what only those know who call the addon. C++ gets one header; there the details of a failure are a struct, so that
 * a number is named where it is set.
 */
import { banner, expectUnique, file, pascalCase, snakeCase } from './text.mjs'

const sides = ['base', 'bindings']
const types = ['uint8_t', 'uint32_t', 'int64_t', 'uint64_t', 'size_t', 'int']
const detailsMax = 4
const columnsMax = 120

function parse(text, source) {
  const { codes, slots, details, numbers } = JSON.parse(text)
  const expect = (isTrue, where, rule) => {
    if (!isTrue) throw new Error(`Expected ${where} in ${source} to ${rule}`)
  }
  const errors = details.map((detail) => ({ ...detail, name: detailName(detail), side: 'bindings' }))
  const named = [...codes, ...slots, ...errors, ...numbers]
  expectUnique(source, named, 'name', (row) => row.name)
  for (const { name, side, type } of named) {
    expect(sides.includes(side), name, `be of a side: ${sides.join(' or ')}`)
    expect(type === undefined || types.includes(type), name, `be of a type: ${types.join(', ')}`)
  }
  for (const { name, values } of codes) {
    expectUnique(source, values, `name in ${name}`, (value) => value.name)
    expectUnique(source, values, `code in ${name}`, (value) => value.code)
    for (const value of values) expect(Number.isInteger(value.code), `${name}.${value.name}`, 'have a whole code')
  }
  for (const { name, values } of [...slots, ...errors])
    expectUnique(
      source,
      values.map((value) => ({ value })),
      `name in ${name}`,
      (row) => row.value,
    )
  for (const { name, values } of errors) expect(values.length <= detailsMax, name, `have at most ${detailsMax} values`)
  for (const { name, value } of numbers) {
    expect(Number.isSafeInteger(value) && value > 0, name, 'be a positive safe integer')
    expect(/^[A-Z][A-Z0-9_]+$/.test(name), name, 'be in capitals')
  }
  return { codes, slots, details: errors, numbers }
}

/** ERR_QUEUE_FULL → QueueFullDetail. */
const detailName = ({ error }) => `${pascalCase(error.replace(/^ERR_/, ''))}Detail`
const constant = (name) => `k${pascalCase(name)}`

export const baseBoundaryModule = (text, source) => boundaryModule(parse(text, source), source, 'base')
export const bindingsBoundaryModule = (text, source) => boundaryModule(parse(text, source), source, 'bindings')

function boundaryModule({ codes, slots, details, numbers }, source, side) {
  const isHere = (row) => row.side === side
  return file([
    ...banner(source, []),
    ...codes.filter(isHere).flatMap(codesLines),
    ...slots.filter(isHere).flatMap((row) => indexLines(row, [`  length: ${row.values.length},`])),
    ...details
      .filter(isHere)
      .flatMap((row) => indexLines({ ...row, does: `Details of ${row.error}. ${row.does}` }, [])),
    ...numbers
      .filter(isHere)
      .flatMap(({ name, value, does }) => ['', `/** ${does} */`, `export const ${name} = ${value}`]),
  ])
}

function codesLines({ name, values, does }) {
  return [
    '',
    `/** ${does} */`,
    `export const ${name} = {`,
    ...values.flatMap((value) => [`  /** ${value.does} */`, `  ${value.name}: ${value.code},`]),
    '} as const',
    `export type ${name}Code = (typeof ${name})[keyof typeof ${name}]`,
  ]
}

function indexLines({ name, values, does }, more) {
  const fields = values.map((value, index) => `  ${value}: ${index},`)
  return ['', `/** ${does} */`, `export const ${name} = {`, ...fields, ...more, '} as const']
}

export function boundaryCodesHeader(text, source) {
  const { codes, slots, details, numbers } = parse(text, source)
  return file([
    ...banner(source, ['What crosses the border of the addon as numbers, and limits that both of its sides know.']),
    '// clang-format off',
    '#pragma once',
    '',
    '#include <array>',
    '#include <cstddef>',
    '#include <cstdint>',
    '',
    '#include "core/status_codes.hpp"',
    '',
    'namespace penstock {',
    '',
    ...codes.flatMap(enumLines),
    ...slots.flatMap(slotLines),
    ...details.flatMap(detailLines),
    ...numbers.flatMap(({ name, type, value, does }) => [
      ...comment(does),
      `inline constexpr ${type} ${constant(name)} = ${value};`,
    ]),
    '',
    '}  // namespace penstock',
  ])
}

function enumLines({ name, type, values, does }) {
  const isDense = values.every((value, index) => value.code === index)
  return [
    ...comment(does),
    `enum class ${name} : ${type} {`,
    ...values.map((value) => `  ${constant(value.name)} = ${value.code},  // ${value.does}`),
    '};',
    ...(isDense ? [`inline constexpr size_t k${name}Count = ${values.length};`] : []),
    '',
  ]
}

function slotLines({ name, values, does }) {
  return [
    ...comment(does),
    `struct ${name} {`,
    ...values.map((value, index) => `  static constexpr size_t ${constant(value)} = ${index};`),
    `  static constexpr size_t kLength = ${values.length};`,
    '};',
    '',
  ]
}

function detailLines({ name, error, values, does }) {
  const fields = values.map(snakeCase)
  return [
    ...comment(does),
    `struct ${name} {`,
    `  static constexpr StatusCode kCode = StatusCode::${constant(error.replace(/^ERR_/, ''))};`,
    ...fields.map((field) => `  int64_t ${field} = 0;`),
    `  constexpr std::array<int64_t, ${detailsMax}> values() const noexcept { return {${fields.join(', ')}}; }`,
    '};',
    '',
  ]
}

/** A C++ comment, broken at the last blank that fits. */
function comment(sentence) {
  const lines = ['//']
  for (const word of sentence.split(' ')) {
    if (lines.at(-1).length + 1 + word.length > columnsMax) lines.push('//')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines
}
