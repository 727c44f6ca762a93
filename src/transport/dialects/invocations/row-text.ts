/** Answers row by row, as JSON objects by the names of outputs, for both kinds of result. */
import { memberWriter } from '../../../engine/predict/answer-text.js'
import { writeRow } from '../../../tensor/print.js'
import type { Tensor } from '../../../tensor/tensor.js'
import { nestedParts } from '../../../engine/requests/nested-parts.js'
import type { Piece } from '../../piece-body.js'
import { freeResult, resultBytes, textsBytes } from '../../held-bytes.js'
import type { Ran } from './run.js'

const pieceCharacters = 64 * 1024

/** How many rows an answer has; null: its outputs have no row axis that they share. */
export function rowCountOf(ran: Ran): number | null {
  if (ran.kind === 'rows') return ran.result.rows
  if (!ran.description.isNonBatching) return ran.result.rows
  const counts = new Set(Object.values(ran.result.outputs).map(({ shape }) => shape[0] ?? -1))
  const [count = -1, ...others] = counts
  return others.length > 0 || count < 0 ? null : count
}

/** @returns the JSON of a row; `null` of one that the contract had dropped. Rows are asked for in their order. */
export function rowWriter(ran: Ran): (row: number) => string {
  if (ran.kind === 'tensors') {
    const cells = Object.entries(ran.result.outputs).map(([name, tensor]) => {
      // By the declared shape: a free dim that is 1 this time would turn lists into values.
      const declared = ran.description.outputs.find((field) => field.name === name)?.shape ?? tensor.shape
      const isBare = declared.length === 2 && declared[1] === 1 && tensor.shape[1] === 1
      return { head: `${JSON.stringify(name)}:`, tensor, isBare }
    })
    return (row) => {
      const members = cells.map(({ head, tensor, isBare }) => {
        const text = writeRow(tensor, row)
        return head + (isBare ? text.slice(1, -1) : text)
      })
      return `{${members.join(',')}}`
    }
  }
  const { columns, answeredRows } = ran.result
  const write = memberWriter(columns)
  let answered = 0
  return (row) => (answeredRows[answered] === row ? `{${write(answered++)}}` : 'null')
}

/** Rows with something between, in pieces. */
export function* joinedRows(
  write: (row: number) => string,
  rows: number,
  [open, between, close]: readonly [string, string, string],
): Generator<Piece> {
  let text = open
  for (let row = 0; row < rows; row++) {
    text += (row > 0 ? between : '') + write(row)
    if (text.length < pieceCharacters) continue
    yield text
    text = ''
  }
  yield text + close
}

/** A JSON object with the elements of each output. */
export function* namedPieces(outputs: Readonly<Record<string, Tensor>>): Generator<Piece> {
  let before = '{'
  for (const [name, tensor] of Object.entries(outputs)) {
    yield `${before}${JSON.stringify(name)}:`
    yield* nestedParts(tensor)
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

/** Bytes that an answer is printed from. */
export function heldBytesOf(ran: Ran): number {
  if (ran.kind === 'tensors') return resultBytes(ran.result)
  let bytes = 0
  for (const { data } of ran.result.columns) bytes += ArrayBuffer.isView(data) ? data.byteLength : textsBytes(data)
  return bytes
}

/** Gives the memory of the result back, when its answer is printed; on the string path a challenger may still read it. */
export function freeOf(ran: Ran): (() => void) | undefined {
  return ran.kind === 'tensors' && !ran.description.isStringPath ? () => freeResult(ran.result) : undefined
}
