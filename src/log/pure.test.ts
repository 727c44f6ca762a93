/** The pure parts: names, sizes, cursors, retention. */
import { describe, expect, it } from 'vitest'
import { decodeCursor, encodeCursor, orderOfCursor, type LogPosition } from './cursor.js'
import { parseDataSize } from './data-size.js'
import { expiredSegments } from './segments/retention.js'
import { newestForms, type Segment } from './segments/segment-list.js'
import {
  liveName,
  parquetName,
  parseRetiredName,
  parseSegmentName,
  retiredName,
  sealedName,
} from './segments/segment-name.js'

describe('segment names', () => {
  it('say what they are; others are none', () => {
    const sealed = sealedName(7, 5, 9, 3)
    expect(sealed).toBe('0000000007-5-9-3.arrows')
    expect(parseSegmentName(sealed)).toEqual({ seq: 7, form: 'sealed', firstMs: 5, lastMs: 9, rows: 3 })
    expect(parseSegmentName(parquetName(sealed))).toMatchObject({ form: 'parquet', rows: 3 })
    expect(parseSegmentName(liveName(7))).toMatchObject({ seq: 7, form: 'live', rows: null })
    expect(parseRetiredName(retiredName(7))).toBe(7)
    for (const other of ['7.arrows', '0000000007.parquet', `${sealed}.tmp`, '0000000007.retired', 'audit.ndjson'])
      expect(parseSegmentName(other), other).toBeNull()
  })

  it('a segment that is there in several forms counts once, in the latest', () => {
    const sealed = sealedName(1, 5, 9, 3)
    const files = [parquetName(sealed), liveName(1), sealed, liveName(0)]
    expect(newestForms(files).map(([file]) => file)).toEqual([liveName(0), parquetName(sealed)])
  })
})

describe('data sizes', () => {
  it.each([
    ['100MB', 100_000_000],
    ['10 MiB', 10_485_760],
    ['10MiB', 10_485_760],
    ['1.5 kib', 1536],
    ['2TiB', 2 * 1024 ** 4],
    ['7B', 7],
  ])('%s is %d bytes', (text, bytes) => expect(parseDataSize('size', text)).toBe(bytes))

  it.each(['', '10', 'MB', '-1MB', '1 XB', '0B', '10 M', 10])('%j is none', (value) => {
    expect(() => parseDataSize('size', value)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
  })
})

describe('cursors', () => {
  const positions: LogPosition[] = [
    { order: 'desc', versions: new Map([[1, { seq: 4, row: 17 }]]) },
    { order: 'desc', versions: new Map() },
    {
      order: 'asc',
      versions: new Map([
        [
          2,
          {
            past: 3,
            rows: new Map([
              [3, 10],
              [5, 2],
            ]),
          },
        ],
      ]),
    },
  ]
  it.each(positions)('are read as they were written: %j', (position) => {
    const cursor = encodeCursor(position)
    expect(decodeCursor(cursor, position.order)).toEqual(position)
    expect(orderOfCursor(cursor)).toBe(position.order)
  })

  it.each([
    'x',
    '',
    'x'.repeat(70_000),
    ...['7', '["up"]', '["desc",[1,2]]', '["desc",[1,2,-3]]', '["desc",7]', '["asc",[1]]'].map((text) =>
      Buffer.from(text).toString('base64url'),
    ),
  ])('nobody else can write them: %#', (cursor) => {
    const order =
      Buffer.from(cursor, 'base64url').toString().startsWith('["asc"') && cursor.length > 12 ? 'asc' : 'desc'
    expect(() => decodeCursor(cursor, order)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
  })
})

describe('retention', () => {
  const segment = (seq: number, lastMs: number, form: Segment['form'] = 'parquet'): Segment => ({
    version: 1,
    seq,
    form,
    firstMs: 0,
    lastMs,
    rows: 1,
    path: String(seq),
  })
  const hourMs = 3_600_000
  const seqs = (segments: Segment[]): number[] => segments.map(({ seq }) => seq)

  it('what is too old goes, what is written stays', () => {
    const sized = [segment(0, 0), segment(1, 5 * hourMs), segment(2, 9 * hourMs), segment(3, 0, 'live')].map(
      (each) => ({
        segment: each,
        sizeBytes: 10,
      }),
    )
    expect(seqs(expiredSegments(sized, { ageHours: 4 }, 10 * hourMs))).toEqual([0, 1])
    expect(seqs(expiredSegments(sized, {}, 10 * hourMs))).toEqual([])
  })

  it('the oldest go until the rest is small enough, the live segment counted', () => {
    const sized = [segment(1, 2), segment(0, 1), segment(2, 3), segment(3, 0, 'live')].map((each) => ({
      segment: each,
      sizeBytes: 100,
    }))
    expect(seqs(expiredSegments(sized, { bytes: 250 }, 10))).toEqual([0, 1])
    expect(seqs(expiredSegments(sized, { bytes: 400 }, 10))).toEqual([])
    expect(seqs(expiredSegments(sized, { bytes: 1 }, 10))).toEqual([0, 1, 2])
  })
})
