/**
 * What the metadata of a column of flat rows say about the dims of a row: Arrow's canonical extension type of tensors, and
 * `tensor_type`, which our own answers and exports have.
 *
 *   arrow.fixed_shape_tensor  {"shape": [2, 3], "permutation": [1, 0]}   shape of the memory; axis i of the tensor is
 *                             axis permutation[i] of it, so this is a tensor [3, 2] in column order
 *   tensor_type               {"shape": [2, -1]}                         -1: follows from the number of elements
 * https://arrow.apache.org/docs/format/CanonicalExtensions.html
 */
import { PenstockError } from '../../base/errors.js'
import { RANK_MAX } from '../../base/limits/limits.js'
import type { allocateData } from '../../tensor/dtype.js'
import { formatShape, shapeMatches } from '../../tensor/shape.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'

/** The key of a field's metadata under which the row's shape stands. */
export const TENSOR_TYPE = 'tensor_type'

export interface DeclaredShape {
  /** Dims in memory order; absent: the tensor's own axes. */
  readonly memory?: readonly number[]
  /** Present when it changes the order. */
  readonly permutation?: readonly number[]
  /** Present when the permutation is not its own inverse: the dims that the inverse would give. */
  readonly inverseDims?: readonly number[]
  /**
   * The row's dims, given how many elements it has.
   * @throws PenstockError ERR_SHAPE: the elements are not as many.
   */
  readonly dimsOf: (count: number, name: string) => readonly number[]
}

interface Metadata {
  readonly metadata: ReadonlyMap<string, string>
}

/** @throws PenstockError ERR_SHAPE: a tensor's type that means nothing. */
export function declaredShape(field: Metadata & { readonly name: string }): DeclaredShape | null {
  if (field.metadata.get('ARROW:extension:name') === 'arrow.fixed_shape_tensor') return extensionShape(field)
  const shape = dimsIn(parsed(field.metadata.get(TENSOR_TYPE))?.shape, -1)
  if (shape === null) return null
  return { dimsOf: (count, name) => fitted(shape, count, name, TENSOR_TYPE) }
}

function extensionShape({ name, metadata }: Metadata & { readonly name: string }): DeclaredShape {
  const text = metadata.get('ARROW:extension:metadata')
  const declared = parsed(text)
  const memory = dimsIn(declared?.shape, 0)
  const permutation = declared?.permutation == null ? memory?.map((_, axis) => axis) : dimsIn(declared.permutation, 0)
  const isPermutation =
    memory !== null && permutation?.length === memory.length && memory.every((_, axis) => permutation.includes(axis))
  if (!isPermutation)
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected ${name} of arrow.fixed_shape_tensor to tell a shape, and a permutation of its axes if any, but received ${(text ?? 'nothing').slice(0, 200)}`,
    )
  const dims = permutation.map((axis) => memory[axis] as number)
  const dimsOf = (count: number, field: string): readonly number[] =>
    fitted(dims, count, field, 'arrow.fixed_shape_tensor')
  if (permutation.every((axis, index) => axis === index)) return { memory, dimsOf }
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis))
  if (inverse.every((axis, index) => axis === permutation[index])) return { memory, permutation, dimsOf }
  return { memory, permutation, dimsOf, inverseDims: inverse.map((axis) => memory[axis] as number) }
}

/**
 * Refuses a permutation that a field's dims do not distinguish from its inverse: pyarrow writes the inverse of what the
 * format says for axes that move round in a ring, as channels-first views do.
 */
export function expectOneOrder(
  { permutation, inverseDims }: DeclaredShape,
  wanted: TensorField['shape'],
  name: string,
): void {
  if (permutation === undefined || inverseDims === undefined || !shapeMatches(wanted, inverseDims)) return
  throw new PenstockError(
    'ERR_SHAPE',
    `Expected ${name} to have its axes in order, or dims that tell them apart, but received the permutation ${formatShape(permutation)}, which some writers mean the other way round. Write a copy with contiguous rows, in numpy with ascontiguousarray`,
  )
}

/** The dims with the free one filled in; flat when more are free. */
function fitted(dims: readonly number[], count: number, name: string, teller: string): readonly number[] {
  const known = dims.filter((dim) => dim >= 0).reduce((product, dim) => product * dim, 1)
  const free = dims.filter((dim) => dim < 0).length
  if (free > 1) return [count]
  if (free === 0 ? known === count : known > 0 && count % known === 0)
    return dims.map((dim) => (dim < 0 ? count / known : dim))
  throw new PenstockError(
    'ERR_SHAPE',
    `Expected ${name} to have rows of the dims ${formatShape(dims)}, as its ${teller} tells, but received ${count} elements in a row`,
  )
}

/** The integers from `min` of a short list; null for anything else. */
function dimsIn(value: unknown, min: number): readonly number[] | null {
  const isDims =
    Array.isArray(value) &&
    value.length <= RANK_MAX &&
    value.every((dim) => Number.isSafeInteger(dim) && (dim as number) >= min)
  return isDims ? (value as number[]) : null
}

function parsed(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return null
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/**
 * The elements in the order of the tensor's axes.
 * @param data of `rows` rows in the order of the memory. @returns a copy.
 */
export function permuteRows(
  data: Tensor['data'],
  rows: number,
  { memory, permutation }: Pick<Required<DeclaredShape>, 'memory' | 'permutation'>,
): Tensor['data'] {
  const count = memory.reduce((product, dim) => product * dim, 1)
  const strides = memory.map((_, axis) => memory.slice(axis + 1).reduce((product, dim) => product * dim, 1))
  const dims = permutation.map((axis) => memory[axis] as number)
  const steps = permutation.map((axis) => strides[axis] as number)
  // Where each element of a row lies: an odometer over the tensor's axes, once for all rows.
  const places = new Int32Array(count)
  const digits = dims.map(() => 0)
  for (let at = 0, place = 0; at < count; at++) {
    places[at] = place
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      place += steps[axis] as number
      if (++(digits[axis] as number) < (dims[axis] as number)) break
      place -= (steps[axis] as number) * (dims[axis] as number)
      digits[axis] = 0
    }
  }
  const from = data as readonly (string | number | bigint)[]
  const to = (Array.isArray(data) ? new Array<string>(data.length) : sameKind(data as never)) as (typeof from)[number][]
  for (let row = 0; row < rows; row++)
    for (let at = 0; at < count; at++) to[row * count + at] = from[row * count + (places[at] as number)] as never
  return to as unknown as Tensor['data']
}

function sameKind(data: ReturnType<typeof allocateData>): ReturnType<typeof allocateData> {
  return new (data.constructor as new (length: number) => typeof data)(data.length)
}
