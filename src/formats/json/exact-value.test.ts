/** What JSON.parse would lose is kept, and what it would let pass is refused. */
import { describe, expect, it } from 'vitest'
import { readExactValue } from './exact-value.js'
import { JsonReader } from './json-reader.js'

const read = (text: string): unknown => readExactValue(new JsonReader(Buffer.from(text)))

describe('readExactValue', () => {
  it.each([
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-18446744073709551616', -18446744073709551616n],
    ['1e300', 1e300],
    ['9007199254740993.0', 9007199254740992],
    ['0.1', 0.1],
  ])('%s is %s', (text, value) => {
    expect(read(text)).toBe(value)
  })

  it('keeps objects, lists, words and texts, and names that an object has by nature', () => {
    const text = '{"a":[1,{"b":null}],"__proto__":true,"t":"ü\\n","e":{},"l":[]}'
    expect(JSON.stringify(read(text))).toBe(text)
  })

  it.each(['{"a":1,"a":2}', '[1,]', 'NaN', '[1e999]', '[01]', `${'['.repeat(2000)}`])('refuses %s', (text) => {
    expect(() => read(text)).toThrow(/Expected/)
  })
})
