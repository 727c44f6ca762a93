/**
 * Writes a model again with a few messages replaced and every other byte as it was: what nobody here understands (doc
 * strings, metadata, operators of tomorrow) survives, and weights are passed on as views until the last copy.
 *
 *   visit(kind, field, bytes) ── undefined: keep and look inside · [] drop · [new, …] replace
 *
 * Which field of which message is again a message of interest stands in `messageKinds`; a message nobody visits is copied.
 */
import { MODEL_BYTES_MAX } from '../base/limits/limits.js'
import { BYTES, WireReader } from '../base/protobuf/wire-reader.js'
import { guarded, invalid } from './message.js'

export type MessageKind = 'model' | 'training' | 'graph' | 'node' | 'attribute' | 'tensor' | 'sparse' | 'function'

/** A message in pieces, in order. */
export type Pieces = readonly Uint8Array[]

/**
 * @param kind of the message that the field stands in.
 * @param index counts the fields of this number in their message.
 * @param depth messages around it: 0 for a field of the model itself.
 */
export type Visit = (
  kind: MessageKind,
  field: number,
  bytes: Uint8Array,
  index: number,
  depth: number,
) => readonly Pieces[] | undefined

export interface Edit {
  readonly visit: Visit
  /** Fields that are added at the end of the model's graph: number and message. */
  readonly append?: readonly (readonly [field: number, message: Uint8Array])[]
}

export const messageKinds: Readonly<Record<MessageKind, Readonly<Record<number, MessageKind>>>> = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  function: { 7: 'node', 11: 'attribute' },
  tensor: {},
}

/** Messages inside each other: three a graph, and the reader has refused deeper ones. */
const depthMax = 200

/**
 * @param bytes of a file that `readOnnx` has read; lent until it returns.
 * @returns new bytes, the caller's; `bytes` itself when nothing was changed.
 * @throws PenstockError ERR_MODEL_INVALID when they are malformed, or more than a file may have.
 */
export function editOnnx(bytes: Uint8Array, edit: Edit): Uint8Array {
  const pieces = guarded(() => rewrite(viewOf(bytes), 'model', edit, 0))
  if (pieces === null) return bytes
  const sizeBytes = sizeOf(pieces)
  if (sizeBytes > MODEL_BYTES_MAX)
    throw invalid(`Expected the model to have at most ${MODEL_BYTES_MAX} bytes in one file but it has ${sizeBytes}`)
  return Buffer.concat(pieces, sizeBytes)
}

/** The fields of one message, with those of `replaced` numbers left out: what a changed message keeps. */
export function withoutFields(bytes: Uint8Array, fields: readonly number[]): Uint8Array[] {
  const reader = new WireReader(viewOf(bytes))
  const kept: Uint8Array[] = []
  for (let start = 0; reader.next(); start = reader.position) {
    const { field } = reader
    reader.skip()
    if (!fields.includes(field)) kept.push(bytes.subarray(start, reader.position))
  }
  return kept
}

/** The head of a field of bytes: its number and its length. */
export function fieldHead(field: number, sizeBytes: number): Uint8Array {
  const head: number[] = []
  for (const value of [field * 8 + BYTES, sizeBytes]) {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) head.push((rest % 128) + 128)
    head.push(rest)
  }
  return Uint8Array.from(head)
}

export function sizeOf(pieces: Pieces): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}

/** null: as it was. */
function rewrite(bytes: Buffer, kind: MessageKind, edit: Edit, depth: number): Uint8Array[] | null {
  if (depth > depthMax) throw invalid(`Expected messages at most ${depthMax} inside each other but received more`)
  const reader = new WireReader(bytes)
  const counts = new Map<number, number>()
  const pieces: Uint8Array[] = []
  let keptFrom = 0
  for (let start = 0; reader.next(); start = reader.position) {
    const { field } = reader
    const child = messageKinds[kind][field]
    const isVisited = reader.wireType === BYTES && (child !== undefined || kind === 'graph')
    if (!isVisited) {
      reader.skip()
      continue
    }
    const message = reader.bytes()
    const index = counts.get(field) ?? 0
    counts.set(field, index + 1)
    const inside = (): readonly Pieces[] | undefined => {
      const changed = child === undefined ? null : rewrite(message, child, edit, depth + 1)
      return changed === null ? undefined : [changed]
    }
    const replaced = edit.visit(kind, field, message, index, depth) ?? inside()
    if (replaced === undefined) continue
    pieces.push(bytes.subarray(keptFrom, start))
    for (const message of replaced) pieces.push(fieldHead(field, sizeOf(message)), ...message)
    keptFrom = reader.position
  }
  const added = depth === 1 && kind === 'graph' ? (edit.append ?? []) : []
  if (keptFrom === 0 && pieces.length === 0 && added.length === 0) return null
  pieces.push(bytes.subarray(keptFrom))
  for (const [field, message] of added) pieces.push(fieldHead(field, message.length), message)
  return pieces
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
