/** What is made of a contract agrees with it: JSON Schema with the rules, Arrow with the dtypes, the client with the compiler. */
import { DataType } from 'apache-arrow'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { mismatch } from '../../../test/support/json-schema.js'
import { seededRandom } from '../../base/random.js'
import { parseContract } from '../parse.js'
import { type ResolvedContract, resolveContract } from '../resolve.js'
import { everyAnswer, everyField } from '../testing/contracts.js'
import { arrowAnswerSchema, arrowRowSchema } from './arrow-schema.js'
import { RowGenerator } from './generate.js'
import { answerSchema, rowSchema } from './json-schema.js'
import { typescriptModule } from './typescript.js'

const seed = 20270314
const every = resolveContract(parseContract([...everyField, ...everyAnswer], 'every-thing'))
const contractOf = (fields: readonly object[], extra = 'reject'): ResolvedContract =>
  resolveContract(parseContract({ fields, extra }, 'c'))

describe('JSON Schema', () => {
  it('takes what the contract takes, and refuses what breaks a rule that it has a word for', () => {
    const schema = rowSchema(every)
    const made = new RowGenerator(every, seededRandom(seed))
    for (let index = 0; index < 300; index++) expect(mismatch(made.valid(), schema, {})).toBe(null)
    let refused = 0
    for (let index = 0; index < 1000; index++) {
      const broken = made.invalid()
      if (broken === null) throw new Error('Expected a row that breaks a rule')
      // Formats are annotations, and a bound beyond 2^53 is no number of JSON.
      const isFormat = broken.rule === 'dtype' && ['id', 'at', 'day'].includes(broken.field)
      const isWide = broken.field === 'wide' && broken.rule === 'min'
      if (isFormat || isWide) continue
      refused++
      expect(mismatch(broken.row, schema, {}), JSON.stringify([broken, broken.row[broken.field]])).not.toBe(null)
    }
    expect(refused).toBeGreaterThan(800)
  })

  it('says every member as the contract does', () => {
    const { properties, required, additionalProperties } = rowSchema(every) as Record<string, Record<string, unknown>>
    expect(properties?.['age']).toEqual({ type: 'integer', minimum: 0, maximum: 120, 'x-unit': 'years' })
    expect(properties?.['share']).toEqual({ type: ['number', 'null'], exclusiveMinimum: 0, maximum: 1 })
    expect(properties?.['half']).toEqual({ type: ['number', 'null'], default: 0.5 })
    expect(properties?.['wider']).toEqual({
      anyOf: [
        { type: 'integer', enum: [1] },
        { type: 'string', enum: ['18446744073709551615'] },
      ],
    })
    expect(properties?.['wide']).toEqual({
      description: 'Rule: minimum -9007199254740999',
      anyOf: [
        { type: 'integer', maximum: 5 },
        { type: 'string', pattern: '^-?[1-9][0-9]{15,19}$' },
      ],
    })
    expect(properties?.['place']).toEqual({
      type: 'array',
      items: { type: 'number', minimum: -1, maximum: 1 },
      minItems: 3,
      maxItems: 3,
    })
    expect(properties?.['day']).toEqual({ 'x-role': 'passthrough', type: ['string', 'null'], format: 'date' })
    expect(required).not.toContain('share')
    expect(additionalProperties).toBe(false)
    const own = contractOf([{ name: 'x', dtype: 'string', pattern: '^(?i)a$' }], 'log')
    expect(rowSchema(own)).toMatchObject({
      additionalProperties: true,
      properties: { x: { description: 'Rule: matches ^(?i)a$ (RE2)' } },
    })
  })

  it('of an answer has the answered fields, null only where they may be missing', () => {
    const schema = answerSchema(every)
    const answer = { prediction: 1.5, label: null, 'p red': 0.25, model: 'wine@3' }
    expect(mismatch(answer, schema, {})).toBe(null)
    for (const wrong of [{ ...answer, prediction: null }, { prediction: 1 }, { ...answer, label: 5 }])
      expect(mismatch(wrong, schema, {})).not.toBe(null)
  })
})

describe('Arrow', () => {
  it('has a column of the dtype for each field, nullable where it may be missing', () => {
    const { fields, metadata } = arrowRowSchema(every, 'every@1')
    expect(metadata.get('contract')).toBe('every@1')
    expect(fields.map(({ name, type, nullable }) => [name, String(type), nullable])).toEqual([
      ['id', 'Utf8', false],
      ['at', 'Timestamp<MICROSECOND, UTC>', false],
      ['day', 'Date32<DAY>', true],
      ['age', 'Int32', false],
      ['small', 'Uint8', false],
      ['wide', 'Int64', false],
      ['wider', 'Uint64', false],
      ['share', 'Float32', true],
      ['weight', 'Float64', false],
      ['half', 'Float16', true],
      ['level', 'Float32', false],
      ['member', 'Bool', false],
      ['colour', 'Utf8', false],
      ['code', 'Utf8', false],
      ['note "it"', 'Utf8', true],
      ['place', 'FixedSizeList[3]<Float32>', false],
      ['tokens', 'List<Int64>', false],
      ['grid', 'FixedSizeList[4]<Int8>', true],
      ['truth', 'Int64', true],
    ])
    expect(fields[3]?.metadata.get('unit')).toBe('years')
    expect(fields[17]?.metadata.get('tensor_type')).toBe('{"shape":[2,2],"dtype":"int8"}')
    const answers = arrowAnswerSchema(every, 'every@1').fields
    expect(answers.map(({ name, nullable }) => [name, nullable])).toEqual([
      ['prediction', false],
      ['label', true],
      ['p red', false],
      ['model', false],
    ])
    expect(answers.every(({ type }) => DataType.isFloat(type) || DataType.isUtf8(type))).toBe(true)
  })
})

describe('TypeScript', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))

  /** The mistakes that the compiler finds in a module made of the contract, with `use` beside it. */
  function mistakes(module: string, use: string): string[] {
    const files = new Map([
      [join(root, 'src/contract/derived/made-client.ts'), module],
      [join(root, 'src/contract/derived/made-use.ts'), use],
      // As src/client/index.ts exports them; the rest of the client would take the compiler ten seconds.
      [
        join(root, 'src/contract/derived/made-package.ts'),
        `export { RemotePipeline, type PredictCallOptions, type RecordRow } from '../../client/control/remote-pipeline.js'
         export { isContractError, type AnswerProblem } from '../../client/control/predictions.js'
         export type { ControlOptions } from '../../client/control/http.js'`,
      ],
    ])
    const options: ts.CompilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts', 'lib.es2024.string.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      paths: { 'penstock/client': [join(root, 'src/contract/derived/made-package.ts')] },
    }
    const host = ts.createCompilerHost(options)
    const read = (path: string): string | undefined => files.get(path)
    const program = ts.createProgram([...files.keys()], options, {
      ...host,
      getCurrentDirectory: () => root,
      fileExists: (path) => read(path) !== undefined || host.fileExists(path),
      readFile: (path) => read(path) ?? host.readFile(path),
      getSourceFile: (path, version) => {
        const text = read(path)
        return text === undefined ? host.getSourceFile(path, version) : ts.createSourceFile(path, text, version)
      },
    })
    return ts
      .getPreEmitDiagnostics(program)
      .map(
        ({ file, messageText }) =>
          `${file?.fileName.replace(root, '') ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      )
  }

  const required = `id: 'x', at: 5, age: 1, small: 5, wide: 1, wider: 1, weight: 2, level: 0.5 as const, member: true,
    colour: 'red' as const, code: 'AB123', 'note "it"': null, place: [1, 2, 3] as const, tokens: [1], grid: null`

  it('compiles strictly, and types rows, answers and refusals', { timeout: 120_000 }, () => {
    const module = typescriptModule(every, { reference: 'every-thing@1' })
    expect(module).toContain('export interface EveryThingRow {')
    const use = `
import { isContractError } from 'penstock/client'
import { EveryThingClient, type EveryThingRow, type EveryThingPrediction } from './made-client.js'
const row: EveryThingRow = { ${required} }
const fuller: EveryThingRow = { ...row, share: null, half: 0.25, day: '2026-01-31', truth: '9007199254740993' }
const client = new EveryThingClient('http://127.0.0.1:8080')
export const score = async (): Promise<number> => {
  const [one] = await client.predict([row, fuller], { timeoutMs: 50 })
  const { label, id, day, model, $problems, $checks } = await client.predict({ ...row, truth: 7n })
  const texts: (string | null)[] = [label, id, day, model, ...($checks ?? []), $problems?.[0]?.path ?? null]
  return texts.length + (one?.prediction ?? 0) + (one?.['p red'] ?? 0)
}
export const refused = (error: unknown): string[] =>
  isContractError(error) ? (error.errors ?? []).map(({ path, rule, message }) => path + rule + message) : []
export const answer: EveryThingPrediction = {
  id: null, at: null, day: null, prediction: null, label: null, 'p red': 0.5, model: 'wine@3',
}
// @ts-expect-error the answer of one row is no list
export const list: Promise<EveryThingPrediction[]> = client.predict(row)
// @ts-expect-error what is no field of the answer
export const hue = async () => (await client.predict(row)).hue
// @ts-expect-error an option that is none
export const late = client.predict(row, { timeout: 5 })
// @ts-expect-error a colour that is not accepted
export const green: EveryThingRow = { ...row, colour: 'green' }
// @ts-expect-error a member that is no field
export const more: EveryThingRow = { ...row, hue: 1 }
// @ts-expect-error a text that is no integer
export const text: EveryThingRow = { ...row, wide: 'seven' }
// @ts-expect-error a list of two
export const short: EveryThingRow = { ...row, place: [1, 2] }
// @ts-expect-error a missing member that is required
export const bare: EveryThingRow = {}
`
    expect(mistakes(module, use)).toEqual([])
  })

  it('has a place for rows that may be dropped, and answers floats that are no number as null', () => {
    const fields = [
      { name: 'x', dtype: 'float32', onInvalid: 'drop' },
      { name: 'key', dtype: 'int64', role: 'entity' },
      { name: 'y', dtype: 'float32', role: 'prediction', shape: [2] },
      { name: 'all', dtype: 'float64?', role: 'prediction', shape: [null] },
    ]
    const module = typescriptModule(contractOf(fields), { reference: 'c@1', pipeline: 'scores' })
    const answer = 'CPrediction | CDropped'
    for (const line of [
      '  readonly "key": number | `${bigint}` | null',
      '  readonly "y": readonly [number | null, number | null]',
      '  readonly "all": readonly (number | null)[] | null',
      'export interface CDropped {',
      `  predict(row: CRow, options?: PredictCallOptions): Promise<${answer}>`,
      `  predict(rows: readonly CRow[], options?: PredictCallOptions): Promise<(${answer})[]>`,
      '  constructor(url: string, options: ControlOptions = {}, pipeline = "scores") {',
    ])
      expect(module.split('\n')).toContain(line)
    const use = `
import { CClient } from './made-client.js'
export const first = async (): Promise<number | null> => {
  const [one] = await new CClient('http://127.0.0.1:8080').predict([{ x: 1, key: 2n ** 60n }])
  return one === undefined || !('y' in one) ? null : one.y[1]
}
// @ts-expect-error it may have been dropped
export const y = async () => (await new CClient('http://127.0.0.1:8080').predict({ x: 1, key: 1 })).y
`
    expect(mistakes(module, use)).toEqual([])
  }, 120_000)
})
