/** `penstock contract`: from a draft to a stored contract, a pipeline that names it, checks, differences and a client that runs. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isContractError } from 'penstock/client'
import ts from 'typescript'
import { writeParquet } from 'penstock/results'
import { tableFromArrays } from 'apache-arrow'
import { describe, expect, it, vi } from 'vitest'
import { penstock, serve, temporaryDirectory, type RunOptions } from '../support/cli-process.js'

vi.setConfig({ testTimeout: 180_000 })

const root = fileURLToPath(new URL('../..', import.meta.url))
const testModel = (name: string) => join(root, `test/models/${name}.onnx`)
type Run = (args: readonly string[], options?: RunOptions) => ReturnType<typeof penstock>

describe('cli: contract', () => {
  it('drafts, stores, lists, shows, compares and removes, and a pipeline names what is stored', async () => {
    const folder = temporaryDirectory()
    const { url } = await serve(['--home', join(folder, 'home')])
    const run: Run = (args, options = {}) => penstock(args, { ...options, env: { PENSTOCK_URL: url } })
    await run(['model', 'add', testModel('add-one'), '--name', 'plus'])
    expect((await run(['contract', 'list'])).stdout).toMatch(/^There are no contracts yet/)

    const drafted = await run(['contract', 'infer', '--model', 'plus', '--name', 'three'])
    expect(JSON.parse(drafted.stdout)).toMatchObject({
      name: 'three',
      fields: [{ name: 'f0' }, {}, {}, { name: 'y', shape: [3] }],
    })
    const stored = await run(['contract', 'put', '-'], { input: drafted.stdout })
    expect(stored.stdout).toBe('three, version 1, is stored as three@1\n')
    const wrong = await run(['contract', 'put', '-', '--name', 'bad'], {
      input: '{"fields": [{"name": "a", "dtype": "int9"}, {}]}',
    })
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringMatching(/3 mistakes: .*fields\[0\]\.dtype.*ERR_CONTRACT_INVALID/),
    ])

    const definition = '{"contract": "three", "steps": [{"type": "model", "model": "plus"}]}'
    expect((await run(['pipeline', 'apply', '-', '--name', 'plus', '--deploy'], { input: definition })).stdout).toMatch(
      /is deployed/,
    )
    expect((await run(['pipeline', 'show', 'plus'])).stdout).toMatch(/^ {2}contract three@1$/m)
    expect((await run(['pipeline', 'show', 'plus', '--definition'])).stdout).toContain('"contract": "three@1"')
    expect((await run(['contract', 'list'])).stdout).toMatch(/^three +1 +1 .* f0, f1, f2 +y$/m)
    expect((await run(['contract', 'show', 'three@1'])).stdout).toMatch(/^f0 +feature +float32 +- +reject$/m)

    const narrower = JSON.parse(drafted.stdout) as { fields: { max?: number }[] }
    ;(narrower.fields[0] as { max?: number }).max = 5
    writeFileSync(join(folder, 'three.json'), JSON.stringify(narrower))
    const diff = await run(['contract', 'diff', 'three', join(folder, 'three.json'), '--fail-on', 'breaking'])
    expect(diff.code).toBe(1)
    expect(diff.stdout).toMatch(
      /1 breaking[^]*f0: none became max 5[^]*pipeline plus: version 1, deployed, names three@1[^]*model plus: of plus/,
    )
    expect((await run(['contract', 'diff', 'three', 'three@1', '--fail-on', 'any'])).code).toBe(0)
    expect(
      (await run(['contract', 'diff', 'three', join(folder, 'three.json'), '--format', 'markdown'])).stdout,
    ).toContain('**Breaking**')

    expect((await run(['contract', 'remove', 'three'])).stderr).toContain('(ERR_CONFLICT)')
    await run(['contract', 'put', join(folder, 'three.json')])
    expect((await run(['contract', 'remove', 'three@2'])).stdout).toBe('removed three@2\n')

    await expectClient(run, url)
  })

  it('checks files of every form against a contract, without a server', async () => {
    const folder = temporaryDirectory()
    const at = (name: string, text: string | Uint8Array): string => {
      const path = join(folder, name)
      writeFileSync(path, text)
      return path
    }
    const fields = [
      { name: 'id', dtype: 'int64', role: 'entity', unique: true, onInvalid: 'drop' },
      { name: 'age', dtype: 'int32?', min: 0, max: 120 },
      { name: 'colour', dtype: 'string', values: ['red', 'white'] },
    ]
    const contract = at('people.json', JSON.stringify({ fields }))
    const rows = [
      { id: 1, age: 5, colour: 'red' },
      { id: 1, age: null, colour: 'white' },
      { id: 3, age: 130, colour: 'blue' },
    ]
    const ids = BigInt64Array.from([1n, 1n, 3n])
    const table = tableFromArrays({ id: ids, age: [5, null, 130], colour: ['red', 'white', 'blue'] })
    const files = [
      at('rows.json', JSON.stringify(rows)),
      at('rows.ndjson', rows.map((row) => JSON.stringify(row)).join('\n')),
      at('rows.csv', 'id,age,colour\n1,5,red\n1,,white\n3,130,blue\n'),
      at('rows.parquet', await writeParquet(table)),
    ]
    for (const file of files) {
      const { code, stdout } = await penstock(['contract', 'check', contract, file, '--json'])
      const report = JSON.parse(stdout) as {
        rows: number
        refused: number
        dropped: number
        problems: { path: string; rule: string }[]
      }
      expect([code, report.rows, report.refused, report.dropped], file).toEqual([1, 3, 1, 1])
      expect(
        report.problems.map(({ path, rule }) => `${path} ${rule}`),
        file,
      ).toEqual(['/1/id unique', '/2/age max', '/2/colour values'])
    }
    const text = await penstock(['contract', 'check', contract, files[0] ?? ''])
    expect(text.stdout).toMatch(
      /^3 rows against .*people\.json: 1 refused, 1 dropped, 3 problems[^]*^age +max +reject +1$[^]*\/2\/age {2}Expected age of row 2 to be at most 120 but received 130/m,
    )
    const good = at('good.ndjson', JSON.stringify(rows[0]))
    expect((await penstock(['contract', 'check', contract, good])).code).toBe(0)

    const made = await penstock(['contract', 'rows', contract, '--count', '50', '--seed', '3'])
    expect((await penstock(['contract', 'check', contract, at('made.ndjson', made.stdout)])).stdout).toMatch(
      /^50 rows .* 0 problems\n$/,
    )
    const broken = JSON.parse((await penstock(['contract', 'rows', contract, '--count', '1', '--invalid'])).stdout) as {
      row: unknown
      rule: string
    }
    expect(
      (await penstock(['contract', 'check', contract, at('broken.json', JSON.stringify([broken.row]))])).stdout,
    ).toContain(broken.rule)

    const drafted = await penstock(['contract', 'infer', '--table', files[3] ?? '', '--entity', 'id'])
    expect(JSON.parse(drafted.stdout)).toMatchObject({
      name: 'rows',
      fields: [{ name: 'id', role: 'entity' }, { name: 'age', dtype: 'float64?' }, { name: 'colour' }],
    })
    const schema = await penstock(['contract', 'types', contract, '--form', 'json-schema'])
    expect(JSON.parse(schema.stdout)).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      required: ['id', 'age', 'colour'],
    })
    expect((await penstock(['contract', 'types', contract, '--form', 'arrow'])).stdout).toBe(
      'id: Int64 not null\nage: Int32\ncolour: Utf8 not null\n',
    )
    expect((await penstock(['contract', 'infer'])).code).toBe(2)
    expect((await penstock(['contract', 'show', 'a/b'])).code).toBe(2)
  })
})

/** The client that is made of the contract asks the pipeline and gets its answers. */
async function expectClient(run: Run, url: string): Promise<void> {
  const { stdout, stderr } = await run(['contract', 'types', 'three@1', '--pipeline', 'plus'])
  expect(stderr).toBe('')
  const { outputText } = ts.transpileModule(stdout, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  })
  // Inside the package, so that `penstock/client` is its own.
  const path = join(root, `build/made-client-${process.pid}.mjs`)
  writeFileSync(path, outputText)
  try {
    const { ThreeClient } = (await import(path)) as {
      ThreeClient: new (url: string) => { predict(rows: object): Promise<unknown> }
    }
    const rows = [
      { f2: 3, f1: 2, f0: 1 },
      { f0: 4, f1: 5, f2: 6 },
    ]
    const client = new ThreeClient(url)
    expect(await client.predict(rows)).toEqual([{ y: [2, 3, 4] }, { y: [5, 6, 7] }])
    expect(await client.predict(rows[1] ?? {})).toEqual({ y: [5, 6, 7] })
    const refused = await client.predict({ f0: 1, f1: 'two' }).catch((error: unknown) => error)
    expect(isContractError(refused)).toBe(true)
    expect(refused).toMatchObject({
      errorCount: 2,
      errors: [
        { path: '/f1', rule: 'dtype', value: 'two' },
        { path: '/f2', rule: 'required' },
      ],
    })
    expect(readFileSync(path, 'utf8')).toContain('class ThreeClient')
  } finally {
    rmSync(path)
  }
}
