/** LSTM, GRU and RNN: [sequence, batch, input], or the batch first where `layout` says so. */
import { fixed, type Amount } from './linear.js'
import type { NodeView, Rule } from '../node-view.js'
import { isRows, NotKnown, originOf, plain, RowsMix, rowsAt, type Dims } from '../value.js'

const WEIGHT_INPUTS = [1, 2, 3]
const LENGTHS = 4
const STATES = [5, 6]
const PEEPHOLES = 7

export const recurrent: Rule = (node) => {
  const data = node.required(0)
  for (const index of [...WEIGHT_INPUTS, PEEPHOLES]) node.plain(index, 'weight')
  if (!isRows(data)) return Array.from({ length: node.outputCount }, () => plain(null, originOf(node.inputs)))
  const isBatchFirst = node.int('layout', 0) === 1
  const batchAxis = isBatchFirst ? 0 : 1
  if (data.axis !== batchAxis)
    throw new RowsMix('the rows lie on its sequence axis: each row would follow from those before it')
  if (data.outer !== 1 || data.inner !== 1) throw new NotKnown('the rows share their axis with something else')
  expectAxis(node, LENGTHS, 0)
  for (const index of STATES) expectAxis(node, index, batchAxis)
  const directions = fixed(node.text('direction', 'forward') === 'bidirectional' ? 2 : 1)
  const hidden = node.has('hidden_size') ? fixed(node.int('hidden_size', 0)) : null
  const [batch, sequence] = [data.dims[batchAxis] as Amount, data.dims[1 - batchAxis] as Amount]
  const all: Dims = isBatchFirst ? [batch, sequence, directions, hidden] : [sequence, directions, batch, hidden]
  const last: Dims = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
  return [rowsAt(all, all.indexOf(batch)), rowsAt(last, batchAxis), rowsAt(last, batchAxis)]
}

/** Lengths and first states are a row's own, so they hold the rows too. */
function expectAxis(node: NodeView, index: number, axis: number): void {
  const value = node.optional(index)
  if (value === undefined) return
  if (!isRows(value)) throw new NotKnown('its first state or its lengths are the same for all rows')
  if (value.axis !== axis) throw new RowsMix('its first state or its lengths hold the rows on another axis')
}
