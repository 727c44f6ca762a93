/**
 * Shapes: counting elements without overflow, and meeting a shape with the free dims (null) of a field.
 *
 * A field's shape has the row axis first and null for a free dim. "Whole" fields have no row axis: their first dim means
 * no more than the others. Any dim may be 0: a table without rows, and a tensor without elements, are like any other.
 */
import { argumentError } from '../base/expect.js'
import { PenstockError } from '../base/errors.js'
import { DIM_MAX, RANK_MAX, TENSOR_ELEMENTS_MAX } from '../base/limits/limits.js'
import type { TensorField } from './tensor.js'

export type FieldShape = readonly (number | null)[]

/** A shape as users read it: `[n, 29]`; n is the row axis, `?` any other free dim. */
export function formatShape(shape: FieldShape, isNonBatching = false): string {
  return `[${shape.map((dim, axis) => dim ?? (axis === 0 && !isNonBatching ? 'n' : '?')).join(', ')}]`
}

/**
 * Counts the elements of a tensor; 1 for rank 0.
 * @throws PenstockError ERR_SHAPE when a dim is no integer in 0..DIM_MAX, or there are more than TENSOR_ELEMENTS_MAX elements.
 */
export function elementCount(shape: readonly number[]): number {
  if (shape.length > RANK_MAX) {
    throw argumentError('shape.length', `at most ${RANK_MAX}`, shape.length, '', 'ERR_SHAPE')
  }
  let count = 1
  for (const dim of shape) {
    expectDim(dim)
    // Divide, never multiply first: the product of hostile dims loses its low bits.
    if (count > TENSOR_ELEMENTS_MAX / dim) {
      throw new PenstockError(
        'ERR_SHAPE',
        `Expected a tensor of at most ${TENSOR_ELEMENTS_MAX} elements but received the shape ${formatShape(shape)}`,
      )
    }
    count *= dim
  }
  return count
}

/** @throws PenstockError ERR_SHAPE. A dim beyond DIM_MAX would come out as another one, even where a 0 stands beside it. */
export function expectDim(dim: number): void {
  if (!Number.isSafeInteger(dim) || dim < 0) throw argumentError('each dim', 'an integer >= 0', dim, '', 'ERR_SHAPE')
  if (dim > DIM_MAX) throw argumentError('each dim', `at most ${DIM_MAX}`, dim, '', 'ERR_SHAPE')
}

/** Counts the elements of one row: those of all dims but the first. */
export function rowElementCount(shape: readonly number[]): number {
  return elementCount(shape.slice(1))
}

/** The elements of `dims`, or null when one of them is free. */
export function staticElementCount(dims: FieldShape): number | null {
  return dims.every((dim) => dim !== null) ? elementCount(dims) : null
}

/** Whether `shape` has the field's rank and its fixed dims. */
export function shapeMatches(field: FieldShape, shape: readonly number[]): boolean {
  return shape.length === field.length && field.every((dim, axis) => dim === null || dim === shape[axis])
}

/** Whether some shape has the dims of both; a free dim meets anything. */
export function dimsCompatible(a: FieldShape, b: FieldShape): boolean {
  return mergeDims(a, b) !== null
}

/** The dims that meet both `a` and `b`, fixed where either is; null when they contradict each other. */
export function mergeDims(a: FieldShape, b: FieldShape): (number | null)[] | null {
  if (a.length !== b.length) return null
  const merged = a.map((dim, axis) => dim ?? b[axis] ?? null)
  return b.every((dim, axis) => dim === null || dim === merged[axis]) ? merged : null
}

/** The dims that either of `a` and `b` may have: free where they are not equal. Ranks are equal. */
export function loosenDims(a: FieldShape, b: FieldShape): (number | null)[] {
  return a.map((dim, axis) => (dim === b[axis] ? dim : null))
}

/**
 * Checks an input's shape against its field.
 * @throws PenstockError ERR_SHAPE naming the axis.
 */
export function expectShape(field: TensorField, shape: readonly number[], isNonBatching: boolean): void {
  if (shapeMatches(field.shape, shape)) return shape.forEach(expectDim)
  const expected = formatShape(field.shape, isNonBatching)
  const received = formatShape(shape)
  const axis = field.shape.findIndex((dim, index) => dim !== null && dim !== shape[index])
  const where =
    shape.length !== field.shape.length
      ? `${field.shape.length} dims, not ${shape.length}`
      : `dim ${axis} is ${field.shape[axis]}`
  throw new PenstockError(
    'ERR_SHAPE',
    `Expected ${field.name} to have the shape ${expected} (${where}) but received ${received}`,
  )
}
