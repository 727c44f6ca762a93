/**
 * Arrow columns to the tensors of a pipeline's inputs. Where the dtype is the model's, nothing is missing and the body
 * holds one record batch, a tensor is a view of the body: its numbers are never JavaScript's. Several batches are joined
 * by copying bytes.
 *
 * A column of numbers has rows without dims, fixed_size_list<…>[k] rows of k elements, lists rows of the one length that
 * they all have; nested lists, as many dims. Dims must be the field's. Only a flat row, of as many elements as the
 * field's row has, takes the field's shape, so that [28, 28] may come as 784 numbers. The metadata may
 * give a flat row's dims: the extension type arrow.fixed_shape_tensor, whose permutation is applied, or `tensor_type`
 * {"shape": […]}, which our own answers have. They must be the field's as well.
 *
 * No value (null), of an element or of a whole list, is NaN for floats and "" for strings; other dtypes refuse it.
 */
import { PenstockError } from '../../base/errors.js'
import { allocateData, type NumericData } from '../../tensor/dtype.js'
import { expectShape, formatShape, shapeMatches } from '../../tensor/shape.js'
import type { NumericDtype, Tensor, TensorField } from '../../tensor/tensor.js'
import { type ElementPart, elementsOf, expectType } from '../tensors/elements.js'
import type { ArrowField, ArrowType } from '../ipc/arrow-schema.js'
import { type Allowance, type ArrowColumn, isNull, takeRows } from '../ipc/columns.js'
import type { ArrowBody } from '../ipc/read-arrow.js'
import { expectOneOrder, permuteRows, type DeclaredShape, declaredShape } from '../tensors/declared-shape.js'

/** What of a body a tensor is read from. */
type Source = Pick<ArrowBody, 'batches' | 'rows' | 'fields' | 'allowance'>

/**
 * @param index of the column in the body.
 * @returns a tensor of the field's dtype and shape; of a body of one batch, often a view of it.
 * @throws PenstockError ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_ARGUMENT (nulls), ERR_BODY.
 */
export function arrowTensor(body: Source, index: number, field: TensorField, isNonBatching: boolean): Tensor {
  const wanted = isNonBatching ? field.shape : field.shape.slice(1)
  const column = body.fields[index] as ArrowField
  expectType(field, leafType(column))
  const declared = declaredShape(column)
  const parts = body.batches.map(({ columns }) => partOf(columns[index] as ArrowColumn, field, wanted, body.allowance))
  if (isNonBatching && body.rows !== 1) {
    const sentence = `Expected one row, for the models have no row axis, but received ${body.rows}`
    throw new PenstockError('ERR_SHAPE', `${sentence}. Send one request each`)
  }
  const [first] = parts
  if (first === undefined) return emptyTensor(column, field, wanted, declared)
  const uneven = parts.find(({ dims }) => dims.join() !== first.dims.join())
  if (uneven !== undefined) throw unevenRows(field, first.dims, uneven.dims)
  const shape = shapeOf(field, wanted, isNonBatching ? null : body.rows, first.dims, declared, isNonBatching)
  const data = elementsOf(field, parts, body.rows)
  if (declared?.permutation === undefined) return { dtype: field.dtype, shape, data }
  expectOneOrder(declared, wanted, field.name)
  return { dtype: field.dtype, shape, data: permuteRows(data, body.rows, declared as Required<DeclaredShape>) }
}

/**
 * One tensor [n, k] of k columns with a number in each row.
 * @param indices of the columns, in the order of the features. @throws as arrowTensor, naming the column.
 */
export function arrowFeatures(body: Source, indices: readonly number[], field: TensorField): Tensor {
  const dtype = field.dtype as NumericDtype
  const data = allocateData(dtype, body.rows * indices.length)
  for (const [feature, index] of indices.entries()) {
    const { name } = body.fields[index] as ArrowField
    const column = arrowTensor(body, index, { name, dtype, shape: [null] }, false).data as NumericData
    for (let row = 0; row < body.rows; row++) data[row * indices.length + feature] = column[row] as number
  }
  return { dtype, shape: [body.rows, indices.length], data }
}

/** A column's elements in one batch, without the lists around them. */
interface Part extends ElementPart {
  readonly dims: readonly number[]
}

function partOf(column: ArrowColumn, field: TensorField, wanted: TensorField['shape'], allowance: Allowance): Part {
  if (hasNulls(column)) return partWithNulls(column, field, wanted, allowance)
  const dims: number[] = []
  let level = column
  let start = 0
  let count = column.length
  for (let child = level.children[0]; isList(level) && child !== undefined; child = level.children[0]) {
    const { type } = level.field
    if (type.id === 'fixed-size-list') {
      dims.push(type.size)
      start *= type.size
      count *= type.size
    } else {
      const offsets = level.offsets as Int32Array | BigInt64Array
      const size = evenSize(offsets, start, count, field)
      dims.push(size)
      start = Number(offsets[start])
      count *= size
    }
    level = child
  }
  return { leaf: level, dims, start, count, rows: column.length }
}

/** Returns the type of the elements, inside all lists. */
function leafType({ type }: ArrowField): ArrowType {
  return type.id === 'list' || type.id === 'large-list' || type.id === 'fixed-size-list' ? leafType(type.item) : type
}

function isList({ field: { type } }: ArrowColumn): boolean {
  return type.id === 'list' || type.id === 'large-list' || type.id === 'fixed-size-list'
}

/** Whether the column or its lists' elements have nulls. */
function hasNulls(column: ArrowColumn): boolean {
  return column.nullCount > 0 || (isList(column) && column.children.some(hasNulls))
}

/** The one length that lists start … start + count have. */
function evenSize(offsets: Int32Array | BigInt64Array, start: number, count: number, field: TensorField): number {
  if (count === 0) return 0
  const size = Number(offsets[start + 1]) - Number(offsets[start])
  for (let row = start; row < start + count; row++) {
    const length = Number(offsets[row + 1]) - Number(offsets[row])
    if (length !== size) throw unevenLists(field, size, row - start, length)
  }
  return size
}

function unevenLists(field: TensorField, size: number, row: number, length: number): PenstockError {
  return new PenstockError(
    'ERR_SHAPE',
    `Expected all lists of ${field.name} to have ${size} elements, as the first has, but list ${row} has ${length}. All rows of a tensor have the same dims`,
  )
}

// ── missing values ──────────────────────────────────────────────────────────────────────────────

/** The elements are copied in their order; a list that is missing has as many missing ones as the others have. */
function partWithNulls(
  column: ArrowColumn,
  field: TensorField,
  wanted: TensorField['shape'],
  allowance: Allowance,
): Part {
  const dims: number[] = []
  let level = column
  allowance.spend(4 * column.length)
  let places: Int32Array = Int32Array.from({ length: column.length }, (_, row) => row)
  for (let child = level.children[0]; isList(level) && child !== undefined; child = level.children[0]) {
    const size = sizeOfPresent(level, places, field) ?? missingSize(wanted, dims.length, isList(child))
    allowance.spend(4 * places.length * size)
    const inner = new Int32Array(places.length * size)
    for (const [at, place] of places.entries()) {
      const start = place < 0 || isNull(level, place) ? -1 : startOf(level, place)
      for (let index = 0; index < size; index++) inner[at * size + index] = start < 0 ? -1 : start + index
    }
    dims.push(size)
    places = inner
    level = child
  }
  if (level.field.type.id === 'null' && dims.length === 0) {
    // A column of nothing has no lists to take dims from: they are the field's.
    dims.push(...wanted.map((dim) => dim ?? 1))
    const count = dims.reduce((product, dim) => product * dim, column.length)
    allowance.spend(4 * count)
    places = new Int32Array(count).fill(-1)
  }
  for (const [at, place] of places.entries()) if (place >= 0 && isNull(level, place)) places[at] = -1
  return { leaf: takeRows(level, places, allowance), dims, start: 0, count: places.length, rows: column.length }
}

function startOf({ field: { type }, offsets }: ArrowColumn, row: number): number {
  return type.id === 'fixed-size-list' ? row * type.size : Number(offsets?.[row])
}

/** The one size of the lists that are there; null when none is. */
function sizeOfPresent(level: ArrowColumn, places: Int32Array, field: TensorField): number | null {
  const { type } = level.field
  if (type.id === 'fixed-size-list') return type.size
  let size: number | null = null
  for (const [at, place] of places.entries()) {
    if (place < 0 || isNull(level, place)) continue
    const length = Number(level.offsets?.[place + 1]) - Number(level.offsets?.[place])
    size ??= length
    if (length !== size) throw unevenLists(field, size, at, length)
  }
  return size
}

/** Where every list is missing: what the field says of the axis, or of the whole row when lists are flat. */
function missingSize(wanted: TensorField['shape'], axis: number, hasInner: boolean): number {
  const dims = hasInner || axis > 0 ? wanted.slice(axis, axis + 1) : wanted
  return dims.reduce<number>((product, dim) => product * (dim ?? 1), 1)
}

// ── shapes ──────────────────────────────────────────────────────────────────────────────────────

function unevenRows(field: TensorField, first: readonly number[], other: readonly number[]): PenstockError {
  return new PenstockError(
    'ERR_SHAPE',
    `Expected all rows of ${field.name} to have the dims ${formatShape(first)} but a later batch has ${formatShape(other)}`,
  )
}

/** @param rows null: the field has no row axis. */
function shapeOf(
  field: TensorField,
  wanted: TensorField['shape'],
  rows: number | null,
  dims: readonly number[],
  declared: DeclaredShape | null,
  isNonBatching: boolean,
): number[] {
  const withRows = (row: readonly number[]): number[] => (rows === null ? [...row] : [rows, ...row])
  const isFlat = dims.length <= 1
  // Nested lists show their dims; a flat row has only those of its metadata.
  const named = isFlat && declared !== null ? declared.dimsOf(product(dims), field.name) : dims
  if (shapeMatches(wanted, named)) return withRows(named)
  const count = product(named)
  if (named.length <= 1) {
    const known = product(wanted.filter((dim) => dim !== null))
    const free = wanted.filter((dim) => dim === null).length
    if ((free === 0 && known === count) || (free === 1 && known > 0 && count % known === 0))
      return withRows(wanted.map((dim) => dim ?? count / known))
  }
  const shape = withRows(named)
  expectShape(field, shape, isNonBatching)
  return shape
}

/** No rows: free dims are what the type declares, or 0. */
function emptyTensor(
  column: ArrowField,
  field: TensorField,
  wanted: TensorField['shape'],
  declared: DeclaredShape | null,
): Tensor {
  const fixed: number[] = []
  for (let { type } = column; type.id === 'fixed-size-list'; { type } = type.item) fixed.push(type.size)
  const [size] = fixed
  // Only rows of a fixed size say how many elements the dims of the metadata would have to hold.
  const dims = declared === null || size === undefined || fixed.length > 1 ? fixed : declared.dimsOf(size, field.name)
  const shape = [0, ...wanted.map((dim, axis) => dim ?? (dims.length === wanted.length ? (dims[axis] ?? 0) : 0))]
  return { dtype: field.dtype, shape, data: field.dtype === 'string' ? [] : allocateData(field.dtype, 0) }
}

function product(dims: readonly number[]): number {
  return dims.reduce((count, dim) => count * dim, 1)
}
