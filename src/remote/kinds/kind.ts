/** What a protocol does of a remote step: where it calls, what it sends for some rows, and how it reads the answer. */
import type { RemoteAnswer, RemoteRequest } from '../connection.js'
import type { AnswerColumn } from '../columns/read-columns.js'
import type { Columns, RowRange } from '../columns/write-columns.js'

/** A column as it is sent. */
export interface SentColumn {
  readonly name: string
  /** What the remote calls it. */
  readonly as: string
}

export interface RemoteKind {
  /** The address of each call, without secrets. */
  readonly url: URL
  /** Rows of one call beyond which it takes no more; absent: any number. */
  readonly rowsMax?: number
  /** What one call sends. @throws PenstockError ERR_VALUE_RANGE: a row without a value where the protocol has none. */
  request(columns: Columns, range: RowRange): Omit<RemoteRequest, 'method' | 'path'>
  /** Signs a request that is about to be sent; absent: there is nothing to sign. */
  sign?(request: RemoteRequest): Promise<RemoteRequest>
  /** Columns by the names of the step's outputs. @throws Unfit */
  answer(answer: RemoteAnswer, outputs: readonly AnswerColumn[], rows: number): Columns
}
