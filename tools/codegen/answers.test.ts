/**
 * The generators of answers: a row of one table is all that a new field takes, and tables that contradict themselves are
 * refused. What the mapping and the schemas make of a table is tested beside them.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { answersPage } from './answer-docs.mjs'
import { readAnswers } from './answers.mjs'
import { answerOutputs, answerSources } from './generate.mjs'

type Make = (texts: string[], sources: string[], page: string) => string

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const sources = answerSources
const texts = sources.map(read)
const page = read('docs/reference/http.md')
const make = (target: string, changed: string[]): string => {
  const output = answerOutputs.find((candidate) => candidate.target.endsWith(target))
  return (output?.make as Make)(changed, sources, page)
}

/** The tables with one row more. */
const withRow = (object: string, row: string): string[] =>
  texts.map((text) => text.replace(new RegExp(`("${object}": \\{[^]*?"fields": \\{)`), `$1\n${row},`))

/** Lines that are in the one and not in the other. */
const addedLines = (target: string, changed: string[]): string[] => {
  const before = new Set(make(target, texts).split('\n'))
  return make(target, changed)
    .split('\n')
    .filter((line) => !before.has(line))
}

describe('codegen: answers', () => {
  it('answers: one row becomes a field of the JSON, a member of the record, a row of the run-time table and of the page', () => {
    const row =
      '"wait_ms": {"type": "number | null", "unit": "milliseconds", "record": "isWaiting", "does": "How long"}'
    const changed = withRow('ModelStatus', row)
    expect(addedLines('answers.ts', changed)).toEqual([
      '  /** How long, in milliseconds. */',
      '  readonly wait_ms: number | null',
    ])
    expect(addedLines('records.ts', changed)).toEqual([
      '  /** How long, in milliseconds. */',
      '  readonly isWaiting: number | null',
    ])
    expect(addedLines('tables.ts', changed)).toEqual([
      expect.stringContaining(`{ name: 'wait_ms', record: ["isWaiting"], type: {"kind":"nullable"`),
    ])
    expect(addedLines('http.md', changed)).toEqual(['| `wait_ms` | number or null | How long, in milliseconds |'])
    expect(addedLines('records-by-name.ts', changed)).toEqual([])
  })

  it('answers: a row within a part, an optional one and one of an earlier release', () => {
    const inPart = withRow(
      'BatchingState',
      '"odd_runs": {"type": "count", "record": "batchingCounts.oddRuns", "does": "Odd"}',
    )
    expect(addedLines('records.ts', inPart)).toEqual(['  /** Odd. */', '  readonly oddRuns: number'])
    const optional = withRow('Model', '"made_at": {"type": "time", "optional": true, "does": "When it is made"}')
    expect(addedLines('records.ts', optional)).toEqual([
      '  /** When it is made. ISO 8601, UTC. */',
      '  readonly madeAt?: string',
    ])
    const absent = withRow('Model', '"row_limit": {"type": "count", "absent": 0, "does": "Rows"}')
    expect(addedLines('answers.ts', absent)).toContain('  readonly row_limit?: number')
    expect(addedLines('records.ts', absent)).toContain('  readonly rowLimit: number')
  })

  it('answers: every output is the same twice, and names its source', () => {
    for (const { target } of answerOutputs) {
      expect(make(target, texts)).toBe(make(target, texts))
      expect(make(target, texts)).toMatch(/src\/protocol\/answers/)
    }
  })

  it('answers: the page keeps all but its tables, and is refused without its marks', () => {
    expect(make('http.md', texts)).toBe(page)
    const stale = page.replace('| `size_bytes` |', '| `bytes` |')
    expect(answersPage(texts, sources, stale)).toBe(page)
    expect(() => answersPage(texts, sources, page.replace('<!-- answers: end -->', ''))).toThrow(/one <!-- answers/)
  })

  it.each([
    ['a type that there is not', '"a": {"type": "texts", "does": "A"}', /known type/],
    ['a key that there is not', '"a": {"type": "text", "dose": "A"}', /known keys/],
    ['a name in camelCase', '"aB": {"type": "text", "does": "A"}', /snake_case/],
    ['a row that says nothing', '"a": {"type": "text"}', /say what it does/],
    ['a sentence with a full stop', '"a": {"type": "text", "does": "A."}', /full stop/],
    ['two rows in one place of the record', '"a": {"type": "text", "record": "name", "does": "A"}', /name twice/],
    ['a place . outside of the object', '"a": {"type": "RunThreads", "record": ".", "does": "A"}', /within it/],
    ['a part without a type', '"a": {"type": "text", "record": "b.a", "does": "A"}', /in parts/],
    ['two ways to be absent', '"a": {"type": "text", "optional": true, "absent": "", "does": "A"}', /one of optional/],
    ['a choice among mapped objects', '"a": {"type": "Status | Model", "does": "A"}', /same names/],
    ['a choice among words', '"a": {"type": "text | count", "does": "A"}', /name objects/],
  ])('answers: refuse %s', (_what, row, message) => {
    expect(() => make('records.ts', withRow('ModelStatus', row))).toThrow(message)
  })

  it('answers: refuse a name twice, and records of one name with other members', () => {
    const again = (text: string): string => JSON.stringify({ title: 'More', objects: JSON.parse(text) as object })
    const object = '{"A": {"does": "A", "record": "ReportedModel", "fields": {"a": {"type": "text", "does": "A"}}}}'
    expect(() => readAnswers([...texts, again(object.replace('"A"', '"Model"'))], [...sources, 'x'])).toThrow(
      /Model twice/,
    )
    expect(() => make('records.ts', [...texts, again(object)])).toThrow(/ReportedModel to have its members/)
  })
})
