/** Products of matrices: rows stay apart as long as nothing is summed over the axis that holds them. */
import type { Amount } from './linear.js'
import { broadcast } from './elementwise.js'
import type { Rule } from '../node-view.js'
import {
  isRows,
  NotKnown,
  originOf,
  plain,
  RowsMix,
  rowsAt,
  type Dims,
  type Plain,
  type Rows,
  type Value,
} from '../value.js'

type Operand = Plain | Rows

/** MatMul and its quantised kin: inputs other than the two matrices must not hold rows. */
export function matMulOf(first: number, second: number): Rule {
  return (node) => {
    node.inputs.forEach((_input, index) => {
      if (index !== first && index !== second) node.plain(index, 'scale or zero point')
    })
    return [multiplyMatrices(node.required(first), node.required(second))]
  }
}

export const fusedMatMul: Rule = (node) => {
  if (node.int('transBatchA', 0) !== 0 || node.int('transBatchB', 0) !== 0) throw new NotKnown('it moves batch axes')
  const a = swapped(node.required(0), node.int('transA', 0) !== 0)
  const b = swapped(node.required(1), node.int('transB', 0) !== 0)
  return [multiplyMatrices(a, b)]
}

/** Weights in a packed form as input 1: `columns` of the product are an attribute. */
export function packedMatMul(columns: string): Rule {
  return (node) => {
    const a = node.required(0)
    for (let index = 1; index < node.inputs.length; index++) node.plain(index, 'weight')
    if (!isRows(a)) return [plain(null, originOf(node.inputs))]
    if (a.axis === a.dims.length - 1) throw new RowsMix('it sums over the rows')
    return [rowsAt([...a.dims.slice(0, -1), { perRow: 0, rest: node.int(columns, 0) }], a.axis, a)]
  }
}

export function gemmOf(c: number): Rule {
  return (node) => {
    const a = swapped(node.required(0), node.int('transA', 0) !== 0)
    const b = swapped(node.required(1), node.int('transB', 0) !== 0)
    const result = multiplyMatrices(a, b)
    const added = node.optional(c)
    if (added === undefined || (result.kind !== 'plain' && result.kind !== 'rows')) return [result]
    return [broadcast([result, added])]
  }
}

/** `ij,jk->ik`: a label that holds the rows must hold them wherever it stands, and stay in the result. */
export const einsum: Rule = (node) => {
  const equation = node.text('equation', '').replace(/\s/g, '')
  const [left = '', right] = equation.split('->')
  const terms = left.split(',')
  const operands = terms.map((_term, index) => node.required(index))
  if (!operands.some(isRows)) return [plain(null, originOf(operands))]
  if (right === undefined || equation.includes('.')) throw new NotKnown('its equation has no explicit result')
  const sizes = new Map<string, Amount>()
  let label: string | undefined
  let first: Rows | undefined
  operands.forEach((operand, index) => {
    const term = terms[index] as string
    if (operand.dims === null || operand.dims.length !== term.length)
      throw new NotKnown('the rank of an input is not known')
    operand.dims.forEach((dim, axis) => sizes.set(term[axis] as string, dim))
    if (!isRows(operand)) return
    label ??= term[operand.axis] as string
    first ??= operand
    if (term[operand.axis] !== label || operand.outer !== first.outer || operand.inner !== first.inner)
      throw new RowsMix('the rows meet each other: they have another letter in each input')
  })
  const rows = first as unknown as Rows
  operands.forEach((operand, index) => {
    const places = [...(terms[index] as string)].filter((letter) => letter === label).length
    if (places > (isRows(operand) ? 1 : 0)) throw new RowsMix('the rows meet a constant or each other')
  })
  if (!right.includes(label as unknown as string)) throw new RowsMix('it sums over the rows')
  const dims = [...right].map((letter) => sizes.get(letter) ?? null)
  return [rowsAt(dims, right.indexOf(label as unknown as string), rows)]
}

/** @throws RowsMix, NotKnown. */
export function multiplyMatrices(a: Operand, b: Operand): Value {
  if (!isRows(a) && !isRows(b)) return plain(productDims(a.dims, b.dims), originOf([a, b]))
  if (a.dims === null || b.dims === null) throw new NotKnown('the shape of one of its inputs is not known')
  const rankA = a.dims.length
  const rankB = b.dims.length
  if (rankA === 0 || rankB === 0) throw new NotKnown('one of its inputs is a scalar')
  if (isRows(a) && a.axis === rankA - 1) throw new RowsMix('it sums over the rows')
  if (isRows(b) && b.axis === Math.max(0, rankB - 2)) throw new RowsMix('it sums over the rows')
  // The axes before the matrix broadcast; the rows may also be lines of a, or columns of b, where the other has none.
  const batch = broadcast([leading(a), leading(b)])
  const lines = rankA > 1 ? [a.dims[rankA - 2] as Amount] : []
  const columns = rankB > 1 ? [b.dims[rankB - 1] as Amount] : []
  const dims = [...((batch as Plain | Rows).dims as Dims), ...lines, ...columns]
  const batchRank = dims.length - lines.length - columns.length
  const own = [
    ...(isRows(batch) ? [{ axis: batch.axis, like: batch }] : []),
    ...(isRows(a) && a.axis === rankA - 2 ? [{ axis: batchRank, like: a }] : []),
    ...(isRows(b) && b.axis === rankB - 1 ? [{ axis: batchRank + lines.length, like: b }] : []),
  ]
  const [only, another] = own
  if (only === undefined || another !== undefined) throw new RowsMix('the rows of one input meet those of the other')
  return rowsAt(dims, only.axis, { outer: only.like.outer, inner: only.like.inner })
}

/** What of an operand broadcasts: the axes before its last two. */
function leading(operand: Operand): Operand {
  const dims = (operand.dims as Dims).slice(0, -2)
  if (isRows(operand) && operand.axis < dims.length) return rowsAt(dims, operand.axis, operand)
  return plain(dims, 'file')
}

function productDims(a: Dims | null, b: Dims | null): Dims | null {
  if (a?.length !== 2 || b?.length !== 2) return null
  return [a[0] as Amount, b[1] as Amount]
}

/** The operand with its last two axes exchanged. */
function swapped(operand: Operand, isSwapped: boolean): Operand {
  if (!isSwapped || operand.dims === null) return operand
  const rank = operand.dims.length
  if (rank < 2) throw new NotKnown('one of its inputs is no matrix')
  const order = [...operand.dims.keys()]
  ;[order[rank - 2], order[rank - 1]] = [rank - 1, rank - 2]
  const dims = order.map((axis) => (operand.dims as Dims)[axis] as Amount)
  return isRows(operand) ? rowsAt(dims, order.indexOf(operand.axis), operand) : plain(dims, operand.origin)
}
