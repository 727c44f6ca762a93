import { describe, expect, it } from 'vitest'
import { formatBytes, formatField, formatTable, formatTime } from './table.js'

describe('table', () => {
  it('formatTable: aligns columns under capital titles, without trailing blanks', () => {
    const columns = [{ title: 'model' }, { title: 'rows', align: 'right' }, { title: 'tags' }] as const
    expect(
      formatTable(columns, [
        ['ccfraud', '7', ''],
        ['m', '1200', 'a, b'],
      ]),
    ).toBe(['MODEL    ROWS  TAGS', 'ccfraud     7', 'm        1200  a, b'].join('\n'))
    expect(formatTable(columns, [])).toBe('MODEL  ROWS  TAGS')
  })

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [429_432, '419 KiB'],
    [1024 * 1024 * 1.5, '1.5 MiB'],
    [2 ** 31 - 1, '2.0 GiB'],
    [2 ** 42, '4096 GiB'],
  ])('formatBytes: %i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it('formatField, formatTime: write signatures and times as everywhere', () => {
    expect(formatField({ name: 'image', dtype: 'float32', shape: [null, 8, 8] })).toBe('image float32[n,8,8]')
    expect(formatField({ name: 'x', dtype: 'int64', shape: [] })).toBe('x int64[]')
    expect(formatTime('2026-11-21T08:30:05.123Z')).toBe('2026-11-21 08:30:05')
  })
})
