/**
 * From operations and the types of the columns in front of them to a flat program. Every column behind each operation has
 * its type before anything runs: what does not fit fails here, with the operation's index and the column's name.
 */
import type { NativeTransformSpec } from '../../../bindings/native-transforms.js'
import { argumentError } from '../../base/expect.js'
import { TRANSFORM_COLUMNS_MAX } from '../../base/limits/transform-limits.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import { type ColumnType, elementsOf, expectColumnType } from '../draft/column.js'
import { type FailureLabel, ProgramDraft } from '../draft/draft.js'
import type { Place } from '../draft/op-reader.js'
import { kindOf, type TransformOp } from '../ops/kinds.js'
import { transformPlace } from './definition.js'
import { joinMaps } from './join-maps.js'

/** Plain data: it may be stored, compared and sent to another thread. */
export interface TransformProgram {
  readonly inputs: readonly ColumnType[]
  readonly outputs: readonly OutputColumn[]
  /** Names of the operations, for failures of rows. */
  readonly opNames: readonly string[]
  /** By NativeInstructionSpec.column. */
  readonly labels: readonly FailureLabel[]
  readonly spec: NativeTransformSpec
}

export interface OutputColumn extends ColumnType {
  /** Index of spec.outputs. Columns of the same elements under several names share one. */
  readonly output: number
}

/**
 * @param inputs the columns in front of the first operation, in their order; names differ.
 * @throws PenstockError of place.code.
 */
export function compileOps(
  ops: readonly TransformOp[],
  inputs: readonly ColumnType[],
  place: Place = transformPlace,
): TransformProgram {
  expectInputs(inputs)
  const draft = new ProgramDraft(inputs, place)
  ops.forEach((op, i) => {
    draft.enter(i, op.op)
    kindOf(op).compile(op, draft)
  })
  const outputs: OutputColumn[] = []
  const indexOf = new Map<number, number>()
  for (const [name, { value, dtype, isNullable, shape }] of draft.columns) {
    const output = indexOf.get(value) ?? indexOf.size
    indexOf.set(value, output)
    outputs.push({ name, dtype, isNullable, shape, output })
  }
  const values = draft.values.map((type) => ({
    dtype: dtypeInfo(type.dtype).code,
    isNullable: type.isNullable,
    width: elementsOf(type.shape),
  }))
  const spec = joinMaps({
    values,
    inputCount: inputs.length,
    instructions: draft.instructions,
    outputs: [...indexOf.keys()],
    blockRows: 0,
  })
  return { inputs, outputs, opNames: ops.map(({ op }) => op), labels: draft.labels, spec }
}

function expectInputs(inputs: readonly ColumnType[]): void {
  if (inputs.length > TRANSFORM_COLUMNS_MAX)
    throw argumentError('inputs', `at most ${TRANSFORM_COLUMNS_MAX} columns`, inputs.length)
  const names = new Set<string>()
  inputs.forEach((input, i) => {
    if (names.has(input.name)) throw argumentError(`inputs[${i}].name`, 'a name that stands there once', input.name)
    names.add(input.name)
    expectColumnType(`inputs[${i}]`, input)
  })
}
