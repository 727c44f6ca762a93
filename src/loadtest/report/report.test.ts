import { describe, expect, it } from 'vitest'
import { compareRecordings } from './compare.js'
import { finishedEvent, intervalEvent, kindReport, recording } from '../testing/recordings.js'
import { writeComparisonReport } from './comparison-report.js'
import { linearAxis, logAxis, spanAxis } from './axis.js'
import { writeReport } from './report.js'

/** Tags that are open at the end, or closed without having been opened. */
function unbalanced(html: string): string[] {
  const open: string[] = []
  for (const [, slash, name = ''] of html.replace(/<!doctype[^>]*>/, '').matchAll(/<(\/?)([a-z0-9]+)[^>]*>/gi)) {
    if (name === 'meta') continue
    if (slash === '') open.push(name)
    else if (open.pop() !== name) return [`</${name}>`]
  }
  return open
}

const hostile = '</title><script>alert(1)</script> & "quoted" \'x\''
const poisoned = recording(
  {
    name: hostile,
    server: hostile,
    url: hostile,
    machine: { ...recording().header.machine, cpu: hostile, node: hostile },
    requests: [{ ...recording().header.requests[0]!, name: hostile, pipeline: hostile, remark: hostile }],
  },
  finishedEvent({ kinds: [kindReport({ name: hostile, failures: 3, firstFailure: hostile })] }),
)

describe('report', () => {
  it('has every chart, the table and the settings', () => {
    const html = writeReport(recording({ objective: { p99Ms: 5, failureShareMax: 0.01 } }))
    const captions = [...html.matchAll(/<figcaption>([^<]+)</g)].map(([, caption]) => caption)
    expect(captions).toEqual([
      'Requests per second',
      'Latency, ms',
      'Distribution of latency',
      'Rows of a batch',
      'CPU, cores in use',
      'CPU seconds per 1,000 requests',
      'The server&#39;s memory (RSS)',
      'Time in the server',
    ])
    expect(html.match(/<svg /g)).toHaveLength(7)
    for (const text of [
      '1000 of 1000 answers',
      'Within p99 &lt;= 5 ms',
      '2 s: closed loop',
      'a CPU, 2 cores',
      '100 batches',
    ])
      expect(html).toContain(text)
    expect(unbalanced(html)).toEqual([])
  })

  it('needs nothing from outside: no script, no link, no address but those of namespaces', () => {
    const html = writeReport(recording({ url: '' }))
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|https?:|\bsrc=|\bhref=/)
  })

  it('escapes every text that comes from outside', () => {
    for (const html of [
      writeReport(poisoned),
      writeComparisonReport([poisoned, poisoned], [hostile, hostile], compareRecordings(poisoned, poisoned)),
    ]) {
      expect(html).not.toContain('<script')
      expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot; &#39;x&#39;')
      expect(unbalanced(html)).toEqual([])
    }
  })

  it('says in place of a chart why there is none', () => {
    const unknown = { serverCpuSeconds: -1, generatorCpuSeconds: -1, serverRssBytes: -1 }
    const bare = {
      ...recording({ transport: 'oip-json' }, finishedEvent({ serverCpuSeconds: -1, serverRssBytesMax: -1 })),
      server: null,
      intervals: [0, 1, 2].map((index) => intervalEvent(index, unknown)),
    }
    const html = writeReport(bare)
    expect(html.match(/Unknown: the server&#39;s process/g)).toHaveLength(3)
    expect(html.match(/Only a Penstock server tells/g)).toHaveLength(2)
    expect(html).not.toContain('NaN')
  })

  it('draws a run in which nothing was answered, and one without points over time', () => {
    const nothing = kindReport({ requests: 0, rows: 0, failures: 5, firstFailure: 'refused', histogram: [] })
    const html = writeReport({ ...recording({}, finishedEvent({ kinds: [nothing], total: nothing })), intervals: [] })
    expect(html).toContain('Not passed: nothing was answered as expected: refused')
    expect(html).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('draws a sweep by rate, with its objective', () => {
    const step = { kind: 'step' as const, servedPerSecond: 90, p50Ms: 1, failures: 0 }
    const steps = [
      { ...step, ratePerSecond: 100, p99Ms: 2, isWithin: true, reason: '' },
      { ...step, ratePerSecond: 200, p99Ms: 9, isWithin: false, reason: 'p99 is 9.00 ms' },
    ]
    const html = writeReport({ ...recording({ objective: { p99Ms: 5, failureShareMax: 0 } }), steps })
    for (const text of ['p99 and median by rate', 'p99 is 9.00 ms', 'The highest rate within p99 &lt;= 5 ms is 100'])
      expect(html).toContain(text)
  })
})

describe('axes', () => {
  it('linear: begins at zero and ends at a round number', () => {
    expect(linearAxis(0, 17_300).ticks).toEqual([0, 5000, 10_000, 15_000, 20_000])
    expect(linearAxis(0, 0).ticks.length).toBeGreaterThan(1)
    expect(linearAxis(0, 20_000).place(10_000)).toBe(0.5)
  })

  it('span: ends where the data end', () => {
    expect(spanAxis(0.25, 10.25).ticks).toEqual([2, 4, 6, 8, 10])
    expect(spanAxis(0, 0).place(0)).toBe(0)
  })

  it('log: powers of ten, and values at or below zero at the low end', () => {
    const axis = logAxis(10, 1000)
    expect(axis.place(100)).toBeCloseTo(0.5)
    expect(axis.place(0)).toBe(0)
    expect(axis.ticks).toContain(100)
  })
})
