/**
 * errors.json → the TypeScript union and table, and the C++ status numbers.
 *
 * A row with `native` can be raised by the addon under that number; 0 is success. Numbers are never reused: they cross
 * the addon's border and stand in the statistics of running servers.
 */
import { banner, expectUnique, file, pascalCase, quote } from './text.mjs'

const classes = ['argument', 'state', 'capacity', 'deadline', 'device']
const nativeStatusMax = 255

function parse(text, source) {
  const { errors } = JSON.parse(text)
  expectUnique(source, errors, 'code', (row) => row.code)
  expectUnique(source, errors, 'native status', (row) => row.native)
  for (const row of errors) {
    const where = `${source}: ${row.code}`
    if (!/^ERR_[A-Z_]+$/.test(row.code)) throw new Error(`Expected ${where} to be named ERR_… in capitals`)
    if (!classes.includes(row.class))
      throw new Error(`Expected the class of ${where} to be one of ${classes.join(', ')}`)
    if (!Number.isInteger(row.http) || row.http < 400 || row.http > 599)
      throw new Error(`Expected the http of ${where} to be 400..599`)
    if (
      row.native !== undefined &&
      !(Number.isInteger(row.native) && row.native >= 1 && row.native <= nativeStatusMax)
    ) {
      throw new Error(`Expected the native status of ${where} to be 1..${nativeStatusMax}`)
    }
  }
  return errors
}

export function errorCodesModule(text, source) {
  const errors = parse(text, source)
  const row = (error) => {
    const fields = [
      `class: ${quote(error.class)}`,
      `http: ${error.http}`,
      ...(error.close === undefined ? [] : [`close: ${error.close}`]),
      `retryable: ${error.retryable}`,
      ...(error.native === undefined ? [] : [`native: ${error.native}`]),
    ]
    return [
      `  ${error.code}: {`,
      ...fields.map((field) => `    ${field},`),
      `    sentence: ${quote(error.sentence)},`,
      '  },',
    ]
  }
  return file([
    ...banner(source, []),
    `export type ErrorClass = ${classes.map(quote).join(' | ')}`,
    '',
    'export type ErrorCode =',
    ...errors.map((error) => `  | ${quote(error.code)}`),
    '',
    'export interface ErrorRow {',
    '  /** Who acts: argument, the caller fixes the call · state, the caller re-plans · capacity, waits · deadline, decides · device, the operator. */',
    '  readonly class: ErrorClass',
    '  /** HTTP status of the reply. */',
    '  readonly http: number',
    '  /** WebSocket close code, when the error ends the connection. */',
    '  readonly close?: number',
    '  readonly retryable: boolean',
    '  /** Status number in the addon, when it can be raised there. */',
    '  readonly native?: number',
    '  readonly sentence: string',
    '}',
    '',
    'export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = {',
    ...errors.flatMap(row),
    '}',
  ])
}

export function statusCodesHeader(text, source) {
  const rows = parse(text, source)
    .filter((error) => error.native !== undefined)
    .sort((a, b) => a.native - b.native)
  const name = (error) => `k${pascalCase(error.code.replace(/^ERR_/, ''))}`
  return file([
    ...banner(source, ['Status numbers as they cross the border of the addon; 0 is success.']),
    '// clang-format off',
    '#pragma once',
    '',
    '#include <cstddef>',
    '#include <cstdint>',
    '',
    'namespace penstock {',
    '',
    'enum class StatusCode : uint8_t {',
    '  kOk = 0,',
    ...rows.map((error) => `  ${name(error)} = ${error.native},  // ${error.sentence}`),
    '};',
    '',
    '// One more than the greatest number: the size of a table indexed by status.',
    `inline constexpr size_t kStatusCodeCount = ${(rows.at(-1)?.native ?? 0) + 1};`,
    '',
    '}  // namespace penstock',
  ])
}
