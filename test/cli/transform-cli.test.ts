/** `penstock transform`: tables of every format through operations, fitted first, as processes. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Table, tableFromIPC, tableToIPC, vectorFromArray, Float32, Int64, Bool, Utf8 } from 'apache-arrow'
import { readParquet, writeParquet } from 'penstock/results'
import { describe, expect, it, vi } from 'vitest'
import { penstock, temporaryDirectory } from '../support/cli-process.js'

vi.setConfig({ testTimeout: 120_000 })

const ops = [
  { op: 'impute', columns: ['alcohol', 'age'], strategy: 'median' },
  { op: 'standard-scale', columns: ['alcohol'] },
  { op: 'one-hot', columns: ['type'], as: ['kind'], dtype: 'float32' },
  { op: 'cast', columns: ['alcohol', 'age'], as: ['a', 'b'], dtype: 'float32' },
  { op: 'concat', columns: ['kind', 'a', 'b'], as: 'features' },
  { op: 'keep', columns: ['features', 'type', 'good', 'age'] },
]
const rows = [
  { type: 'red', alcohol: 9.5, age: 3, good: true },
  { type: 'white', alcohol: null, age: null, good: false },
  { type: null, alcohol: 12.5, age: 5, good: null },
  { type: 'white, "dry"', alcohol: 11, age: 4, good: true },
]
const fitted = [
  { ...ops[0], values: [11, 4] },
  { ...ops[1], mean: [11], scale: [Math.sqrt(4.5 / 4)] },
  {
    op: 'one-hot',
    columns: ['type'],
    as: ['kind'],
    categories: [['red', 'white', 'white, "dry"', null]],
    unknown: 'error',
    dtype: 'float32',
  },
  ...ops.slice(3),
]
/** A float32 prints with fewer digits than it has as a float64, and was computed in either. */
const z = 1.41421
const rounded = (features: Iterable<number>): number[] => [...features].map((value) => Number(value.toFixed(5)))
const expected = [
  { features: [1, 0, 0, 0, -z, 3], type: 'red', good: true, age: 3 },
  { features: [0, 1, 0, 0, 0, 4], type: 'white', good: false, age: 4 },
  { features: [0, 0, 0, 1, z, 5], type: null, good: null, age: 5 },
  { features: [0, 0, 1, 0, 0, 4], type: 'white, "dry"', good: true, age: 4 },
]

const csv = `type,alcohol,age,good\n${rows
  .map(
    ({ type, alcohol, age, good }) =>
      `${type === null ? '' : `"${type.replaceAll('"', '""')}"`},${alcohol ?? 'NA'},${age ?? ''},${good ?? ''}`,
  )
  .join('\n')}\n`
const arrow = new Table({
  type: vectorFromArray(
    rows.map(({ type }) => type),
    new Utf8(),
  ),
  alcohol: vectorFromArray(
    rows.map(({ alcohol }) => alcohol),
    new Float32(),
  ),
  age: vectorFromArray(
    rows.map(({ age }) => (age === null ? null : BigInt(age))),
    new Int64(),
  ),
  good: vectorFromArray(
    rows.map(({ good }) => good),
    new Bool(),
  ),
})

async function files(): Promise<Record<string, Uint8Array | string>> {
  return {
    'rows.csv': csv,
    'rows.json': JSON.stringify(rows),
    'rows.jsonl': rows.map((row) => JSON.stringify(row)).join('\n'),
    'rows.arrow': tableToIPC(arrow, 'file'),
    'rows.arrows': tableToIPC(arrow, 'stream'),
    'rows.parquet': await writeParquet(arrow),
  }
}

function folderWith(contents: Record<string, Uint8Array | string>): string {
  const folder = temporaryDirectory()
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(folder, name), content)
  return folder
}

const recordsOf = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)

describe('penstock transform', () => {
  it.each(['rows.csv', 'rows.json', 'rows.jsonl', 'rows.arrow', 'rows.arrows', 'rows.parquet'])(
    '%s: fits and runs',
    async (name) => {
      const folder = folderWith({
        [name]: (await files())[name]!,
        'ops.json': JSON.stringify({ type: 'transform', ops }),
      })
      const [table, out] = [join(folder, name), join(folder, 'fitted.json')]
      const fit = await penstock([
        'transform',
        'fit',
        '--table',
        table,
        '--ops',
        join(folder, 'ops.json'),
        '--out',
        out,
      ])
      expect([fit.code, fit.stderr.trim(), fit.stdout]).toEqual([0, `6 operations → ${out}`, ''])
      expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual({ type: 'transform', ops: fitted })
      const run = await penstock(['transform', 'run', '--table', table, '--ops', out])
      expect([run.code, run.stderr]).toEqual([0, ''])
      expect(recordsOf(run.stdout).map(withRounded)).toEqual(expected)
    },
  )

  it.each(['csv', 'ndjson', 'json', 'arrow', 'parquet'])(
    'writes %s, and rows that fail are left out when asked',
    async (ending) => {
      const failing = fitted.map((op) => ('categories' in op ? { ...op, categories: [['red', 'white']] } : op))
      const folder = folderWith({ 'rows.csv': csv, 'ops.json': JSON.stringify(failing) })
      const out = join(folder, `out.${ending}`)
      const command = [
        'transform',
        'run',
        '--table',
        join(folder, 'rows.csv'),
        '--ops',
        join(folder, 'ops.json'),
        '--out',
        out,
      ]
      const refused = await penstock(command)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(
        /Expected type to have a value but it is missing, in row 3 \(ops\[2\], one-hot\)\. .*--skip-failed \(ERR_ARGUMENT\)/,
      )
      expect(() => readFileSync(out)).toThrow(/ENOENT/)
      const { code, stderr } = await penstock([...command, '--skip-failed'])
      expect([code, stderr.trim().split('\n')]).toEqual([
        0,
        [
          `2 rows → ${out}`,
          '2 of 4 rows failed and were left out. The first: Expected type to have a value but it is missing, in row 3 (ops[2], one-hot)',
        ],
      ])
      const kept = expected
        .slice(0, 2)
        .map((row) => ({ ...row, features: [...row.features.slice(0, 2), ...row.features.slice(4)] }))
      expect((await recordsIn(out, ending)).map(withRounded)).toEqual(kept)
    },
  )

  it.each<[string, string, RegExp]>([
    ['rows.csv', 'a,b\n1\n', /to have 2 cells in row 2, as the header has but received 1/],
    ['rows.csv', 'a,a\n', /columns of different names but received "a"/],
    ['rows.csv', '', /a header, the names of its columns but received nothing/],
    ['rows.json', '[{"a": [1]}]', /"a" of record 1 to be a number, a text, true, false or null but received an array/],
    ['rows.jsonl', '{"a": 1}\n{"a": }', /Expected record 2 of .* to be JSON/],
    ['rows.parquet', 'no parquet', /ERR_BODY/],
    ['rows.npy', '', /a file with named columns: CSV, JSON, NDJSON, Arrow or Parquet/],
  ])('refuses %s of %j', async (name, content, message) => {
    const folder = folderWith({ [name]: content, 'ops.json': JSON.stringify([{ op: 'log1p', columns: ['a'] }]) })
    const { code, stderr } = await penstock([
      'transform',
      'run',
      '--table',
      join(folder, name),
      '--ops',
      join(folder, 'ops.json'),
    ])
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })

  it('says what is wrong with operations, and that they are not fitted', async () => {
    const folder = folderWith({
      'rows.csv': csv,
      'ops.json': JSON.stringify(ops),
      'bad.json': '[{"op": "log2p"}]',
      'none.json': '{',
    })
    const run = (name: string) =>
      penstock(['transform', 'run', '--table', join(folder, 'rows.csv'), '--ops', join(folder, name)])
    expect((await run('ops.json')).stderr).toMatch(
      /ops\[0\]\.values \(impute\) to be there but received undefined\. Fit it over a table/,
    )
    expect((await run('bad.json')).stderr).toMatch(/"log2p"\. Did you mean log1p\?/)
    expect(await run('none.json')).toMatchObject({ code: 2 })
  })

  it('types follow from all cells: numbers beyond 64 bits, mixed columns, columns without a value', async () => {
    const text = 'i,f,b,t,n\n+1,1,TRUE,1,\n9223372036854775807,2.5,false,x,NA\n,9223372036854775808,,,\n'
    const folder = folderWith({
      'rows.csv': text,
      'ops.json': JSON.stringify([{ op: 'keep', columns: ['i', 'f', 'b', 't', 'n'] }]),
    })
    const out = join(folder, 'out.arrow')
    const { code } = await penstock([
      'transform',
      'run',
      '--table',
      join(folder, 'rows.csv'),
      '--ops',
      join(folder, 'ops.json'),
      '--out',
      out,
    ])
    expect(code).toBe(0)
    const table = tableFromIPC(readFileSync(out))
    expect(table.schema.fields.map(({ name, type }) => `${name} ${String(type)}`)).toEqual([
      'i Int64',
      'f Float64',
      'b Bool',
      't Utf8',
      'n Float64',
    ])
    expect(table.toArray().map((row) => (row as { toJSON: () => unknown }).toJSON())).toEqual([
      { i: 1n, f: 1, b: true, t: '1', n: NaN },
      { i: 2n ** 63n - 1n, f: 2.5, b: false, t: 'x', n: NaN },
      { i: null, f: 2 ** 63, b: null, t: null, n: NaN },
    ])
  })
})

/** Features as they are expected. */
function withRounded(record: unknown): unknown {
  const { features, ...rest } = record as { features: Iterable<number> }
  return { features: rounded(features), ...rest }
}

async function recordsIn(path: string, ending: string): Promise<unknown[]> {
  const bytes = readFileSync(path)
  if (ending === 'json') return JSON.parse(bytes.toString()) as unknown[]
  if (ending === 'ndjson') return recordsOf(bytes.toString())
  if (ending === 'csv') {
    const [, ...lines] = bytes.toString().trim().split('\n')
    return lines.map((line) => {
      const [, list, type, good, age] = /^"(\[.*\])",(.*),(.*),(.*)$/.exec(line) ?? []
      return { features: JSON.parse(list ?? '') as unknown, type, good: good === 'true', age: Number(age) }
    })
  }
  const table = ending === 'arrow' ? tableFromIPC(bytes) : await readParquet(bytes)
  return table.toArray().map((row) => {
    const { features, type, good, age } = (row as { toJSON: () => Record<string, unknown> }).toJSON()
    return { features, type, good, age: Number(age) }
  })
}
