/** The rules of https://www.w3.org/TR/trace-context/, and what becomes of a meta that breaks them. */
import { describe, expect, it } from 'vitest'
import { decodeMetaBlock, encodeMetaBlock, type Meta } from './meta.js'
import { parseTraceparent, traceparentOf, withValidTrace } from './trace-context.js'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parentId = 'b7ad6b7169203331'
const valid = `00-${traceId}-${parentId}-01`

describe('trace context: traceparent', () => {
  it.each([
    ['version 00', valid],
    ['flags that are not known yet', `00-${traceId}-${parentId}-ff`],
    ['not sampled', `00-${traceId}-${parentId}-00`],
    ['ids with many zeros', `00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-00`],
    ['a later version', `cc-${traceId}-${parentId}-01`],
    ['the highest version', `fe-${traceId}-${parentId}-01`],
  ])('%s is kept as it came', (_, text) => {
    expect(parseTraceparent(text)).toBe(text)
  })

  it.each([
    ['more parts', `cc-${traceId}-${parentId}-01-what-the-future-will-be-like`],
    ['an empty fifth part', `cc-${traceId}-${parentId}-01-`],
    ['a very long fifth part', `cc-${traceId}-${parentId}-01-${'x'.repeat(10_000)}`],
  ])('a later version with %s is taken by its first four', (_, text) => {
    expect(parseTraceparent(text)).toBe(`cc-${traceId}-${parentId}-01`)
  })

  it.each([
    ['nothing', ''],
    ['version ff', `ff-${traceId}-${parentId}-01`],
    ['an upper-case version', `CC-${traceId}-${parentId}-01`],
    ['an upper-case trace id', `00-${traceId.toUpperCase()}-${parentId}-01`],
    ['an upper-case parent id', `00-${traceId}-${parentId.toUpperCase()}-01`],
    ['upper-case flags', `00-${traceId}-${parentId}-0A`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${parentId}-01`],
    ['a parent id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['a short trace id', `00-${traceId.slice(1)}-${parentId}-01`],
    ['a long trace id', `00-${traceId}0-${parentId}-01`],
    ['a short parent id', `00-${traceId}-${parentId.slice(1)}-01`],
    ['no flags', `00-${traceId}-${parentId}`],
    ['flags of one digit', `00-${traceId}-${parentId}-1`],
    ['flags of three digits', `00-${traceId}-${parentId}-011`],
    ['digits that are not hex', `00-${traceId.replace('a', 'g')}-${parentId}-01`],
    ['a version of one digit', `0-${traceId}-${parentId}-01`],
    ['another separator', valid.replaceAll('-', '_')],
    ['version 00 with more behind it', `${valid}-more`],
    ['version 00 with an empty fifth part', `${valid}-`],
    ['a later version whose flags run on', `cc-${traceId}-${parentId}-01.more`],
    ['a space before it', ` ${valid}`],
    ['a space behind it', `${valid} `],
    ['a line behind it', `${valid}\n`],
    ['two of them, as repeated headers are joined', `${valid}, ${valid}`],
  ])('%s is invalid', (_, text) => {
    expect(parseTraceparent(text)).toBeNull()
  })
})

describe('trace context: in a meta', () => {
  const state = 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'

  it.each<[string, Meta, Meta]>([
    [
      'keeps both, and all other keys',
      { a: 1, traceparent: valid, tracestate: state },
      { a: 1, traceparent: valid, tracestate: state },
    ],
    ['drops an invalid parent with its state', { a: 1, traceparent: 'no', tracestate: state }, { a: 1 }],
    ['drops a state without a parent', { a: 1, tracestate: state }, { a: 1 }],
    ['drops a parent that is a number', { traceparent: 1, tracestate: state }, {}],
    [
      'keeps a state of 512 characters',
      { traceparent: valid, tracestate: 'x'.repeat(512) },
      { traceparent: valid, tracestate: 'x'.repeat(512) },
    ],
    [
      'drops a state of 513, and keeps the parent',
      { traceparent: valid, tracestate: 'x'.repeat(513) },
      { traceparent: valid },
    ],
    ['drops an empty state', { traceparent: valid, tracestate: '' }, { traceparent: valid }],
    ['keeps one parent per row', { traceparent: [valid, valid] }, { traceparent: [valid, valid] }],
    ['drops all when one row has an invalid one', { traceparent: [valid, 'no'] }, {}],
    [
      'cuts what a later version has behind it',
      { traceparent: `cc${valid.slice(2)}-x` },
      { traceparent: `cc${valid.slice(2)}` },
    ],
  ])('%s', (_, given, kept) => {
    expect(withValidTrace(given)).toEqual(kept)
    const block = encodeMetaBlock(given, 2)
    expect(block === null ? {} : { ...decodeMetaBlock(block) }).toEqual(kept)
  })

  it('is none of the keys that are counted: a proxy that adds it makes no request too large', () => {
    const keys = (count: number): Meta => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at]))
    const traced = (count: number): Meta => ({ ...keys(count), traceparent: valid, tracestate: state })
    expect(encodeMetaBlock(traced(64), 1)).not.toBeNull()
    expect(() => encodeMetaBlock(traced(65), 1)).toThrow(/at most 64 keys/)
  })

  it('accepts one parent for the whole request only', () => {
    const all = [{ traceparent: valid }, { traceparent: 'no' }, { traceparent: [valid] }, {}, undefined]
    expect(all.map(traceparentOf)).toEqual([valid, undefined, undefined, undefined, undefined])
  })
})
