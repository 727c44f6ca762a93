/**
 * The generators: what they write is pinned where two languages meet, and sources that contradict themselves are refused.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { baseBoundaryModule, bindingsBoundaryModule, boundaryCodesHeader } from './boundary.mjs'
import { dtypeCodesHeader } from './dtypes.mjs'
import { errorCodesModule, statusCodesHeader } from './errors.mjs'
import { outputs } from './generate.mjs'
import { checkOpcodesHeader } from './opcodes.mjs'
import { pascalCase, quote, snakeCase } from './text.mjs'
import { wireSlotsHeader } from './wire-slots.mjs'

const errors = (rows: object[]): string => JSON.stringify({ errors: rows })
const row = { code: 'ERR_A', native: 1, class: 'argument', http: 400, retryable: false, sentence: "It's wrong." }

const kind = {
  name: 'Kind',
  side: 'bindings',
  type: 'uint8_t',
  does: 'Kinds.',
  values: [
    { name: 'one', code: 0, does: 'this' },
    { name: 'theOther', code: 1, does: 'that' },
  ],
}
const rowsMax = { name: 'ROWS_MAX', side: 'base', type: 'size_t', value: 64, does: 'Rows.' }
const boundary = {
  codes: [kind],
  slots: [{ name: 'Slot', side: 'bindings', does: 'Slots.', values: ['a', 'b'] }],
  details: [{ error: 'ERR_QUEUE_FULL', does: 'Full.', values: ['retryAfterMs'] }],
  numbers: [rowsMax],
}

describe('codegen', () => {
  it('errors: a row becomes a union member, a table row and a status number', () => {
    const module = errorCodesModule(errors([row, { ...row, code: 'ERR_B_C', native: undefined }]), 'e.json')
    expect(module).toContain("  | 'ERR_A'\n  | 'ERR_B_C'\n")
    expect(module).toContain('sentence: "It\'s wrong."')
    const header = statusCodesHeader(errors([{ ...row, code: 'ERR_QUEUE_FULL', native: 9 }, row]), 'e.json')
    expect(header).toMatch(/kOk = 0,\n {2}kA = 1,.*\n {2}kQueueFull = 9,/)
    expect(header).toContain('kStatusCodeCount = 10;')
  })

  it.each([
    ['a code twice', [row, { ...row, native: 2 }], /code .* ERR_A twice/],
    ['a number twice', [row, { ...row, code: 'ERR_B' }], /native status .* 1 twice/],
    ['status 0, which is success', [{ ...row, native: 0 }], /1\.\.255/],
    ['a status beyond a byte', [{ ...row, native: 256 }], /1\.\.255/],
    ['an unknown class', [{ ...row, class: 'user' }], /class/],
    ['an http status that is no error', [{ ...row, http: 200 }], /400\.\.599/],
    ['a name that is no code', [{ ...row, code: 'Oops' }], /ERR_/],
  ])('errors: refuse %s', (_what, rows, message) => {
    expect(() => errorCodesModule(errors(rows), 'e.json')).toThrow(message)
  })

  it('slots: a union takes two, and other fields follow it', () => {
    const schema =
      'table A { x:int; u:Body; /* gap */ lastOne:[ubyte]; } // table B { y:int; }\nunion Body { A = 7 }\nroot_type A;'
    const header = wireSlotsHeader(schema, 'p.fbs')
    expect(header).toContain('kA = 7,')
    expect([...header.matchAll(/uint16_t (\w+) = (\d+);/g)].map((match) => [match[1], Number(match[2])])).toEqual([
      ['x', 4],
      ['u_type', 6],
      ['u', 8],
      ['last_one', 10],
    ])
  })

  it.each([
    ['explicit ids', 'table A { x:int (id: 3); } union Body { A = 1 } root_type A;'],
    ['deprecated fields', 'table A { x:int (deprecated); } union Body { A = 1 } root_type A;'],
    ['structs', 'struct S { x:int; } table A { x:int; } union Body { A = 1 } root_type A;'],
    ['a keyword as a field', 'table A { class:int; } union Body { A = 1 } root_type A;'],
    ['a field twice', 'table A { x:int; x:int; } union Body { A = 1 } root_type A;'],
  ])('slots: refuse %s', (_what, schema) => {
    expect(() => wireSlotsHeader(schema, 'p.fbs')).toThrow()
  })

  it('dtypes and opcodes: refuse a code twice', () => {
    const twice = [
      { name: 'a', code: 1, bytes: 1, oip: 'A', does: '' },
      { name: 'b', code: 1, bytes: 1, oip: 'B', does: '' },
    ]
    expect(() => dtypeCodesHeader(JSON.stringify({ dtypes: twice }), 'd.json')).toThrow(/1 twice/)
    expect(() => checkOpcodesHeader(JSON.stringify({ opcodes: twice }), 'o.json')).toThrow(/1 twice/)
  })

  it('boundary: a number has its name in both languages, in the module of its side', () => {
    const text = JSON.stringify(boundary)
    const header = boundaryCodesHeader(text, 'b.json')
    expect(header).toMatch(/enum class Kind : uint8_t \{\n {2}kOne = 0, .*\n {2}kTheOther = 1,/)
    expect(header).toContain('kKindCount = 2;')
    expect(header).toMatch(/struct Slot \{\n.* kA = 0;\n.* kB = 1;\n.* kLength = 2;\n\};/)
    expect(header).toContain('return {retry_after_ms};')
    expect(header).toContain('inline constexpr size_t kRowsMax = 64;')
    const bindings = bindingsBoundaryModule(text, 'b.json')
    expect(bindings).toMatch(/Kind = \{\n.*\n {2}one: 0,\n.*\n {2}theOther: 1,\n\} as const/)
    expect(bindings).toMatch(/QueueFullDetail = \{\n {2}retryAfterMs: 0,\n\} as const/)
    expect(bindings).not.toContain('ROWS_MAX')
    expect(baseBoundaryModule(text, 'b.json')).toContain('export const ROWS_MAX = 64')
  })

  it.each([
    ['a code twice', { codes: [{ ...kind, values: [kind.values[0], { name: 'x', code: 0, does: '' }] }] }, /0 twice/],
    ['a name twice', { codes: [kind, kind] }, /Kind twice/],
    ['a side that there is not', { codes: [{ ...kind, side: 'cli' }] }, /base or bindings/],
    ['a type that there is not', { numbers: [{ ...rowsMax, type: 'float' }] }, /of a type/],
    ['a number that is none', { numbers: [{ ...rowsMax, value: 0.5 }] }, /positive safe integer/],
    ['five details', { details: [{ error: 'ERR_A', does: '', values: ['a', 'b', 'c', 'd', 'e'] }] }, /at most 4/],
  ])('boundary: refuse %s', (_what, change, message) => {
    expect(() => boundaryCodesHeader(JSON.stringify({ ...boundary, ...change }), 'b.json')).toThrow(message)
  })

  it('every output: is the same bytes twice, and says where it comes from', () => {
    for (const { source, make } of outputs) {
      const text = readFileSync(new URL(`../../${source}`, import.meta.url), 'utf8')
      expect(make(text, source)).toBe(make(text, source))
      expect(make(text, source)).toContain(`Generated from ${source}`)
    }
  })

  it('names: change their spelling', () => {
    expect(['QUEUE_FULL', 'lessEqual', 'float16', 'Infer'].map(pascalCase)).toEqual([
      'QueueFull',
      'LessEqual',
      'Float16',
      'Infer',
    ])
    expect(['MetaBlock', 'deadline_ms', 'isNonBatching'].map(snakeCase)).toEqual([
      'meta_block',
      'deadline_ms',
      'is_non_batching',
    ])
    expect([quote('a'), quote("it's")]).toEqual(["'a'", '"it\'s"'])
  })
})
