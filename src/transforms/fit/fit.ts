/**
 * Learns the constants of operations that lack them from a table. Operations are fitted in their order, on the rows as the
 * operations in front make them, as scikit-learn fits a pipeline; consecutive ones whose columns differ share a pass.
 */
import { PenstockError } from '../../base/errors.js'
import type { ColumnTable, TransformColumn } from '../draft/column.js'
import type { Learner, OpFit } from '../draft/op-kind.js'
import type { AnyOp } from '../draft/operation.js'
import type { Place } from '../draft/op-reader.js'
import { kindOf, type TransformOp } from '../ops/kinds.js'
import { compileOps } from '../program/compile.js'
import { isFitted, transformPlace } from '../program/definition.js'
import { Transform } from '../program/transform.js'

/**
 * The operations with all constants; those that had them keep them.
 * @throws PenstockError: what compiling throws; a row that fails in front of what is fitted; nothing to learn from.
 */
export async function fitOps(
  ops: readonly TransformOp[],
  table: ColumnTable,
  place: Place = transformPlace,
): Promise<TransformOp[]> {
  let fitted = [...ops]
  for (;;) {
    const first = fitted.findIndex((op) => !isFitted(op))
    if (first < 0) break
    fitted = await fitTogether(fitted, first, table, place)
  }
  // What was learnt has to fit what comes behind.
  compileOps(fitted, table.columns, place)
  return fitted
}

interface Fitting {
  readonly index: number
  readonly op: TransformOp
  readonly fit: OpFit
  readonly columns: readonly string[]
  learners: Learner[] | null
}

/** Those from `first` on that are not fitted and read no column that one before them in the pass writes. */
function togetherFrom(ops: readonly TransformOp[], first: number): Fitting[] {
  const together: Fitting[] = []
  const written = new Set<string>()
  for (let index = first; index < ops.length; index++) {
    const op = ops[index] as TransformOp
    const { fit } = kindOf(op)
    if (fit === undefined || fit.isFitted(op)) break
    const columns = fit.columns(op)
    if (columns.some((name) => written.has(name))) break
    together.push({ index, op, fit, columns, learners: null })
    for (const name of (op as AnyOp & { as?: readonly string[] }).as ?? columns) written.add(name)
  }
  return together
}

async function fitTogether(
  ops: readonly TransformOp[],
  first: number,
  table: ColumnTable,
  place: Place,
): Promise<TransformOp[]> {
  const before = new Transform(compileOps(ops.slice(0, first), table.columns, place))
  const together = togetherFrom(ops, first)
  for (const { index, op, columns } of together) expectColumns(before, columns, index, op, place)
  let rows = 0
  for await (const part of table.parts()) {
    const result = before.run(part)
    const [failure] = result.failures
    if (failure !== undefined)
      throw new PenstockError(
        place.code,
        `${failure.message}, in row ${rows + failure.row} (${place.where}[${failure.op}], ${failure.opName})`,
      )
    for (const fitting of together) learn(fitting, result.columns)
    rows += result.rows
  }
  const fitted = [...ops]
  for (const { index, op, fit, learners } of together) {
    if (learners === null)
      throw new PenstockError(
        place.code,
        `Expected a table with rows to fit ${place.where}[${index}] (${op.op}) but received none`,
      )
    fitted[index] = fit.complete(
      op,
      learners.map((learner) => learner.result()),
    ) as TransformOp
  }
  return fitted
}

/** The compiler's words for a column that is not there. */
function expectColumns(
  before: Transform,
  names: readonly string[],
  index: number,
  op: TransformOp,
  place: Place,
): void {
  const types = before.program.outputs
  if (names.every((name) => types.some((type) => type.name === name))) return
  const passed = new Array<TransformOp>(index).fill({ op: 'keep', columns: types.map(({ name }) => name) })
  compileOps([...passed, { op: 'keep', columns: names }], types, place)
  throw new PenstockError(
    place.code,
    `Expected the columns of ${place.where}[${index}] (${op.op}) but they are not there`,
  )
}

function learn(fitting: Fitting, columns: Readonly<Record<string, TransformColumn>>): void {
  const own = fitting.columns.map((name) => columns[name] as TransformColumn)
  fitting.learners ??= own.map((column) => fitting.fit.learner(fitting.op, column))
  fitting.learners.forEach((learner, i) => learner.add(own[i] as TransformColumn))
}
