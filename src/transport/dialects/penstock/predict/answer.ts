/**
 * Answers by the names of a contract as JSON, in pieces: an object for a row that came as one, else a list with one for each
 * row in its place. What was found in a row stands beside its fields; a dropped row has nothing else.
 */
import type { RowProblem } from '../../../../contract/check-row.js'
import { CHECKS_MEMBER, PROBLEMS_MEMBER } from '../../../../contract/contract.js'
import type { PredictResult } from '../../../../engine/api/api.js'
import { memberWriter } from '../../../../engine/predict/answer-text.js'
import { pathInBody, toldValue } from '../../../../engine/predict/refusal.js'
import { textsBytes } from '../../../held-bytes.js'
import type { Piece } from '../../../piece-body.js'

const pieceCharacters = 64 * 1024

/** @param isTerse a row that something was found in says what became of it and no more. */
export function* predictionPieces(result: PredictResult, isTerse: boolean): Generator<Piece> {
  const { rows, isOne, answeredRows } = result
  const write = memberWriter(result.columns)
  const beside = besideOf(result, isTerse)
  let text = isOne ? '' : '['
  let answered = 0
  for (let row = 0; row < rows; row++) {
    const members: string[] = []
    if (answeredRows[answered] === row) {
      const fields = write(answered++)
      if (fields !== '') members.push(fields)
      const found = beside.get(row)
      if (found !== undefined) members.push(found)
    } else members.push(beside.get(row) ?? `"${PROBLEMS_MEMBER}":[]`)
    text += `${row > 0 ? ',' : ''}{${members.join(',')}}`
    if (text.length < pieceCharacters) continue
    yield text
    text = ''
  }
  yield isOne ? text : `${text}]`
}

/** Bytes that an answer is printed from. */
export function heldBytes({ columns }: Pick<PredictResult, 'columns'>): number {
  let bytes = 0
  for (const { data } of columns) bytes += ArrayBuffer.isView(data) ? data.byteLength : textsBytes(data)
  return bytes
}

/** The members beside the fields, by row; rows without any are absent. */
function besideOf(result: PredictResult, isTerse: boolean): ReadonlyMap<number, string> {
  const { problems, checkFailures, answeredRows, isOne } = result
  const found = new Map<number, { problems: unknown[]; checks: string[] }>()
  const at = (row: number): { problems: unknown[]; checks: string[] } => {
    const known = found.get(row) ?? { problems: [], checks: [] }
    found.set(row, known)
    return known
  }
  for (const problem of problems) at(problem.row).problems.push(problemJson(problem, isOne, isTerse))
  for (const { check, rows } of checkFailures) for (const row of rows) at(answeredRows[row] ?? row).checks.push(check)
  return new Map(
    [...found].map(([row, { problems: ofRow, checks }]) => {
      const members = [
        ...(ofRow.length === 0 ? [] : [`"${PROBLEMS_MEMBER}":${JSON.stringify(ofRow)}`]),
        ...(checks.length === 0 ? [] : [`"${CHECKS_MEMBER}":${JSON.stringify(checks)}`]),
      ]
      return [row, members.join(',')]
    }),
  )
}

function problemJson(problem: RowProblem, isOne: boolean, isTerse: boolean): unknown {
  const { field, rule, action, message } = problem
  if (isTerse) return { action }
  return { path: pathInBody(problem, isOne), field, rule, action, message, value: toldValue(problem.value) }
}
