/**
 * dtypes.json → the TypeScript table and the C++ enum of element types. Codes are those of ONNX's TensorProto.DataType.
 * `string` has no fixed size: bytes 0.
 */
import { banner, expectUnique, file, pascalCase, quote } from './text.mjs'

function parse(text, source) {
  const { dtypes } = JSON.parse(text)
  expectUnique(source, dtypes, 'dtype', (row) => row.name)
  expectUnique(source, dtypes, 'code', (row) => row.code)
  expectUnique(source, dtypes, 'oip name', (row) => row.oip)
  return dtypes
}

const constant = (dtype) => `k${pascalCase(dtype.name)}`

export function dtypesModule(text, source) {
  const dtypes = parse(text, source)
  return file([
    ...banner(source, []),
    'export const dtypeTable = {',
    ...dtypes.map(
      (d) => `  ${d.name}: { name: ${quote(d.name)}, code: ${d.code}, bytes: ${d.bytes}, oip: ${quote(d.oip)} },`,
    ),
    '} as const',
    '',
    '/** Name by ONNX TensorProto.DataType code. */',
    'export const dtypeNameByCode: Readonly<Partial<Record<number, keyof typeof dtypeTable>>> = {',
    ...dtypes.map((d) => `  ${d.code}: ${quote(d.name)},`),
    '}',
    '',
    '/** Name by Open Inference Protocol datatype. */',
    'export const dtypeNameByOip: Readonly<Partial<Record<string, keyof typeof dtypeTable>>> = {',
    ...dtypes.map((d) => `  ${d.oip}: ${quote(d.name)},`),
    '}',
  ])
}

export function dtypeCodesHeader(text, source) {
  const dtypes = parse(text, source)
  return file([
    ...banner(source, ['ONNX TensorProto.DataType codes.']),
    '// clang-format off',
    '#pragma once',
    '',
    '#include <cstddef>',
    '#include <cstdint>',
    '',
    'namespace penstock {',
    '',
    'enum class Dtype : uint8_t {',
    ...dtypes.map((d) => `  ${constant(d)} = ${d.code},`),
    '};',
    '',
    '// Bytes of one element; 0 for strings, which have no fixed size, and for numbers that are no dtype.',
    'constexpr size_t dtype_size_bytes(Dtype dtype) noexcept {',
    '  switch (dtype) {',
    ...dtypes.flatMap((d) => [`    case Dtype::${constant(d)}:`, `      return ${d.bytes};`]),
    '  }',
    '  return 0;',
    '}',
    '',
    '}  // namespace penstock',
  ])
}
