/** Drafts: what a model says, what a table shows, and that every row that was seen is valid by the draft. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ModelSignature } from '../../engine/api/api.js'
import { checkRows } from '../check-row.js'
import { resolveContract } from '../resolve.js'
import { rowOfCells, valuesOfCells } from '../tables/cells.js'
import { type DraftOptions, draftContract } from './infer.js'

const seed = 20270316
const signature = (
  inputs: ModelSignature['inputs'],
  outputs: ModelSignature['outputs'],
  batching: ModelSignature['batching'] = 'rows',
): ModelSignature => ({ inputs, outputs, batching, remark: '' })
const wide = signature(
  [{ name: 'x', dtype: 'float32', shape: [null, 3] }],
  [{ name: 'y', dtype: 'float32', shape: [null, 1] }],
)
const draft = (options: Omit<DraftOptions, 'name'>) => draftContract({ name: 'd', ...options })
const table = (rows: readonly Record<string, unknown>[], dtypes: [string, string][] = []) => ({
  rows,
  dtypes: new Map(dtypes),
})

describe('a draft of a model', () => {
  it('has a field for each input, and probabilities of the classes that the model names', () => {
    const many = signature(
      [
        { name: 'age', dtype: 'float32', shape: [null, 1] },
        { name: 'sex', dtype: 'string', shape: [null, 1] },
        { name: 'image', dtype: 'uint8', shape: [null, null, 8] },
        { name: 'cut', dtype: 'int64', shape: [null], default: { shape: [1], data: [4] } },
      ],
      [
        { name: 'label', dtype: 'string', shape: [null] },
        { name: 'probabilities', dtype: 'float32', shape: [null, 2], classes: ['no', 'yes'] },
        { name: 'age', dtype: 'float32', shape: [null, 4] },
      ],
    )
    expect(draft({ signature: many }).fields).toEqual([
      { name: 'age', dtype: 'float32' },
      { name: 'sex', dtype: 'string' },
      { name: 'image', dtype: 'uint8', shape: [null, 8] },
      { name: 'cut', dtype: 'int64', required: false, impute: 4 },
      { name: 'label', dtype: 'string', role: 'prediction' },
      {
        name: 'probability no',
        dtype: 'float32',
        role: 'probability',
        class: 'no',
        from: { output: 'probabilities', column: 0 },
      },
      {
        name: 'probability yes',
        dtype: 'float32',
        role: 'probability',
        class: 'yes',
        from: { output: 'probabilities', column: 1 },
      },
      { name: 'age 2', dtype: 'float32', role: 'prediction', from: { output: 'age' }, shape: [4] },
    ])
  })

  it('has f0 … fn for one wide input, or the names of a table that has as many columns', () => {
    expect(draft({ signature: wide }).fields.map(({ name }) => name)).toEqual(['f0', 'f1', 'f2', 'y'])
    const rows = [{ id: 'a', acid: 1, sugar: 2.5, ph: null, quality: 5 }]
    const named = draft({ signature: wide, table: table(rows), target: 'quality', entity: 'id' })
    expect(named.fields.map(({ name, role }) => [name, role])).toEqual([
      ['acid', undefined],
      ['sugar', undefined],
      ['ph', undefined],
      ['quality', 'target'],
      ['id', 'entity'],
      ['y', 'prediction'],
    ])
  })

  it('is refused of what has no rows, or rows that a contract cannot describe', () => {
    expect(() => draft({ signature: signature(wide.inputs, wide.outputs, 'whole') })).toThrow(/one that takes rows/)
    const free = signature([{ name: 'x', dtype: 'float32', shape: [null, 2, null] }], [])
    expect(() => draft({ signature: free })).toThrow(/one free dim at most, the first/)
    expect(() => draft({})).toThrow(/made of a model, a table or both/)
    expect(() => draft({ table: table([{ a: 1 }]), target: 'b' })).toThrow(/columns of the table but received "b"/)
    expect(() => draft({ table: table([{ a: 1 }, { a: 'b' }]) })).toThrow(/the column a to be numbers, texts/)
  })
})

describe('a draft of a table', () => {
  const rows = Array.from({ length: 30 }, (_, index) => ({
    id: `123e4567-e89b-12d3-a456-4266141740${String(index).padStart(2, '0')}`,
    at: '2026-01-31T08:30:00Z',
    age: index === 3 ? null : index,
    size: index / 2,
    colour: index % 2 === 0 ? 'red' : 'white',
    note: `note ${index}`,
    big: 9007199254740993n,
    place: [1, index],
    tokens: Array.from({ length: index % 3 }, () => 7),
  }))

  it('has the dtype that holds all values, missing ones, few texts as values, and a row as example', () => {
    const drafted = draft({ table: table(rows) })
    expect(drafted.fields).toEqual([
      { name: 'id', dtype: 'uuid', role: 'entity' },
      { name: 'at', dtype: 'timestamp', role: 'passthrough' },
      { name: 'age', dtype: 'int64?', required: false, description: 'Seen: 0 to 29' },
      { name: 'size', dtype: 'float64', description: 'Seen: 0 to 14.5' },
      { name: 'colour', dtype: 'string', values: ['red', 'white'] },
      { name: 'note', dtype: 'string' },
      expect.objectContaining({ name: 'big', dtype: 'int64' }) as object,
      { name: 'place', dtype: 'int64', shape: [2], description: 'Seen: 0 to 29' },
      { name: 'tokens', dtype: 'int64', shape: [null], description: 'Seen: 7 to 7' },
    ])
    expect(drafted.example).toMatchObject({ age: 0, colour: 'red', big: '9007199254740993', place: [1, 0] })
  })

  it('has bounds where they are asked for, and dtypes that the file says', () => {
    const { fields } = draft({
      table: table(
        rows.map(({ age, size }) => ({ age, size })),
        [['size', 'float32']],
      ),
      hasBounds: true,
    })
    expect(fields).toEqual([
      { name: 'age', dtype: 'int64?', required: false, min: 0, max: 29 },
      { name: 'size', dtype: 'float32', min: 0, max: 14.5 },
    ])
  })

  it('takes every row that it was made of', () => {
    const cell = fc.constantFrom<unknown>(null, 1, 2.5, -7, 2 ** 40)
    const row = fc.record(
      { a: cell, b: fc.constantFrom('x', 'y', '2026-01-31', null), c: fc.option(fc.boolean()) },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), fc.boolean(), (made, hasBounds) => {
        const columns = (['a', 'b', 'c'] as const).filter((name) => made.some((one) => one[name] != null))
        if (columns.length === 0) return
        const kept = made.map((one) => Object.fromEntries(columns.map((name) => [name, one[name] ?? null])))
        const drafted = draft({ table: table(kept), hasBounds })
        expect(checkRows(resolveContract(drafted), kept).problems).toEqual([])
      }),
      { seed, numRuns: 500 },
    )
  })
})

describe('cells of CSV', () => {
  const contract = resolveContract(
    draftContract({ name: 'd', table: table([{ i: 1, f: 0.5, b: true, s: 'a', t: '2026-01-31', l: [1] }]) }),
  )

  it('become values of their fields, and stay texts where they are none', () => {
    expect(
      rowOfCells(contract, { i: '9007199254740993', f: ' 1e3 ', b: 'TRUE', s: '', t: ' 2026-01-31', l: '[1, 2]' }),
    ).toEqual({ i: 9007199254740993n, f: 1000, b: true, s: '', t: '2026-01-31', l: [1, 2] })
    expect(rowOfCells(contract, { i: 'x', f: 'NA', b: '1', l: '[1', other: '5' })).toEqual({
      i: 'x',
      f: null,
      b: '1',
      l: '[1',
      other: '5',
    })
  })

  it('are what all of a column are', () => {
    expect(valuesOfCells(['1', '', '2.5'])).toEqual([1, null, 2.5])
    expect(valuesOfCells(['true', 'False'])).toEqual([true, false])
    expect(valuesOfCells(['1', 'x'])).toEqual(['1', 'x'])
  })
})
