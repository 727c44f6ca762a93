/**
 * CSV by the signature of the pipeline that it is for: columns by the names of the inputs, each cell read as its input's
 * dtype, never by what it looks like. What is no input is text, as it stands.
 *
 *   x                 a number, a text, or a list in brackets ("[[1, 2], [3, 4]]"; numbers only where a row has one element)
 *   x[0], x[1], …     the elements of one row of x, in this order
 *   age, fare, …      one column per feature, for a pipeline with one tensor of numbers (tensor/feature-columns.ts)
 */
import { PenstockError } from '../../base/errors.js'
import { allocateData, dtypeInfo, type NumericData } from '../../tensor/dtype.js'
import { planFeatureColumns } from '../../tensor/feature-columns.js'
import { formatShape, staticElementCount } from '../../tensor/shape.js'
import type { Dtype, NumericDtype, Tensor, TensorField } from '../../tensor/tensor.js'
import { type CellPlace, cellWriter, isMissing, missingCell } from './cells.js'
import { parseList } from './lists.js'
import { csvError } from './rows.js'

/** What CSV is read by. */
export interface CsvSignature {
  readonly inputs: readonly TensorField[]
  readonly isNonBatching: boolean
  /** Columns that splits route on by their text; they are no features. */
  readonly textKeys: readonly string[]
  /** Columns that splits draw by: numbers, where all of them are. */
  readonly hashKeys: readonly string[]
}

/** A column that is no input. */
export type ExtraColumn =
  | { readonly name: string; readonly kind: 'text'; readonly values: readonly (string | null)[] }
  | { readonly name: string; readonly kind: 'number'; readonly values: Float64Array }

export interface CsvTable {
  readonly rows: number
  /** Rows first, also for models without a row axis. */
  readonly inputs: readonly { readonly name: string; readonly tensor: Tensor }[]
  readonly extras: readonly ExtraColumn[]
}

interface Group {
  readonly name: string
  readonly cells: number[]
  readonly isList: boolean
}

type InputReader = (rows: readonly (readonly string[])[], firstRow: number) => Tensor

/** Reads the rows below one header. */
export class CsvReader {
  readonly #header: readonly string[]
  readonly #inputs: { readonly name: string; readonly read: InputReader }[] = []
  readonly #extras: { readonly name: string; readonly cell: number; readonly isHashKey: boolean }[] = []

  /** @throws PenstockError ERR_BODY: a header that means nothing; ERR_MISSING_INPUT: features that are not the tensor's. */
  constructor(header: readonly string[], signature: CsvSignature) {
    this.#header = header
    const { inputs, hashKeys } = signature
    const groups = groupsOf(header, inputs)
    for (const group of groups) {
      const field = inputs.find(({ name }) => name === group.name)
      if (field === undefined) continue
      const read = group.isList ? elementsReader(field, group.cells, header) : cellReader(field, group, header)
      this.#inputs.push({ name: field.name, read })
    }
    const features = this.#inputs.length === 0 ? featuresOf(header, signature) : null
    if (features !== null) {
      this.#inputs.push({ name: features.field.name, read: elementsReader(features.field, features.cells, header) })
    }
    for (const { name, cells } of groups) {
      const [cell] = cells as [number]
      const isRead = inputs.some((field) => field.name === name) || features?.cells.includes(cell) === true
      if (!isRead) this.#extras.push({ name, cell, isHashKey: hashKeys.includes(name) })
    }
  }

  /**
   * @param rows of as many cells as the header. @param firstRow number of the first; the header is row 1.
   * @throws PenstockError ERR_BODY, ERR_DTYPE, ERR_SHAPE, ERR_VALUE_RANGE, ERR_ARGUMENT, naming column and row.
   */
  read(rows: readonly (readonly string[])[], firstRow: number): CsvTable {
    const uneven = rows.findIndex((cells) => cells.length !== this.#header.length)
    if (uneven >= 0)
      throw csvError(
        `Expected ${this.#header.length} cells in each row, as the header has, but row ${firstRow + uneven} has ${rows[uneven]?.length}`,
      )
    const inputs = this.#inputs.map(({ name, read }) => ({ name, tensor: read(rows, firstRow) }))
    const extras = this.#extras.map(({ name, cell, isHashKey }) => {
      const texts = rows.map((cells) => cells[cell] as string)
      return isHashKey && texts.every((text) => jsonNumber.test(text))
        ? { name, kind: 'number' as const, values: Float64Array.from(texts, Number) }
        : { name, kind: 'text' as const, values: texts.map((text) => (text === '' ? null : text)) }
    })
    return { rows: rows.length, inputs, extras }
  }
}

const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** Columns by name; `x[0]`, `x[1]` … that stand beside each other are elements of an input x. */
function groupsOf(header: readonly string[], inputs: readonly TensorField[]): Group[] {
  const groups: Group[] = []
  for (const [cell, title] of header.entries()) {
    const [, base, index] = /^(.+)\[(\d+)\]$/.exec(title) ?? []
    const isElement = base !== undefined && inputs.some((field) => field.name === base)
    const last = groups.at(-1)
    if (isElement && last?.isList === true && last.name === base && Number(index) === last.cells.length)
      last.cells.push(cell)
    else groups.push({ name: isElement ? base : title, cells: [cell], isList: isElement })
  }
  const names = new Set<string>()
  for (const { name } of groups) {
    if (names.has(name))
      throw csvError(
        `Expected columns with different names but received ${JSON.stringify(name)} twice, or its elements out of order`,
      )
    names.add(name)
  }
  return groups
}

/** One column per feature; null: the table is none of that kind. */
function featuresOf(
  header: readonly string[],
  { inputs, isNonBatching, textKeys, hashKeys }: CsvSignature,
): { readonly field: TensorField; readonly cells: number[] } | null {
  const columns = header.filter((title) => !textKeys.includes(title) && !hashKeys.includes(title))
  const plan = planFeatureColumns(inputs, isNonBatching, columns)
  if (plan?.kind === 'refused') throw new PenstockError('ERR_MISSING_INPUT', plan.reason)
  return plan === null ? null : { field: plan.field, cells: plan.columns.map((name) => header.indexOf(name)) }
}

/** One cell per element of the row. */
function elementsReader(field: TensorField, cells: readonly number[], header: readonly string[]): InputReader {
  return (rows, firstRow) => {
    const shape = [rows.length, cells.length]
    return { dtype: field.dtype, shape, data: elementsIn(field.dtype, rows, firstRow, cells, header) }
  }
}

/** One cell per row: an element, or a list of them. */
function cellReader(field: TensorField, { cells }: Group, header: readonly string[]): InputReader {
  const [cell] = cells as [number]
  // A text that looks like a list is a text, where a row has one.
  const mayBeList = field.dtype !== 'string' || staticElementCount(field.shape.slice(1)) !== 1
  return (rows, firstRow) => {
    const first = rows.find((row) => !isMissing(row[cell] as string))?.[cell]
    const isList = mayBeList && first?.trimStart().startsWith('[') === true
    if (isList)
      return listTensor(
        field,
        rows.map((row) => row[cell] as string),
        firstRow,
      )
    return { dtype: field.dtype, shape: [rows.length], data: elementsIn(field.dtype, rows, firstRow, cells, header) }
  }
}

/** The elements in `cells` of each row, row by row. */
function elementsIn(
  dtype: Dtype,
  rows: readonly (readonly string[])[],
  firstRow: number,
  cells: readonly number[],
  header: readonly string[],
): Tensor['data'] {
  if (dtype === 'string') return rows.flatMap((row) => cells.map((cell) => row[cell] as string))
  const write = cellWriter(dtype)
  const data = allocateData(dtype, rows.length * cells.length)
  let at = 0
  for (let row = 0; row < rows.length; row++) {
    for (const cell of cells)
      write((rows[row] as readonly string[])[cell] as string, data, at++, firstRow + row, header[cell] as string)
  }
  return data
}

/** Every row is a list of the same dims; a row without one is missing as a whole. */
function listTensor(field: TensorField, texts: readonly string[], firstRow: number): Tensor {
  const { dtype, name } = field
  let dims: readonly number[] | null = null
  const lists = texts.map((text, row) => {
    if (isMissing(text)) return null
    const list = parseList(text, dtype === 'string', { column: name, row: firstRow + row })
    dims ??= list.dims
    if (list.dims.join() !== dims.join())
      throw new PenstockError(
        'ERR_SHAPE',
        `Expected all rows of ${name} to have the dims ${formatShape(dims)} but received ${formatShape(list.dims)} in row ${firstRow + row}`,
      )
    return list.elements
  })
  const shape = [texts.length, ...((dims ?? []) as readonly number[])]
  const size = shape.slice(1).reduce((product, dim) => product * dim, 1)
  if (dtype === 'string')
    return { dtype, shape, data: lists.flatMap((list) => list ?? new Array<string>(size).fill('')) }
  return { dtype, shape, data: listElements(dtype, lists, size, { column: name, row: firstRow }) }
}

function listElements(
  dtype: NumericDtype,
  lists: readonly (readonly string[] | null)[],
  size: number,
  first: CellPlace,
): NumericData {
  const write = cellWriter(dtype)
  const data = allocateData(dtype, lists.length * size)
  for (const [row, list] of lists.entries()) {
    const place = { column: first.column, row: first.row + row }
    if (list === null && dtypeInfo(dtype).kind !== 'float') throw missingCell(dtype, place)
    for (let index = 0; index < size; index++)
      write(list?.[index] ?? '', data, row * size + index, place.row, place.column)
  }
  return data
}
