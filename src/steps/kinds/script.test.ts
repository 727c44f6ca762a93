import { describe, expect, it } from 'vitest'
import type { ScriptStep } from '../../pipeline/definition.js'
import type { PlanDraft } from '../../pipeline/plan-draft.js'
import type { CompileStage } from '../../pipeline/columns/stage.js'
import { parseStep } from '../parse.js'
import { scriptKind } from './script.js'

const written = {
  type: 'script',
  file: 'ratio.ts',
  source: 'export default () => ({})',
  columns: ['a'],
  outputs: [{ name: 'ratio', dtype: 'float32' }],
}
const parse = (members: object): ScriptStep => parseStep('steps[1]', { ...written, ...members })[0] as ScriptStep

describe('script: the wire form', () => {
  it('is stored with its hash, in one order, and reads back as itself', () => {
    const step = parse({ timeoutMs: 5, keep: [], memoryMib: 64, threads: 2 })
    expect(step.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.stringify(parseStep('steps[1]', step)[0])).toBe(JSON.stringify(step))
    expect(scriptKind.describe(step)).toBe(`script ratio.ts (${step.sha256.slice(0, 12)}): a → ratio`)
  })

  it.each([
    [{ file: '../ratio.ts' }, 'steps[1].file to be the name of a .ts, .mts, .js or .mjs file'],
    [{ file: 'ratio.py' }, 'but received "ratio.py"'],
    [
      { source: undefined },
      'steps[1].source to be the text of ratio.ts but received undefined. `penstock pipeline apply` reads it',
    ],
    [
      { source: 'é'.repeat(131_073) },
      'steps[1].source to be a text of at most 262144 bytes but received "262146 bytes"',
    ],
    [{ sha256: 'abc' }, 'steps[1].sha256 to be that of the source'],
    [{ columns: [] }, 'steps[1].columns to be an array of 1..4096 names of columns'],
    [{ columns: ['a', 'a'] }, 'steps[1].columns[1] to be the name of no other column but received "a"'],
    [{ columns: [7] }, 'steps[1].columns[0] to be the name of a column but received 7'],
    [{ outputs: [] }, 'steps[1].outputs to be an array of 1..'],
    [{ outputs: ['a'] }, 'steps[1].outputs[0] to be an object like {"name": "ratio", "dtype": "float32"}'],
    [
      { outputs: [{ nam: 'a', dtype: 'bool' }] },
      'steps[1].outputs[0] to be made of name, dtype, shape but received "nam". Did you mean name?',
    ],
    [{ outputs: [{ name: 'a', dtype: 'float3' }] }, 'steps[1].outputs[0].dtype to be one of'],
    [{ outputs: [{ name: 'a', dtype: 'float3' }] }, 'Did you mean float32?'],
    [
      { outputs: [{ name: 'a', dtype: 'int8?', shape: [2] }] },
      'outputs[0].dtype to be int8, for rows of several elements',
    ],
    [
      {
        outputs: [
          { name: 'a', dtype: 'int8' },
          { name: 'a', dtype: 'int8' },
        ],
      },
      'the name of no other output',
    ],
    [{ timeoutMs: 0 }, 'steps[1].timeoutMs to be an integer in 1..60000 but received 0'],
    [{ memoryMib: 63 }, 'steps[1].memoryMib to be an integer in 64..4096 but received 63'],
    [{ threads: 17 }, 'steps[1].threads to be an integer in 1..16 but received 17'],
    [{ timeout: 5 }, 'Did you mean timeoutMs?'],
  ])('%o: is refused', (members, sentence) => {
    expect(() => parse(members)).toThrow(
      expect.objectContaining({
        code: 'ERR_PIPELINE_INVALID',
        message: expect.stringContaining(sentence) as string,
      }) as Error,
    )
  })
})

describe('script: columns', () => {
  const table = ['alcohol', 'type'].map((name) => ({ name, dtype: 'float32' as const, isNullable: false, shape: [] }))
  const compile = (members: object): ReturnType<CompileStage> => {
    let made: ReturnType<CompileStage> | undefined
    const draft = { stage: (_: string, __: object, compileStage: CompileStage) => void (made = compileStage(table)) }
    scriptKind.plan(parse(members), 'steps[1]', draft as unknown as PlanDraft)
    return made!
  }

  it('takes those that it names, makes its outputs, drops what it does not keep', () => {
    const outputs = [
      { name: 'ratio', dtype: 'float32?' },
      { name: 'count', dtype: 'int64?' },
      { name: 'pair', dtype: 'bool', shape: [2] },
    ]
    const { takes, makes, drops } = compile({ columns: ['type'], outputs, keep: ['alcohol'] })
    expect(takes).toEqual([table[1]])
    expect(makes).toEqual([
      { name: 'ratio', dtype: 'float32', isNullable: false, shape: [] },
      { name: 'count', dtype: 'int64', isNullable: true, shape: [] },
      { name: 'pair', dtype: 'bool', isNullable: false, shape: [2] },
    ])
    expect(drops).toEqual(['type'])
    expect(compile({ columns: ['type'] }).drops).toBeUndefined()
  })

  it.each([
    [
      { columns: ['alcohl'] },
      'Expected steps[1].columns[0] to be a column that stands in front of the step but received "alcohl". Did you mean alcohol?',
    ],
    [{ columns: ['nothing'] }, 'There are alcohol, type'],
    [
      { columns: ['type'], keep: ['tipe'] },
      'steps[1].keep[0] to be a column that stands in front of the step but received "tipe". Did you mean type?',
    ],
  ])('%o: is refused by what there is', (members, sentence) => {
    expect(() => compile(members)).toThrow(sentence)
  })
})
