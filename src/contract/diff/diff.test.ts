/** What breaks callers: a table of single changes, and rows that a compatible change must go on taking. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.js'
import { checkRows } from '../check-row.js'
import type { Contract } from '../contract.js'
import { RowGenerator } from '../derived/generate.js'
import { parseContract } from '../parse.js'
import { resolveContract } from '../resolve.js'
import { diffContracts, failsOn } from './diff.js'
import { diffMarkdown, diffText } from './print.js'

const seed = 20270315
const contract = (fields: readonly object[], rest: object = {}): Contract => parseContract({ fields, ...rest }, 'c')
const x = { name: 'x', dtype: 'int32' }
const y = { name: 'y', dtype: 'float32', role: 'prediction' }
/** `level member` of each change. */
const changes = (before: readonly object[], after: readonly object[], head: object = {}, base: object = {}): string[] =>
  diffContracts(contract(before, base), contract(after, head)).changes.map(
    ({ level, field, member }) => `${level} ${field} ${member}`,
  )

describe('a difference of contracts', () => {
  it.each<[string, object, object, string[]]>([
    ['a wider integer', {}, { dtype: 'int64' }, ['compatible x dtype']],
    ['a narrower one', {}, { dtype: 'int16' }, ['breaking x dtype']],
    ['an unsigned one', {}, { dtype: 'uint32' }, ['breaking x dtype']],
    ['a float for an integer', {}, { dtype: 'float64' }, ['compatible x dtype']],
    ['a text for an integer', {}, { dtype: 'string' }, ['breaking x dtype']],
    ['a value that may be missing', {}, { dtype: 'int32?' }, ['compatible x dtype']],
    ['one that may not', { dtype: 'int32?' }, {}, ['breaking x dtype']],
    ['one that is imputed', { dtype: 'int32?' }, { impute: 3 }, ['compatible x dtype']],
    ['another imputed value', { impute: 2 }, { impute: 3 }, ['compatible x impute']],
    ['an optional member', {}, { dtype: 'int32?', required: false }, ['compatible x dtype', 'compatible x required']],
    ['a required one', { dtype: 'int32?', required: false }, { dtype: 'int32?' }, ['breaking x required']],
    ['a new bound', {}, { min: 0 }, ['breaking x min']],
    ['no bound', { min: 0 }, {}, ['compatible x min']],
    ['a narrower bound', { max: 9 }, { max: 8 }, ['breaking x max']],
    ['a wider bound', { min: 1 }, { min: 0 }, ['compatible x min']],
    ['an open bound for a closed one', { max: 9 }, { exclusiveMax: 9 }, ['breaking x exclusiveMax']],
    ['a closed one for an open one', { exclusiveMin: 9 }, { min: 9 }, ['compatible x min']],
    [
      'a removed value and a new one',
      { values: [1, 2] },
      { values: [2, 3] },
      ['breaking x values', 'compatible x values'],
    ],
    ['a new list of values', {}, { values: [1] }, ['breaking x values']],
    ['no list of values', { values: [1] }, {}, ['compatible x values']],
    ['a rule of uniqueness', {}, { unique: true }, ['breaking x unique']],
    ['another role', {}, { role: 'entity' }, ['breaking x role']],
    ['a clamp instead of a refusal', { max: 3 }, { max: 3, onInvalid: 'clamp' }, ['compatible x onInvalid']],
    ['a drop instead of a flag', { onInvalid: 'flag' }, { onInvalid: 'drop' }, ['breaking x onInvalid']],
    ['another unit', { unit: 'm' }, { unit: 'ft' }, ['breaking x unit']],
    ['a description', {}, { description: 'X' }, ['documentation x description']],
    ['nothing', { required: true }, {}, []],
  ])('of a field tells %s', (_, before, after, expected) => {
    expect(changes([{ ...x, ...before }], [{ ...x, ...after }])).toEqual(expected)
  })

  it.each<[string, object, object, string[]]>([
    ['a pattern', {}, { pattern: 'a' }, ['breaking x pattern']],
    ['no pattern', { pattern: 'a' }, {}, ['compatible x pattern']],
    [
      'lengths',
      { minLength: 2, maxLength: 9 },
      { minLength: 1, maxLength: 8 },
      ['compatible x minLength', 'breaking x maxLength'],
    ],
    ['a free dim', { shape: [2] }, { shape: [null] }, ['compatible x shape']],
    ['other dims', { shape: [2] }, { shape: [3] }, ['breaking x shape']],
  ])('of texts and lists tells %s', (_, before, after, expected) => {
    const text = { name: 'x', dtype: 'string' }
    expect(changes([{ ...text, ...before }], [{ ...text, ...after }])).toEqual(expected)
  })

  it.each<[string, object[], object[], string[]]>([
    ['another answer', [x], [x, y], ['compatible y field']],
    ['one answer less', [x, y], [x], ['breaking y field']],
    ['a wider answer', [x, y], [x, { ...y, dtype: 'float64' }], ['breaking y dtype']],
    ['a narrower answer', [x, { ...y, dtype: 'float64' }], [x, y], ['compatible y dtype']],
    ['an answer that may be null', [x, y], [x, { ...y, dtype: 'float32?' }], ['breaking y dtype']],
    ['another place', [x, y], [x, { ...y, from: { output: 0 } }], ['breaking y from']],
    ['a new required field', [x], [x, { name: 'z', dtype: 'bool' }], ['breaking z field']],
    ['a new optional field', [x], [x, { name: 'z', dtype: 'bool?', required: false }], ['compatible z field']],
    ['a removed field', [x, { name: 'z', dtype: 'bool', role: 'passthrough' }], [x], ['breaking z field']],
    [
      'an input that became an answer',
      [x, { name: 'y', dtype: 'float32' }],
      [x, y],
      ['breaking y field', 'compatible y field'],
    ],
    [
      'features in another order',
      [x, { name: 'z', dtype: 'bool' }],
      [{ name: 'z', dtype: 'bool' }, x],
      ['breaking  fields'],
    ],
  ])('of a contract tells %s', (_, before, after, expected) => {
    expect(changes(before, after)).toEqual(expected)
  })

  it('of the document tells what becomes of other members, and a removed field that is passed over', () => {
    expect(changes([x], [x], { extra: 'ignore' })).toEqual(['compatible  extra'])
    expect(changes([x], [x], {}, { extra: 'log' })).toEqual(['breaking  extra'])
    const spare = { name: 'z', dtype: 'bool', role: 'passthrough' }
    expect(changes([x, spare], [x], { extra: 'ignore' }, { extra: 'ignore' })).toEqual(['compatible z field'])
    expect(changes([x], [x], { description: 'D', example: { x: 1 } })).toEqual([
      'documentation  description',
      'documentation  example',
    ])
  })

  it('decides whether a check fails', () => {
    const [none, documented, wider, narrower] = [{}, { description: 'X' }, { dtype: 'int64' }, { max: 3 }].map((head) =>
      diffContracts(contract([x]), contract([{ ...x, ...head }])),
    )
    expect(
      [none, documented, wider, narrower].map((diff) => diff && [failsOn(diff, 'breaking'), failsOn(diff, 'any')]),
    ).toEqual([
      [false, false],
      [false, true],
      [false, true],
      [true, true],
    ])
  })

  it('is printed by its levels, with who uses the contract', () => {
    const uses = [{ kind: 'pipeline', name: 'quality', detail: 'version 2, deployed, names c@1' }] as const
    const diff = diffContracts(
      contract([{ ...x, max: 9 }]),
      contract([{ ...x, max: 8, description: 'A [wine] | b' }]),
      uses,
    )
    expect(diffText('c@1 → c@2', diff).split('\n')).toEqual([
      'c@1 → c@2: 1 breaking, 0 compatible, 1 of documentation',
      '',
      'Breaking:',
      '  x: max 9 became max 8, which refuses values that were taken',
      '',
      'Documentation:',
      '  x: the description changed from none to "A [wine] | b"',
      '',
      'Used by:',
      '  pipeline quality: version 2, deployed, names c@1',
    ])
    expect(diffMarkdown('c@1 → c@2', diff)).toContain('- x: the description changed from none to "A \\[wine\\] \\| b"')
    expect(diffMarkdown('c', diffContracts(contract([x]), contract([x])))).toBe('### c\n\nNo difference.')
    expect(JSON.parse(JSON.stringify(diff))).toMatchObject({ breaking: 1, uses: [{ name: 'quality' }] })
  })

  it('that breaks nothing leaves every row that was valid valid', () => {
    const numeric = fc.record(
      {
        name: fc.constantFrom('a', 'b'),
        dtype: fc.constantFrom('int8', 'int16', 'int32?', 'uint8', 'float32', 'float64?'),
        min: fc.integer({ min: 0, max: 5 }),
        max: fc.integer({ min: 5, max: 9 }),
        required: fc.boolean(),
        values: fc.subarray([5, 6, 7], { minLength: 1 }),
      },
      { requiredKeys: ['name', 'dtype'] },
    )
    const text = fc.record(
      {
        name: fc.constant('t'),
        dtype: fc.constantFrom('string', 'string?'),
        minLength: fc.integer({ min: 0, max: 2 }),
        maxLength: fc.integer({ min: 2, max: 4 }),
        required: fc.boolean(),
      },
      { requiredKeys: ['name', 'dtype'] },
    )
    const parsed = (fields: readonly object[], extra: string): Contract | null => {
      try {
        return contract(fields, { extra })
      } catch {
        return null
      }
    }
    const fields = fc.uniqueArray(fc.oneof(numeric, text), { minLength: 1, maxLength: 3, selector: ({ name }) => name })
    const document = fc
      .tuple(fields, fc.constantFrom('reject', 'ignore'))
      .map(([list, extra]) => parsed(list, extra))
      .filter((one) => one !== null)
    let compatible = 0
    fc.assert(
      fc.property(document, document, fc.integer(), (base, head, from) => {
        const diff = diffContracts(base, head)
        if (diff.breaking > 0) return
        compatible++
        const made = new RowGenerator(resolveContract(base), seededRandom(from))
        const rows = Array.from({ length: 20 }, () => made.valid())
        expect(checkRows(resolveContract(head), rows).problems, JSON.stringify([base, head])).toEqual([])
      }),
      { seed, numRuns: 3000 },
    )
    expect(compatible).toBeGreaterThan(50)
  })
})
