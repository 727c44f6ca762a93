/**
 * The steps of a pipeline that take columns and leave columns, as chains: one from what callers send to the plan's inputs,
 * one from the plan's outputs to what callers get, or, where no step runs a model, one from what callers send to what they
 * get. Adjacent transforms become one program, so that a block of rows passes all of them while it is in the cache.
 */
import type { ErrorCode } from '../../base/errors.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { ColumnType } from '../../transforms/draft/column.js'
import { compileOps, type OutputColumn, type TransformProgram } from '../../transforms/program/compile.js'
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
  /** What callers send where nothing says so; absent: that is refused. */
  readonly alone?: readonly TransformInput[] | undefined
}

/**
 * Compiles steps that stand one behind the other.
 * @param inputs the columns in front of the first.
 * @param optional columns that are there for stages which take them: they are inputs where one does.
 * @param carried the same for transforms, whose operations name them; they leave with what is made of them, but not themselves.
 * @throws PenstockError ERR_PIPELINE_INVALID.
 */
export function compileChain(
  steps: readonly PendingColumnStep[],
  inputs: readonly StageColumn[],
  optional: readonly StageColumn[] = [],
  carried: readonly StageColumn[] = [],
): PlanChain {
  const segments: PlanSegment[] = []
  const taken: StageColumn[] = []
  let table = inputs
  for (let at = 0; at < steps.length;) {
    const { where, step, compile } = steps[at] as PendingColumnStep
    if (compile === null) {
      const end = steps.findIndex((other, i) => i > at && other.compile !== null)
      const transforms = steps.slice(at, end < 0 ? steps.length : end)
      const { segment, used, outputs } = compileTransforms(transforms, table, carried)
      segments.push(segment)
      taken.push(...used.filter((column) => !taken.includes(column)))
      table = [...table.filter(({ name }) => segment.around.includes(name)), ...outputs]
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
  const used = [...optional, ...carried].filter((column) => taken.includes(column))
  return { inputs: [...inputs, ...used], segments, outputs: table }
}

/** Sizes for which a program is tried whose columns have free dims: what differs between them is free behind it, too. */
const TRIAL_DIMS = [7, 11] as const

interface CompiledTransforms {
  readonly segment: TransformSegment
  /** The carried columns that it takes. */
  readonly used: readonly StageColumn[]
  /** What it leaves, without them. */
  readonly outputs: readonly StageColumn[]
}

function compileTransforms(
  transforms: readonly PendingColumnStep[],
  table: readonly StageColumn[],
  carried: readonly StageColumn[],
): CompiledTransforms {
  const where = transforms.map((transform) => transform.where).join(', ')
  const ops = transforms.flatMap(({ step }) => (step as TransformStep).ops)
  const names = textsIn(ops)
  const used = carried.filter(({ name }) => names.has(name) && !table.some((column) => column.name === name))
  const isTaken = ({ name, shape }: StageColumn): boolean => !shape.includes(null) || names.has(name)
  const inputs = [...table.filter(isTaken), ...used]
  const around = table.filter((column) => !isTaken(column)).map(({ name }) => name)
  const hasFreeDims = inputs.some(({ shape }) => shape.includes(null))
  const compile = (dim: number): TransformProgram =>
    compileOps(ops, withDims(inputs, dim), { where: `${where}.ops`, code: 'ERR_PIPELINE_INVALID' })
  const program = compile(TRIAL_DIMS[0])
  const other = hasFreeDims ? compile(TRIAL_DIMS[1]) : program
  const twice = around.find((name) => program.outputs.some((column) => column.name === name))
  if (twice !== undefined)
    throw invalid(`Expected ${where} to leave the name ${twice} to the column that passes it: its rows have free dims`)
  const isCarried = ({ name, output }: OutputColumn): boolean =>
    used.some((column) => column.name === name) &&
    program.spec.outputs[output] === inputs.findIndex((one) => one.name === name)
  const outputs = program.outputs.flatMap((column, i): StageColumn[] => {
    if (isCarried(column)) return []
    const shape = column.shape.map((dim, axis) => (dim === other.outputs[i]?.shape[axis] ? dim : null))
    return [{ ...typeOf(column), shape }]
  })
  const segment = { kind: 'transform' as const, where, program, around, free: hasFreeDims ? { ops, inputs } : null }
  return { segment, used, outputs }
}

/** Every text in operations: names of columns are among them. */
function textsIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value === 'string') found.add(value)
  else if (typeof value === 'object' && value !== null)
    for (const member of Object.values(value)) textsIn(member, found)
  return found
}

/** The program of a segment whose columns have free dims, for the dims of one request. @throws PenstockError of `code`: they do not fit. */
export function compileForDims(
  { where, free }: TransformSegment,
  dimsOf: (column: StageColumn) => readonly number[],
  code: ErrorCode,
): TransformProgram {
  if (free === null) throw new Error('assertion: it has columns with free dims')
  const inputs = free.inputs.map((column): ColumnType => ({ ...column, shape: dimsOf(column) }))
  return compileOps(free.ops, inputs, { where: `${where}.ops`, code })
}

function withDims(columns: readonly StageColumn[], free: number): ColumnType[] {
  return columns.map((column) => ({ ...column, shape: column.shape.map((dim) => dim ?? free) }))
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
  return segments.length === 1 && only?.kind === 'transform' && only.around.length === 0 && only.free === null
    ? only.program
    : null
}

/** A value a row stands as [rows]: columns have no second axis. */
export function callerField({ name, dtype, shape }: StageColumn): TensorField {
  return { name, dtype, shape: [null, ...shape] }
}

/** An input or output of a model as a column. */
export function modelColumn({ name, dtype, shape }: TensorField): StageColumn {
  const [, ...row] = shape
  return { name, dtype, isNullable: false, shape: row.length === 1 && row[0] === 1 ? [] : row }
}
