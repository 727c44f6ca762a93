import { describe, expect, it } from 'vitest'
import { compareRecordings, ratioText } from '../report/compare.js'
import { answersCompared, parseRecording, writeRecording } from './recording.js'
import { remarksOf, verdictOf } from '../report/summary.js'
import { finishedEvent, kindReport, recording } from '../testing/recordings.js'

describe('recording', () => {
  it('reads back what was written, infinite bounds included', () => {
    const written = writeRecording(recording())
    expect(parseRecording('a.ndjson', written)).toEqual(recording())
    expect(written.split('\n')[0]).toContain('"kind":"header"')
    expect(written.trimEnd().split('\n').at(-1)).toContain('"kind":"finished"')
  })

  it.each<[string, (lines: string[]) => string[], RegExp]>([
    ['a run that was cut off', (lines) => lines.slice(0, -1), /last line of a\.ndjson .* The run was cut off/],
    ['something else', () => ['{"kind":"interval"}'], /first line of a\.ndjson to be the header/],
    ['an empty file', () => [], /first line of a\.ndjson/],
    ['a broken line', (lines) => [...lines.slice(0, 2), '{', ...lines.slice(2)], /Expected a\.ndjson:3 to be an event/],
    [
      'another format',
      (lines) => [lines[0]!.replace('"format":1', '"format":9'), ...lines.slice(1)],
      /format of a\.ndjson to be 1 but received 9. It was written by penstock/,
    ],
  ])('refuses %s', (_, change, sentence) => {
    const lines = writeRecording(recording()).trimEnd().split('\n')
    expect(() => parseRecording('a.ndjson', change(lines).join('\n'))).toThrow(sentence)
  })

  it('counts the answers of the kinds that have known ones', () => {
    const [kind] = recording().header.requests
    const requests = [kind!, { ...kind!, name: 'other', comparison: 'none' as const, remark: 'it is random' }]
    const kinds = [kindReport({ mismatches: 2 }), kindReport({ name: 'other', requests: 500 })]
    const total = kindReport({ name: 'total', requests: 1500, mismatches: 2, firstFailure: 'a wrong answer' })
    const mixed = recording({ requests }, finishedEvent({ kinds, total }))
    expect(answersCompared(mixed)).toEqual({ compared: 1002, answers: 1502 })
    expect(remarksOf(mixed)).toEqual([
      '1002 of 1502 answers were compared with a known one, 2 were wrong.',
      'wine: the first failure was: ',
      'other: answers were not compared: it is random.',
      'The server took 0.667 CPU seconds per 1,000 requests (0.50 cores); the load generator took 25 % of that. Its memory was 200 MB at most.',
    ])
    expect(verdictOf(mixed)).toBe('2 answers were wrong')
  })

  it('the verdict: an objective that is missed, one that is met, and none', () => {
    expect(verdictOf(recording())).toBe('')
    expect(verdictOf(recording({ objective: { p99Ms: 4.5, failureShareMax: 0 } }))).toBe('')
    expect(verdictOf(recording({ objective: { p99Ms: 3, failureShareMax: 0 } }))).toBe(
      'the objective of p99 <= 3 ms was missed: p99 is 4.00 ms',
    )
  })
})

describe('comparison', () => {
  it('prints ratios of the second to the first, phases included', () => {
    const faster = recording({}, finishedEvent({ seconds: 1, serverCpuSeconds: -1 }))
    const { figures, warnings } = compareRecordings(recording(), faster)
    const ratioOf = (name: string) => ratioText(figures.find((figure) => figure.name === name)?.ratio ?? null)
    expect(ratioOf('requests/s')).toBe('2×')
    expect(ratioOf('p99 ms')).toBe('1×')
    expect(ratioOf('run, median ms')).toBe('1×')
    expect(ratioOf('server CPU s per 1,000 requests')).toBe('-')
    expect(warnings).toEqual([])
  })

  it('warns of everything that makes the ratios say less', () => {
    const machine = { ...recording().header.machine, cores: 8, node: 'v22.0.0', loadAtStart: 5 }
    const other = recording({
      machine,
      transport: 'http-json',
      connections: 8,
      phases: [],
      requests: [],
      name: 'b',
      seed: 2,
    })
    const { warnings } = compareRecordings(recording(), other)
    const subjects = [
      'machine differs',
      'Node differs',
      'transport differs',
      'connections differs',
      'seed differs',
      'phases differ',
      'mix of requests differs',
      'Other work disturbed b',
    ]
    for (const subject of subjects) expect(warnings.join('\n')).toContain(subject)
    expect(warnings).toHaveLength(subjects.length)
  })
})
