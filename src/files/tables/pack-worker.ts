/** The thread that reads a table and packs it for lookups; its memory is handed over, and it ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { toPenstockError } from '../../base/errors.js'
import { packTable } from '../../lookup/pack.js'
import type { PackedTable } from '../../lookup/packed.js'
import { openTable } from './column-table.js'
import type { PackReply, PackRequest } from './pack-messages.js'

const { path, name, format, spec, bytesMax } = workerData as PackRequest

try {
  const wanted = [...spec.key, ...spec.columns.map(({ from }) => from), ...(spec.asOf === null ? [] : [spec.asOf])]
  const table = await packTable(name, await openTable(path, format, wanted), spec, bytesMax)
  parentPort?.postMessage({ table } satisfies PackReply, buffersOf(table))
} catch (error) {
  const { code, message } = toPenstockError(error)
  const told = code === 'ERR_INTERNAL' && error instanceof Error ? error.message : message
  parentPort?.postMessage({ table: null, code, message: told } satisfies PackReply)
}

/** All memory of the table, each once. */
function buffersOf({ keys, columns, index: { slots, history } }: PackedTable): ArrayBuffer[] {
  const views: (ArrayBufferView | null)[] = [slots]
  for (const key of keys) views.push(...(key.kind === 'integer' ? [key.words] : [key.bytes, key.offsets]))
  for (const { data, offsets, validity } of columns) views.push(data, offsets, validity)
  if (history !== null) views.push(history.starts, history.rows, history.times)
  return [...new Set(views.flatMap((view) => (view === null ? [] : [view.buffer as ArrayBuffer])))]
}
