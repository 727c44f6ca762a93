import { describe, expect, it } from 'vitest'
import { cellsOf, columnOf, packStrings, packTexts } from './column.js'

const encoder = new TextEncoder()

describe('columns: texts', () => {
  it.each([
    [[]],
    [['']],
    [['red', '', 'white']],
    [['rosé', 'a', '火', '']],
    [['\ud83d', '\ude00', '\ufeffx']],
    [['\ufeff', 'a']],
  ])('%o: packed together as each by itself, and read back so', (texts) => {
    const alone = packTexts(texts.map((text) => encoder.encode(text)))
    expect(packStrings(texts)).toEqual(alone)
    const shown = texts.map((text) => new TextDecoder().decode(encoder.encode(text)))
    expect(cellsOf({ dtype: 'string', shape: [texts.length], ...alone, validity: null })).toEqual(shown)
  })

  it('a part of a column, and missing ones', () => {
    const { data, offsets } = packStrings(['before', 'a', 'bc', 'behind'])
    const part = { dtype: 'string' as const, shape: [2], data, offsets: offsets.slice(1, 4), validity: null }
    expect(cellsOf(part)).toEqual(['a', 'bc'])
    expect(cellsOf(columnOf('string', ['a', null, 'é']))).toEqual(['a', null, 'é'])
    expect(cellsOf(columnOf('string', ['a', null, 'b']))).toEqual(['a', null, 'b'])
  })

  it('bytes that are no UTF-8: replaced where they stand, and never joined over two texts', () => {
    const data = Uint8Array.of(0xff, 0xc3, 0xa9)
    const column = { dtype: 'string' as const, shape: [3], data, offsets: Int32Array.of(0, 1, 2, 3), validity: null }
    expect(cellsOf(column)).toEqual(['\ufffd', '\ufffd', '\ufffd'])
  })
})
