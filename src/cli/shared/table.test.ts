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

describe('a table on a terminal', () => {
  const columns = [{ title: 'model' }, { title: 'inputs' }, { title: 'tags' }]
  const rows = [
    ['wine', 'x'.repeat(200), 'a, b'],
    ['a-model-with-a-long-name', 'y', 'c'.repeat(90)],
  ]

  it.each([80, 100, 120])('fits %i columns: the widest are cut and say so', (width) => {
    const lines = formatTable(columns, rows, width).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width)
    expect(lines[1]).toMatch(/^wine +x+… {2}a, b$/)
    expect(lines[2]).toContain('a-model-with-a-long-name')
  })

  it('cuts a name and a number when nothing else can be cut, and shortens before it cuts', () => {
    const day = { title: 'day', of: (cell: string) => cell.slice(0, 4) }
    const kept = [{ title: 'model', isKept: true }, { title: 'at (utc)', short: day }, { title: 'inputs' }]
    const name = 'n'.repeat(30)
    const cells = [[name, '2026-01-02', 'x'.repeat(20)]]
    expect(formatTable(kept, cells, 64).split('\n')[1]).toBe(`${name}  2026-01-02  ${'x'.repeat(20)}`)
    expect(formatTable(kept, cells, 60).split('\n')).toEqual([
      `${'MODEL'.padEnd(30)}  DAY   INPUTS`,
      `${name}  2026  ${'x'.repeat(20)}`,
    ])
    expect(formatTable(kept, cells, 44).split('\n')[1]).toBe(`${name}  2026  xxxxx…`)
    expect(formatTable(kept, cells, 30).split('\n')[1]).toBe(`${'n'.repeat(15)}…  2026  xxxxx…`)
  })

  it('is not cut in a file, nor where it fits', () => {
    expect(formatTable(columns, rows)).toContain('x'.repeat(200))
    expect(formatTable(columns, rows, 500)).toBe(formatTable(columns, rows))
  })
})
