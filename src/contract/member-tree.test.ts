/** Fields inside nested objects: what is read, what is reported and where, and what is made of such a contract. */
import { describe, expect, it } from 'vitest'
import { mismatch } from '../../test/support/json-schema.js'
import type { PenstockError } from '../base/errors.js'
import { seededRandom } from '../base/random.js'
import { checkRows, type RowCheck } from './check-row.js'
import { RowGenerator } from './derived/generate.js'
import { rowSchema } from './derived/json-schema.js'
import { typescriptModule } from './derived/typescript.js'
import { diffContracts } from './diff/diff.js'
import { pointerSteps } from './member-tree.js'
import { parseContract } from './parse.js'
import { resolveContract } from './resolve.js'
import { rowOfCells, rowOfColumns } from './tables/cells.js'

const order = [
  { name: 'order', dtype: 'int64', role: 'entity', unique: true, path: '/id' },
  { name: 'age', dtype: 'int32', min: 18, path: '/customer/age' },
  { name: 'city', dtype: 'string?', required: false, path: '/customer/address/city' },
  { name: 'tags', dtype: 'float32', shape: [2], path: '/customer/a~1b~0' },
  { name: 'total', dtype: 'float64' },
]
const valid = { id: 1, total: 9.5, customer: { age: 40, 'a/b~': [1, 2], address: { city: 'Graz' } } }
const contract = (extra = 'reject') => resolveContract(parseContract({ fields: order, extra, example: valid }, 'order'))
const check = (rows: readonly unknown[], extra?: string): RowCheck => checkRows(contract(extra), rows)
const told = ({ problems }: RowCheck): string[] => problems.map(({ path, rule }) => `${path} ${rule}`)
const mistakes = (fields: readonly object[]): string[] => {
  try {
    parseContract({ fields }, 't')
  } catch (error) {
    return ((error as PenstockError).errors ?? []).map(({ message }) => message)
  }
  return []
}

describe('fields inside objects', () => {
  it('become columns by their names, missing where an object on the way is', () => {
    const { columns, problems } = check([
      valid,
      { ...valid, id: 2, customer: { age: 18, 'a/b~': [3, 4], address: null } },
    ])
    expect(problems).toEqual([])
    expect(columns?.map(({ name, data }) => [name, Array.from<unknown>(data)])).toEqual([
      ['order', [1n, 2n]],
      ['age', [40, 18]],
      ['city', ['Graz', '']],
      ['tags', [1, 2, 3, 4]],
      ['total', [9.5, 9.5]],
    ])
  })

  it.each<[string, unknown, string[]]>([
    ['a value that breaks a rule', { ...valid, customer: { ...valid.customer, age: 3 } }, ['/0/customer/age min']],
    ['an element', { ...valid, customer: { ...valid.customer, 'a/b~': [1, 'x'] } }, ['/0/customer/a~1b~0/1 dtype']],
    ['an object that is absent', { id: 1, total: 1 }, ['/0/customer/age required', '/0/customer/a~1b~0 required']],
    ['one that is null', { ...valid, customer: null }, ['/0/customer/age required', '/0/customer/a~1b~0 required']],
    ['a number in its place', { ...valid, customer: 7 }, ['/0/customer object']],
    ['a list in its place', { ...valid, customer: [valid.customer] }, ['/0/customer object']],
    ['a member that is no field', { ...valid, customer: { ...valid.customer, agee: 1 } }, ['/0/customer/agee extra']],
    ['one of the row', { ...valid, age: 40 }, ['/0/age extra']],
    ['an object without fields', { ...valid, shop: { a: 1 } }, ['/0/shop extra']],
    ['an object for a value', { ...valid, total: { value: 1 } }, ['/0/total dtype']],
  ])('tell where %s is', (_, row, expected) => {
    const result = check([row])
    expect(told(result)).toEqual(expected)
    expect(result.columns).toBe(null)
  })

  it('name the nearest member of the same object, and the second of two equal values', () => {
    const misspelt = check([{ ...valid, customer: { agee: 40, 'a/b~': [1, 2] } }])
    expect(misspelt.problems.map(({ message }) => message)).toEqual([
      'Expected age of row 0 to be there but received nothing. The row has "agee", which is no field',
      'Expected /customer/agee of row 0 to be a field but received 40. Did you mean /customer/age?',
    ])
    const twice = check([valid, valid])
    expect(told(twice)).toEqual(['/1/id unique'])
    expect(twice.problems[0]?.value).toBe(1)
  })

  it('leave other members out where the contract says so, and tell them by their places', () => {
    const row = { ...valid, shop: 1, customer: { ...valid.customer, zip: '8010' } }
    const { extra, problems, columns } = check([row], 'ignore')
    expect([extra, problems, columns?.length]).toEqual([['shop', '/customer/zip'], [], 5])
  })

  it('never take what a prototype has', () => {
    const polluted = JSON.parse(
      '{"id": 1, "total": 1, "customer": {"__proto__": {"age": 40}, "a/b~": [1, 2]}}',
    ) as unknown
    expect(told(check([polluted]))).toEqual(['/0/customer/age required', '/0/customer/__proto__ extra'])
  })

  it.each<[string, object[], RegExp]>([
    [
      'no pointer',
      [{ name: 'a', dtype: 'bool', path: 'a/b' }],
      /fields\[0\]\.path to be a JSON Pointer of 1\.\.8 members/,
    ],
    ['a bad escape', [{ name: 'a', dtype: 'bool', path: '/a~2' }], /fields\[0\]\.path to be a JSON Pointer/],
    ['too many objects', [{ name: 'a', dtype: 'bool', path: '/a'.repeat(9) }], /fields\[0\]\.path/],
    [
      'a place twice',
      [
        { name: 'a', dtype: 'bool', path: '/x/a' },
        { name: 'b', dtype: 'bool', path: '/x/a' },
      ],
      /fields\[1\]\.path to be another place than that of fields\[0\]/,
    ],
    [
      'a field inside a value',
      [
        { name: 'x', dtype: 'bool' },
        { name: 'b', dtype: 'bool', path: '/x/b' },
      ],
      /fields\[1\]\.path to be outside of fields\[0\], which is a value/,
    ],
    [
      'an answer inside an object',
      [
        { name: 'x', dtype: 'bool' },
        { name: 'y', dtype: 'bool', role: 'prediction', path: '/a/y' },
      ],
      /fields\[1\]\.path to be absent from a field of answers/,
    ],
  ])('are refused where their path is %s', (_, fields, expected) => {
    expect(mistakes(fields).join('\n')).toMatch(expected)
  })

  it('may be members of the row by another name', () => {
    const one = resolveContract(
      parseContract([{ name: 'fixed acidity', dtype: 'float32', path: '/fixedAcidity' }], 't'),
    )
    expect(told(checkRows(one, [{ fixedAcidity: 7 }, { 'fixed acidity': 7 }]))).toEqual([
      '/1/fixedAcidity required',
      '/1/fixed acidity extra',
    ])
    expect(
      mistakes([
        { name: 'a', dtype: 'bool', path: '/b' },
        { name: 'b', dtype: 'bool' },
      ]),
    ).toHaveLength(1)
  })

  it('need no path where they are members of the row', () => {
    expect(parseContract([{ name: 'a/b', dtype: 'bool', path: '/a~1b' }], 't').fields).toEqual([
      { name: 'a/b', dtype: 'bool' },
    ])
    expect(pointerSteps('/a~1b/~0')).toEqual(['a/b', '~'])
    expect([pointerSteps(''), pointerSteps('a'), pointerSteps('/~')]).toEqual([null, null, null])
  })
})

describe('of fields inside objects', () => {
  it('tables have columns by their names', () => {
    const row = rowOfCells(contract(), { order: '1', age: '40', city: '', tags: '[1, 2]', total: '9.5' })
    expect(row).toEqual({ id: 1, total: 9.5, customer: { age: 40, 'a/b~': [1, 2], address: { city: null } } })
    expect(rowOfColumns(contract(), { order: 1, other: 2, age: 3 })).toEqual({ id: 1, other: 2, customer: { age: 3 } })
  })

  it('JSON Schema, made-up rows and the reader agree', () => {
    const one = contract()
    const schema = rowSchema(one)
    const made = new RowGenerator(one, seededRandom(11))
    for (let index = 0; index < 200; index++) {
      const row = made.valid()
      expect([told(checkRows(one, [row])), mismatch(row, schema, {})]).toEqual([[], null])
      const broken = made.invalid()
      if (broken === null) throw new Error('Expected a row that breaks a rule')
      const { problems } = checkRows(one, [broken.row])
      expect(problems.map(({ field, rule }) => [field, rule])).toEqual([[broken.field, broken.rule]])
    }
    expect(schema).toMatchObject({
      required: ['id', 'customer', 'total'],
      properties: { customer: { required: ['age', 'a/b~'] } },
    })
  })

  it('TypeScript has the objects, and a moved field breaks callers', () => {
    expect(typescriptModule(contract(), { reference: 'order@1' })).toContain(
      [
        '  readonly "customer": {',
        '    /** min 18 */',
        '    readonly "age": number',
        '    readonly "address"?: {',
        '      readonly "city"?: string | null',
        '    }',
      ].join('\n'),
    )
    const flat = parseContract({ fields: order.map(({ path: _path, ...field }) => field) }, 'order')
    const { changes } = diffContracts(flat, parseContract({ fields: order }, 'order'))
    expect(
      changes.filter(({ member }) => member === 'path').map(({ field, level, after }) => [field, level, after]),
    ).toEqual([
      ['order', 'breaking', '/id'],
      ['age', 'breaking', '/customer/age'],
      ['city', 'breaking', '/customer/address/city'],
      ['tags', 'breaking', '/customer/a~1b~0'],
    ])
  })
})
