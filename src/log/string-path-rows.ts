/**
 * The rows of one request of the string path as a record batch message: what the addon does for tensors in its own
 * memory, for those with strings. Slow like the path itself; the same columns.
 */
import type { CheckFailure } from '../engine/api/api.js'
import type { Tensor } from '../tensor/tensor.js'
import { encodeRecordBatchMessage, type ArrowNode } from './arrow-message.js'
import type { LogColumn, LoggedTensor } from './log-columns.js'

export interface StringPathRows {
  /** When the request was admitted. */
  readonly timeMs: number
  readonly requestNumber: number
  readonly rows: number
  readonly elapsedNs: readonly number[]
  readonly checkFailures: readonly CheckFailure[]
  /** By check of the plan. */
  readonly checks: readonly string[]
  /** Option by row of the last split. */
  readonly routes: Uint16Array | null
  /** By loggedKeys: a text for all rows, one a row, or null. */
  readonly keys: readonly (string | readonly string[] | null)[]
  /** null: its model was shed or failed. */
  tensorOf(tensor: LoggedTensor): Tensor | null
}

export function encodeStringPathRows(columns: readonly LogColumn[], rows: StringPathRows): Uint8Array {
  const parts: Parts = { nodes: [], buffers: [] }
  for (const column of columns) addColumn(parts, column, rows)
  return encodeRecordBatchMessage(rows.rows, parts.nodes, parts.buffers)
}

interface Parts {
  readonly nodes: ArrowNode[]
  readonly buffers: Uint8Array[]
}
const nothing = new Uint8Array(0)

function addColumn(parts: Parts, { kind, tensor, check }: LogColumn, rows: StringPathRows): void {
  const { rows: count } = rows
  const fill = <T extends ArrayBufferView>(array: T): void => addValues(parts, count, array)
  switch (kind) {
    case 'time':
      return fill(new BigInt64Array(count).fill(BigInt(rows.timeMs)))
    case 'requestNumber':
      return fill(new BigUint64Array(count).fill(BigInt(rows.requestNumber)))
    case 'route':
      return fill(Int16Array.from({ length: count }, (_, row) => rows.routes?.[row] ?? -1))
    // A pipeline of the string path has no cache.
    case 'cache':
      return fill(new Int16Array(count))
    case 'anomalyCount':
      return fill(
        Uint32Array.from({ length: count }, (_, row) => rows.checkFailures.filter((f) => f.rows.includes(row)).length),
      )
    case 'anomaly': {
      const failed = rows.checkFailures.find((failure) => failure.check === rows.checks[check])?.rows ?? []
      return addBits(parts, count, (row) => failed.includes(row))
    }
    case 'elapsed': {
      addList(parts, count, null)
      const times = rows.elapsedNs.map((elapsed) => BigInt(Math.max(0, elapsed)))
      const all = Array.from({ length: count }, () => times).flat()
      return addValues(parts, all.length, BigUint64Array.from(all))
    }
    case 'tensor':
      return addTensor(parts, tensor as LoggedTensor, rows)
    case 'shape':
      return addShape(parts, tensor as LoggedTensor, rows)
    case 'key':
      return addKey(parts, count, rows.keys[check] ?? null)
  }
}

function addTensor(parts: Parts, logged: LoggedTensor, rows: StringPathRows): void {
  const tensor = rows.tensorOf(logged)
  const { rows: count } = rows
  if (tensor === null && !logged.isNullable) throw new Error(`Expected ${logged.name} to have rows`)
  const rowElements = tensor === null ? (logged.elements ?? 0) : tensor.data.length / count
  const offsets =
    logged.elements === null ? Int32Array.from({ length: count + 1 }, (_, row) => row * rowElements) : null
  addList(parts, count, offsets, tensor === null)
  const length = rowElements * count
  if (logged.dtype === 'string')
    return addTexts(parts, (tensor?.data ?? new Array<string>(length).fill('')) as string[])
  if (logged.dtype === 'bool') return addBits(parts, length, (i) => tensor?.data[i] === 1)
  if (tensor === null) return addValues(parts, length, new Uint8Array(length * 8))
  return addValues(parts, length, tensor.data as unknown as ArrayBufferView)
}

function addShape(parts: Parts, logged: LoggedTensor, rows: StringPathRows): void {
  const rank = logged.dims.length
  const dims = rows.tensorOf(logged)?.shape.slice(-rank) ?? new Array<number>(rank).fill(0)
  addList(parts, rows.rows, null)
  addValues(
    parts,
    rank * rows.rows,
    Int32Array.from({ length: rank * rows.rows }, (_, i) => dims[i % rank] as number),
  )
}

function addKey(parts: Parts, rows: number, value: string | readonly string[] | null): void {
  const texts = Array.isArray(value) ? value : new Array<string>(rows).fill((value as string | null) ?? '')
  addTexts(parts, texts as readonly string[])
  if (value !== null) return
  parts.nodes[parts.nodes.length - 1] = { length: rows, nullCount: rows }
  parts.buffers[parts.buffers.length - 3] = new Uint8Array(Math.ceil(rows / 8))
}

/** The list itself; its child follows. */
function addList(parts: Parts, rows: number, offsets: Int32Array | null, isNull = false): void {
  parts.nodes.push({ length: rows, nullCount: isNull ? rows : 0 })
  parts.buffers.push(isNull ? new Uint8Array(Math.ceil(rows / 8)) : nothing)
  if (offsets !== null) parts.buffers.push(bytesOf(offsets))
}

function addValues(parts: Parts, length: number, values: ArrayBufferView): void {
  parts.nodes.push({ length, nullCount: 0 })
  parts.buffers.push(nothing, bytesOf(values))
}

function addBits(parts: Parts, length: number, isSet: (index: number) => boolean): void {
  const bits = new Uint8Array(Math.ceil(length / 8))
  for (let i = 0; i < length; i++) if (isSet(i)) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7))
  addValues(parts, length, bits)
}

function addTexts(parts: Parts, texts: readonly string[]): void {
  const encoded = texts.map((text) => Buffer.from(text))
  const offsets = new Int32Array(texts.length + 1)
  encoded.forEach((text, i) => {
    offsets[i + 1] = (offsets[i] as number) + text.byteLength
  })
  parts.nodes.push({ length: texts.length, nullCount: 0 })
  parts.buffers.push(nothing, bytesOf(offsets), Buffer.concat(encoded))
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
