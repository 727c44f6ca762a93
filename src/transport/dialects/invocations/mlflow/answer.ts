/**
 * Answers of MLflow's scoring server, `{"predictions": …}`, as its ONNX flavor forms them: a list with an object for each row
 * where a table came, `[{"quality": 6.1}, …]`, and the outputs by name where tensors came, `{"quality": [[6.1], …]}`.
 *
 * A row of several elements is a list in its object; MLflow lays all elements of an output below each other, three rows for one
 * row of three probabilities. Failed checks stand beside the predictions: MLflow's clients read that one member.
 */
import { JSON_TYPE } from '../../../http/replies.js'
import { PieceBody, type Piece } from '../../../piece-body.js'
import type { HttpReply } from '../../../socket/seam.js'
import { freeOf, heldBytesOf, joinedRows, namedPieces, rowCountOf, rowWriter } from '../row-text.js'
import type { Ran } from '../run.js'

export function mlflowReply(ran: Ran): HttpReply {
  const body = PieceBody.from(predictionPieces(ran), heldBytesOf(ran), freeOf(ran))
  return { status: 200, contentType: JSON_TYPE, headers: ran.headers, body }
}

function* predictionPieces(ran: Ran): Generator<Piece> {
  yield '{"predictions":'
  const rows = ran.kind === 'rows' || ran.isTable ? rowCountOf(ran) : null
  if (rows !== null) yield* joinedRows(rowWriter(ran), rows, ['[', ',', ']'])
  else if (ran.kind === 'tensors') yield* namedPieces(ran.result.outputs)
  yield ran.checkFailures.length === 0 ? '}' : `,"check_failures":${JSON.stringify(ran.checkFailures)}}`
}
