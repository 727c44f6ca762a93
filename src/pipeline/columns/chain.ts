/**
 * The steps of a pipeline that take columns and leave columns, as chains: one from what callers send to the plan's inputs,
 * one from the plan's outputs to what callers get, or, where no step runs a model, one from what callers send to what they
 * get. Adjacent transforms become one program, so that a block of rows passes all of them while it is in the cache.
 */
import { formatShape } from '../../tensor/shape.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { ColumnType } from '../../transforms/draft/column.js'
import { compileOps, type TransformProgram } from '../../transforms/program/compile.js'
import type { Step, TransformInput, TransformStep } from '../definition.js'
import { invalid } from '../plan-graph.js'
import type { CompileStage, PlanChain, PlanSegment, StageColumn, StagePlan, TransformSegment } from './stage.js'

/** A step that waits for the columns in front of it. */
export interface PendingColumnStep {
  readonly where: string
  readonly step: Step
  /** null: a transform. */
  readonly compile: CompileStage | null
  /** What callers send, as the step says it. */
  readonly inputs: readonly TransformInput[] | undefined
}

/**
 * Compiles steps that stand one behind the other.
 * @param inputs the columns in front of the first.
 * @param optional columns that are there for stages which take them: they are inputs where one does.
 * @throws PenstockError ERR_PIPELINE_INVALID.
 */
export function compileChain(
  steps: readonly PendingColumnStep[],
  inputs: readonly StageColumn[],
  optional: readonly StageColumn[] = [],
): PlanChain {
  const segments: PlanSegment[] = []
  const taken: StageColumn[] = []
  let table = inputs
  for (let at = 0; at < steps.length;) {
    const { where, step, compile } = steps[at] as PendingColumnStep
    if (compile === null) {
      const end = steps.findIndex((other, i) => i > at && other.compile !== null)
      const transforms = steps.slice(at, end < 0 ? steps.length : end)
      const segment = compileTransforms(transforms, table)
      segments.push(segment)
      table = [...table.filter(({ name }) => segment.around.includes(name)), ...segment.program.outputs.map(typeOf)]
      at += transforms.length
    } else {
      const hidden = optional.filter(({ name }) => !table.some((column) => column.name === name))
      const plan = compile([...table, ...hidden])
      expectStage(where, plan, [...table, ...hidden])
      taken.push(...hidden.filter(({ name }) => plan.takes.some((column) => column.name === name)))
      segments.push({ kind: 'stage', where, type: step.type, step, ...plan })
      table = tableBehind(plan, [...table, ...taken.filter(({ name }) => !table.some((one) => one.name === name))])
      at++
    }
  }
  const used = optional.filter((column) => taken.includes(column))
  return { inputs: [...inputs, ...used], segments, outputs: table }
}

function compileTransforms(transforms: readonly PendingColumnStep[], table: readonly StageColumn[]): TransformSegment {
  const where = transforms.map((transform) => transform.where).join(', ')
  const ops = transforms.flatMap(({ step }) => (step as TransformStep).ops)
  const fixed = table.filter((column): column is ColumnType => !column.shape.includes(null))
  const around = table.filter(({ shape }) => shape.includes(null)).map(({ name }) => name)
  const program = compileOps(ops, fixed, { where: `${where}.ops`, code: 'ERR_PIPELINE_INVALID' })
  const twice = around.find((name) => program.outputs.some((column) => column.name === name))
  if (twice !== undefined)
    throw invalid(`Expected ${where} to leave the name ${twice} to the column that passes it: its rows have free dims`)
  return { kind: 'transform', where, program, around }
}

const typeOf = ({ name, dtype, isNullable, shape }: ColumnType): ColumnType => ({ name, dtype, isNullable, shape })

function tableBehind({ makes, drops = [] }: StagePlan, table: readonly StageColumn[]): StageColumn[] {
  const kept = table.filter(({ name }) => !drops.includes(name) && !makes.some((made) => made.name === name))
  return [...kept, ...makes]
}

/** What a step kind has to keep to: its own messages say more. */
function expectStage(where: string, { takes, makes, drops = [] }: StagePlan, table: readonly StageColumn[]): void {
  const known = table.map(({ name }) => name)
  const missing = [...takes.map(({ name }) => name), ...drops].find((name) => !known.includes(name))
  if (missing !== undefined) throw invalid(`Expected ${where} to take a column that is there but received ${missing}`)
  const names = makes.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw invalid(`Expected ${where} to make columns of different names but two are ${twice}`)
}

/** The program of a chain that is one transform; null: it is more, or less. */
export function onlyProgram({ segments }: PlanChain): TransformProgram | null {
  const [only] = segments
  return segments.length === 1 && only?.kind === 'transform' && only.around.length === 0 ? only.program : null
}

/** A value a row stands as [rows]: columns have no second axis. */
export function callerField({ name, dtype, shape }: StageColumn): TensorField {
  return { name, dtype, shape: [null, ...shape] }
}

/** An output of a model as a column. @throws PenstockError ERR_PIPELINE_INVALID: a transform takes it, and its rows have free dims. */
export function answerColumn({ name, dtype, shape }: TensorField, [first]: readonly PendingColumnStep[]): StageColumn {
  const [, ...row] = shape
  if (row.includes(null) && first?.compile === null)
    throw invalid(
      `Expected ${name} to have rows of one shape, for ${first.where} takes it, but it has ${formatShape(shape, false)}`,
    )
  return { name, dtype, isNullable: false, shape: row.length === 1 && row[0] === 1 ? [] : row }
}
