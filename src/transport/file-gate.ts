/**
 * Bodies that are files, of any endpoint: large ones that take several turns of the loop are read a few at a time, for a
 * small body may be a large table. What is read at once keeps everybody else waiting anyway.
 */
import type { CancelSignal } from '../engine/api/api.js'
import { WorkGate } from './work-gate.js'

export type FileKind = 'arrow' | 'csv' | 'parquet' | 'npy'

const gate = new WorkGate()
const smallFileBytesMax = 64 * 1024

/**
 * Reads a body when its turn comes.
 * @throws PenstockError ERR_QUEUE_FULL: too many wait; ERR_ABORTED: the caller has gone meanwhile; what `read` throws.
 */
export function readFileBody<Result>(
  kind: FileKind,
  { length }: Uint8Array,
  signal: CancelSignal | undefined,
  read: () => Promise<Result>,
): Promise<Result> {
  const isAtOnce = kind === 'arrow' || kind === 'npy' || (kind === 'csv' && length <= smallFileBytesMax)
  return isAtOnce ? read() : gate.run(read, () => signal?.aborted === true)
}
