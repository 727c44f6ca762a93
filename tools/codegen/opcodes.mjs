/**
 * check-opcodes.json → the opcodes of compiled checks for the TypeScript compiler and the C++ machine.
 */
import { banner, expectUnique, file, pascalCase } from './text.mjs'

function parse(text, source) {
  const { opcodes } = JSON.parse(text)
  expectUnique(source, opcodes, 'opcode', (row) => row.name)
  expectUnique(source, opcodes, 'code', (row) => row.code)
  return opcodes
}

export function checkOpcodesModule(text, source) {
  const opcodes = parse(text, source)
  return file([
    ...banner(source, []),
    'export const Opcode = {',
    ...opcodes.flatMap((o) => [`  /** ${o.does} */`, `  ${o.name}: ${o.code},`]),
    '} as const',
    '',
    'export type OpcodeName = keyof typeof Opcode',
    'export type OpcodeCode = (typeof Opcode)[OpcodeName]',
  ])
}

export function checkOpcodesHeader(text, source) {
  const opcodes = parse(text, source)
  const constant = (o) => `k${pascalCase(o.name)}`
  return file([
    ...banner(source, ['Instructions of a compiled check: 3 int32 each (opcode, a, b), over a stack of float64.']),
    '// clang-format off',
    '#pragma once',
    '',
    '#include <cstdint>',
    '',
    'namespace penstock {',
    '',
    'enum class Opcode : int32_t {',
    ...opcodes.map((o) => `  ${constant(o)} = ${o.code},  // ${o.does}`),
    '};',
    '',
    '}  // namespace penstock',
  ])
}
