/**
 * What a plan in the making consists of: nodes, their outputs, the request's inputs, and where the finished
 * plan finds each of them.
 */
import { SourceSide } from '../base/generated/boundary.js'
import { PenstockError } from '../base/errors.js'
import type { FieldShape } from '../tensor/shape.js'
import type { TensorDefault, TensorField } from '../tensor/tensor.js'
import type { Feedable } from './plan-inputs.js'
import type { PlanOption, PlanSource } from './plan.js'

export interface Position {
  readonly stage: number
  readonly index: number
  readonly label: string
  readonly options: PlanOption[]
  readonly split: number
  readonly outputs: Output[]
  /** The answer, a later stage or a check reads it: it runs in the foreground. */
  isNeeded: boolean
  isAudited: boolean
}

export interface Output extends Feedable {
  readonly position: Position
  readonly slots: number[]
}

export interface Input extends Feedable {
  rowDims: FieldShape
  default?: TensorDefault | undefined
  readonly readers: { readonly position: Position; readonly slots: number[] }[]
}

export function outputSource({ position, slots }: Output): PlanSource {
  return { stage: position.stage, position: position.index, side: SourceSide.outputs, slots }
}

/** Where the request's tensor is found again: in the foreground if any model there takes it. */
export function inputSource({ readers }: Input): PlanSource {
  const reader = readers.find(({ position }) => position.isNeeded) ?? readers[0]
  if (reader === undefined) throw new Error('assertion: an input has a reader, for a reader made it')
  return { stage: 0, position: reader.position.index, side: SourceSide.inputs, slots: reader.slots }
}

/** As inputSource, but a check waits for what it reads: a background node is moved to the foreground. */
export function foregroundSource(input: Input): PlanSource {
  const source = inputSource(input)
  const reader = input.readers.find(({ position }) => position.index === source.position)
  if (reader !== undefined) reader.position.isNeeded = true
  return source
}

export function fieldOf(name: string, { dtype, rowDims }: Feedable, isNonBatching: boolean): TensorField {
  return { name, dtype, shape: isNonBatching ? rowDims : [null, ...rowDims] }
}

/** An input of the request: it may be left out where every model that reads it has the same default. */
export function inputFieldOf({ name, default: value, ...feedable }: Input, isNonBatching: boolean): TensorField {
  const field = fieldOf(name, { name, ...feedable }, isNonBatching)
  return value === undefined ? field : { ...field, default: value }
}

export function isText({ dtype }: { readonly dtype: string }): boolean {
  return dtype === 'string'
}

export function invalid(message: string): PenstockError {
  return new PenstockError('ERR_PIPELINE_INVALID', message)
}
