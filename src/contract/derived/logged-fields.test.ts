import { describe, expect, test } from 'vitest'
import { EXTRA_KEY, extraText, loggedFields, loggedKeysOf, loggedTexts } from './logged-fields.js'
import { NearNames } from '../near-names.js'
import { parseContract } from '../parse.js'
import { resolveContract } from '../resolve.js'

const contractOf = (fields: readonly object[], extra = 'log') =>
  resolveContract(parseContract({ fields: [{ name: 'x', dtype: 'float32' }, ...fields], extra }, 'c'))

describe('logged fields', () => {
  test('are entities and the timestamp, single values, the first eight', () => {
    const contract = contractOf([
      { name: 'when', dtype: 'date', role: 'timestamp' },
      { name: 'note', dtype: 'string', role: 'passthrough' },
      ...Array.from({ length: 9 }, (_, at) => ({ name: `id${at}`, dtype: 'string', role: 'entity' })),
    ])
    const names = ['when', ...Array.from({ length: 7 }, (_, at) => `id${at}`)]
    expect(loggedFields(contract).map(({ name }) => name)).toEqual(names)
    expect(loggedKeysOf(contract, ['id0'])).toEqual([...names.filter((name) => name !== 'id0'), EXTRA_KEY])
    expect(loggedKeysOf(contractOf([], 'ignore'), [])).toEqual([])
  })

  test('are texts a row, missing ones empty', () => {
    const column = { name: 'd', shape: [], offsets: null, validity: Uint8Array.of(1, 0), rows: 2 }
    expect(loggedTexts({ ...column, dtype: 'date', data: Int32Array.of(20484, 0) }, 2)).toEqual(['2026-01-31', ''])
    expect(loggedTexts({ ...column, dtype: 'int64', data: BigInt64Array.of(-(2n ** 60n), 0n) }, 2)).toEqual([
      '-1152921504606846976',
      '',
    ])
  })

  test('have members that are no field in at most 1024 characters, whatever they hold', () => {
    expect(extraText(new Map())).toBe('')
    const all = new Map<string, unknown>([
      ['a"', 2n ** 60n],
      ['b', Infinity],
      ['c', undefined],
      ['d', false],
    ])
    expect(extraText(all)).toBe('{"a\\"":"1152921504606846976","b":null,"c":null,"d":false}')
    const wide = new Map(Array.from({ length: 64 }, (_, at) => [`${at}${'\u0001'.repeat(300)}`, 'x'.repeat(300)]))
    const text = extraText(wide)
    expect(text.length).toBeLessThanOrEqual(1024)
    expect(JSON.parse(text)).toHaveProperty('…')
  })
})

test('near names: compares so many of a request, and proposes nothing behind', () => {
  const near = new NearNames(5)
  expect(near.closest('colour', ['color', 'size'])).toBe('color')
  expect(near.closest('colour', ['a', 'b', 'c', 'color'])).toBeNull()
  expect(near.closest('colour', ['color', 'b', 'c'])).toBe('color')
  expect(near.closest('colour', ['color'])).toBeNull()
})
