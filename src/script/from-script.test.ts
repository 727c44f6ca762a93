import { describe, expect, it } from 'vitest'
import type { Dtype } from '../tensor/tensor.js'
import { cellsOf, columnOf, type ColumnType } from '../transforms/draft/column.js'
import { fromScript } from './from-script.js'
import { toScript } from './to-script.js'

const type = (name: string, dtype: Dtype, isNullable = false, shape: number[] = []): ColumnType => ({
  name,
  dtype,
  isNullable,
  shape,
})
const answer = (of: ColumnType, values: unknown, rows = 2) =>
  cellsOf(fromScript('score.ts', [of], { [of.name]: values }, rows)[0]!)

describe('from-script: values', () => {
  it.each([
    ['float32', Float32Array.of(1.5, NaN), [1.5, NaN]],
    ['float32', [1.5, null], [1.5, NaN]],
    ['float32', Float64Array.of(0.1, Infinity), [Math.fround(0.1), Infinity]],
    ['float64', [0.1, undefined], [0.1, NaN]],
    ['float16', Float32Array.of(1.5, -2), [1.5, -2]],
    ['bfloat16', [1.5, null], [1.5, NaN]],
    ['int8', [-128, 127n], [-128, 127]],
    ['uint8', Uint8Array.of(0, 255), [0, 255]],
    ['uint16', Float64Array.of(7, 65535), [7, 65535]],
    ['int64', [2 ** 53 - 1, -(2n ** 63n)], [BigInt(2 ** 53 - 1), -(2n ** 63n)]],
    ['uint64', BigUint64Array.of(0n, 2n ** 64n - 1n), [0n, 2n ** 64n - 1n]],
    ['bool', [true, 0], [true, false]],
    ['bool', Uint8Array.of(1, 0), [true, false]],
    ['string', ['é', ''], ['é', '']],
  ] as const)('%s: takes %o', (dtype, values, cells) => {
    expect(answer(type('a', dtype), values)).toEqual(cells)
  })

  it.each(['int32', 'int64', 'bool', 'string'] as const)('%s?: null and a hole are missing', (dtype) => {
    expect(answer(type('a', dtype, true), [null, undefined])).toEqual([null, null])

    expect(answer(type('a', dtype, true), [, null])).toEqual([null, null])
  })

  it('a row of several elements: as many values a row', () => {
    const [column] = fromScript('s', [type('a', 'int32', false, [2])], { a: [1, 2, 3, 4] }, 2)
    expect(column?.shape).toEqual([2, 2])
  })

  it('what it answers is copied: a script may keep its array, and a part of one is only a part', () => {
    const whole = Buffer.from([9, 1, 2, 9])
    const [column] = fromScript('s', [type('a', 'uint8')], { a: whole.subarray(1, 3) }, 2)
    whole.fill(0)
    expect([...(column?.data as Uint8Array)]).toEqual([1, 2])
    expect(column?.data.buffer.byteLength).toBe(2)
  })
})

describe('from-script: refusals', () => {
  const script = 'score.ts'
  it.each([
    ['int32', [1, 7.5], `Expected a of ${script} to be int32 but received 7.5 in row 1`],
    ['int32', [2 ** 40, 1], `Expected a of ${script} to be int32 but received 1099511627776 in row 0`],
    ['int32', Float32Array.of(1, NaN), `Expected a of ${script} to be int32 but received NaN in row 1`],
    [
      'int32',
      [1, null],
      `Expected a of ${script} to be int32 but received null in row 1. Declare it as int32? if it may be missing`,
    ],
    ['uint8', [1, -1], `Expected a of ${script} to be uint8 but received -1 in row 1`],
    ['int64', [2 ** 60, 1], `Expected a of ${script} to be int64 but received 1152921504606847000 in row 0`],
    ['float32', [1e39, 1], `Expected a of ${script} to be float32 but received 1e+39 in row 0`],
    ['float16', [65536, 1], `Expected a of ${script} to be float16 but received 65536 in row 0`],
    ['float32', ['1', 1], `Expected a of ${script} to be float32 but received "1" in row 0`],
    ['bool', [2, true], `Expected a of ${script} to be bool but received 2 in row 0`],
    ['string', ['x', 1], `Expected a of ${script} to be string but received 1 in row 1. Use String(value)`],
    ['string', [1], `Expected a of ${script} to have 2 values, one a row, but it has 1 for 2 rows`],
    ['string', 'ab', `Expected a of ${script} to be string, an array but received "ab"`],
    ['float32', undefined, `Expected a of ${script} to be float32, an array but received undefined`],
  ] as const)('%s: refuses %o', (dtype, values, sentence) => {
    expect(() => answer(type('a', dtype), values)).toThrow(
      expect.objectContaining({ code: 'ERR_SCRIPT_FAILED', message: sentence }) as Error,
    )
  })

  it.each([
    [null, 'to answer columns by name but received null'],
    [[1, 2], 'to answer columns by name but received an array of 2 elements'],
    [new Float32Array(2), 'to answer columns by name but received Float32Array of 8 bytes'],
    [{ ratoi: [1] }, 'to answer ratio but it answered "ratoi" as well. Did you mean ratio?'],
    [{ ratio: [1], z: [1] }, 'to answer ratio but it answered "z" as well. Declare it in the outputs of the step'],
  ])('an answer of %o: %s', (value, sentence) => {
    expect(() => fromScript(script, [type('ratio', 'float32')], value, 1)).toThrow(`Expected ${script} ${sentence}`)
  })
})

describe('to-script', () => {
  it.each([
    ['float32', false, Float32Array.of(1, NaN)],
    ['int64', false, BigInt64Array.of(1n, 0n)],
    ['bool', false, Uint8Array.of(1, 0)],
    ['float16', false, Float32Array.of(1, NaN)],
    ['int32', true, [1, null]],
    ['int64', true, [1n, null]],
    ['bool', true, [true, null]],
    ['string', true, ['1', null]],
  ] as const)('%s, nullable %s', (dtype, isNullable, expected) => {
    const second = isNullable || dtype.startsWith('float') ? null : 0
    const first = dtype === 'bool' && isNullable ? true : dtype === 'string' ? '1' : dtype === 'int64' ? 1n : 1
    const column =
      dtype === 'float16'
        ? { ...columnOf(dtype, [0, 0]), data: Uint16Array.of(0x3c00, 0x7e00) }
        : columnOf(dtype, [first, second])
    expect(toScript(type('a', dtype, isNullable), column)).toEqual(expected)
  })
})
