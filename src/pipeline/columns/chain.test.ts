/** Chains as they are compiled: which columns stand where, and what cannot stand anywhere. */
import { describe, expect, it } from 'vitest'
import type { Step, TransformStep } from '../definition.js'
import { PlanDraft } from '../plan-draft.js'
import type { CompiledPlan, ResolvedModel } from '../plan.js'
import { compileForDims } from './chain.js'
import type { StageColumn, StagePlan, TransformSegment } from './stage.js'

const column = (name: string, dtype: StageColumn['dtype'] = 'float32', ...shape: (number | null)[]): StageColumn => ({
  name,
  dtype,
  isNullable: false,
  shape,
})
const signature = {
  inputs: [{ name: 'x', dtype: 'float32' as const, shape: [null, 2] }],
  outputs: [{ name: 'y', dtype: 'float32' as const, shape: [null, 1] }],
  batching: 'rows' as const,
}
const model: ResolvedModel = { name: 'm', version: 1, sha256: '', signature }
const inputs = [
  { name: 'id', dtype: 'int64' as const },
  { name: 'a', dtype: 'float32' as const },
]
const concat: TransformStep = { type: 'transform', ops: [{ op: 'concat', columns: ['a', 'b'], as: 'x' }] as never }
/** A step of a kind that there is none of. */
const step = { type: 'made' } as unknown as Step

function compile(
  build: (draft: PlanDraft) => void,
  contract: ConstructorParameters<typeof PlanDraft>[2] = null,
): CompiledPlan {
  const draft = new PlanDraft({ name: 'p', steps: [] }, () => model, contract)
  build(draft)
  return draft.finish()
}

const makesB =
  (seen: string[][] = [], more: Partial<StagePlan> = {}) =>
  (table: readonly StageColumn[]): StagePlan => {
    seen.push(table.map(({ name }) => name))
    return { takes: table.filter(({ name }) => name === 'id'), makes: [column('b')], ...more }
  }

describe('chains of column steps', () => {
  it('pass what a stage does not name, and bind the model by name', () => {
    const seen: string[][] = []
    const plan = compile((draft) => {
      draft.stage('steps[0]', step, makesB(seen), inputs)
      draft.transform('steps[1]', concat)
      draft.runModels('steps[2]', ['m'], undefined)
      draft.stage('steps[3]', step, (table) => ({ takes: table, makes: [column('label', 'string')], drops: ['y'] }))
    })
    expect(seen).toEqual([['id', 'a']])
    expect(plan.inputChain?.segments.map(({ kind, where }) => [kind, where])).toEqual([
      ['stage', 'steps[0]'],
      ['transform', 'steps[1]'],
    ])
    expect(plan.callerInputs.map(({ name }) => name)).toEqual(['id', 'a'])
    expect(plan.inputColumns).toEqual([{ name: 'x', rowDims: [2] }])
    expect(plan.callerOutputs).toEqual([{ name: 'label', dtype: 'string', shape: [null] }])
    expect([plan.inputTransform, plan.outputTransform]).toEqual([null, null])
  })

  it('are recognised where they are one program, and adjacent transforms are one', () => {
    const plan = compile((draft) => {
      draft.transform('steps[0]', {
        type: 'transform',
        ops: [{ op: 'rename', names: { id: 'b' } }] as never,
        inputs: [...inputs.slice(1), { name: 'id', dtype: 'float32' }],
      })
      draft.transform('steps[1]', concat)
      draft.runModels('steps[2]', ['m'], undefined)
    })
    expect(plan.inputChain?.segments).toHaveLength(1)
    expect(plan.inputTransform?.program).toBe((plan.inputChain?.segments[0] as { program: unknown }).program)
  })

  it('carry columns with free dims round transforms, to a model that takes them', () => {
    const free: ResolvedModel = {
      ...model,
      signature: { ...signature, inputs: [{ name: 'ids', dtype: 'int64', shape: [null, null] }] },
    }
    const draft = new PlanDraft({ name: 'p', steps: [] }, () => free)
    draft.stage('steps[0]', step, () => ({ takes: [], makes: [column('ids', 'int64', null)] }), inputs)
    draft.transform('steps[1]', { type: 'transform', ops: [{ op: 'keep', columns: ['a'] }] as never })
    draft.runModels('steps[2]', ['m'], undefined)
    const plan = draft.finish()
    expect(plan.inputColumns).toEqual([{ name: 'ids', rowDims: [null] }])
    expect(plan.inputChain?.segments[1]).toMatchObject({ around: ['ids'] })
  })

  it('take columns with free dims that operations name, and what was made in front of the models, which is no answer', () => {
    const encoder: ResolvedModel = {
      ...model,
      signature: {
        ...signature,
        inputs: [{ name: 'ids', dtype: 'int64', shape: [null, null] }],
        outputs: [{ name: 'states', dtype: 'float32', shape: [null, null, 4] }],
      },
    }
    const pool = (more: object[]): CompiledPlan => {
      const draft = new PlanDraft({ name: 'p', steps: [] }, () => encoder)
      const makes = [column('ids', 'int64', null), column('mask', 'int64', null), column('unused', 'int64', null)]
      draft.stage('steps[0]', step, () => ({ takes: [], makes }), inputs)
      draft.runModels('steps[1]', ['m'], undefined)
      const op = { op: 'mean-pool', columns: ['states'], as: ['mean'], mask: 'mask' }
      draft.transform('steps[2]', { type: 'transform', ops: [op, ...more] as never })
      return draft.finish()
    }
    const plan = pool([])
    expect(plan.callerOutputs).toEqual([
      { name: 'states', dtype: 'float32', shape: [null, null, 4] },
      { name: 'mean', dtype: 'float32', shape: [null, 4] },
    ])
    expect([plan.carriedColumns, plan.outputTransform]).toEqual([['mask'], null])
    const kept = pool([{ op: 'keep', columns: ['mean'] }])
    expect(kept.callerOutputs.map(({ name }) => name)).toEqual(['mean'])
    const made = pool([{ op: 'cast', columns: ['mask'], dtype: 'float32' }])
    expect(made.callerOutputs).toContainEqual({ name: 'mask', dtype: 'float32', shape: [null, null] })
    const segment = plan.outputChain?.segments[0] as TransformSegment
    const program = compileForDims(segment, ({ shape }) => shape.map((dim) => dim ?? 5), 'ERR_RUN_FAILED')
    expect(program.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['states', [5, 4]],
      ['mask', [5]],
      ['mean', [4]],
    ])
    const misfit = (): unknown =>
      compileForDims(segment, ({ name }) => (name === 'states' ? [5, 4] : [6]), 'ERR_RUN_FAILED')
    expect(misfit).toThrow(/rows of \[5\].*int64 \[6\]/)
    expect(() => pool([{ op: 'l2-normalise', columns: ['means'] }])).toThrow(/Did you mean mean/)
  })

  it('make the answer where no step runs a model; checks read it', () => {
    const plan = compile((draft) => {
      draft.stage('steps[0]', step, makesB(), inputs)
      draft.check('steps[1]', { type: 'check', name: 'high', flag: 'out.b > 1' })
    })
    expect([plan.models, plan.stages, plan.isStringPath]).toEqual([[], [], true])
    expect(plan.outputFields.map(({ name }) => name)).toEqual(['id', 'a', 'b'])
    expect(plan.checks[0]?.sources).toEqual([{ stage: 0, position: 0, side: 1, slots: [2] }])
  })

  it('have fields of the contract that are no features where a stage takes them, and only there', () => {
    const contract = { features: [column('a')], others: [column('id', 'int64'), column('at', 'int64')] }
    const plan = compile((draft) => {
      draft.stage('steps[0]', step, makesB())
      draft.transform('steps[1]', concat)
      draft.runModels('steps[2]', ['m'], undefined)
    }, contract)
    expect(plan.callerInputs.map(({ name }) => name)).toEqual(['a', 'id'])
  })

  it.each([
    [
      'between models',
      (draft: PlanDraft) => {
        draft.runModels('steps[0]', ['m'], undefined)
        draft.stage('steps[1]', step, makesB())
        draft.runModels('steps[2]', ['m'], undefined)
      },
      /steps\[1\], a made, not to stand between models but steps\[2\] runs one\. Put it before/,
    ],
    [
      'no columns known',
      (draft: PlanDraft) => {
        draft.stage('steps[0]', step, makesB())
        draft.runModels('steps[1]', ['m'], undefined)
      },
      /steps\[0\] to know the columns that callers send.*inputs:/,
    ],
    [
      'inputs of a later one',
      (draft: PlanDraft) => {
        draft.stage('steps[0]', step, makesB(), inputs)
        draft.stage('steps[1]', step, makesB(), inputs)
      },
      /steps\[1\] to have no inputs/,
    ],
    [
      'nothing for the model',
      (draft: PlanDraft) => {
        draft.stage('steps[0]', step, makesB(), inputs)
        draft.runModels('steps[1]', ['m'], undefined)
      },
      /steps\[0\] to make the input x of the model.*leaves id, a, b/,
    ],
    ['no model, and transforms alone', (draft: PlanDraft) => draft.transform('steps[0]', concat), /runs a model/],
    [
      'two columns of one name',
      (draft: PlanDraft) => {
        draft.stage('steps[0]', step, makesB([], { makes: [column('b'), column('b')] }), inputs)
      },
      /different names but two are b/,
    ],
    [
      'nothing left to answer',
      (draft: PlanDraft) => {
        draft.stage('steps[0]', step, makesB([], { makes: [], drops: ['id', 'a'] }), inputs)
      },
      /to leave a column/,
    ],
  ])('are refused: %s', (_, build, message) => {
    expect(() => compile(build)).toThrow(message)
  })
})
