/**
 * What the parts of the ONNX reader share: fields of untrusted messages under a budget. A file of a gigabyte may hold half a
 * billion empty nodes and a million graphs inside each other; both would end the process, so things are counted and depth
 * is bounded. A message field that stands twice is refused: protobuf would merge the two, and what was checked would not
 * be what ONNX Runtime sees.
 */
import { isPenstockError, PenstockError } from '../base/errors.js'
import { DIM_MAX, ONNX_GRAPH_DEPTH_MAX, ONNX_ITEMS_MAX, ONNX_TEXT_BYTES_MAX, RANK_MAX } from '../base/limits/limits.js'
import { BYTES, VARINT, type WireReader } from '../base/protobuf/wire-reader.js'

/** Counts what one file makes the reader keep. */
export class Budget {
  #items = 0

  /** @throws PenstockError ERR_MODEL_INVALID. */
  spend(items = 1): void {
    this.#items += items
    if (this.#items > ONNX_ITEMS_MAX)
      throw invalid(`Expected the file to have at most ${ONNX_ITEMS_MAX} nodes, names and tensors but it has more`)
  }
}

export function expectDepth(depth: number): void {
  if (depth > ONNX_GRAPH_DEPTH_MAX)
    throw invalid(
      `Expected graphs and types to lie at most ${ONNX_GRAPH_DEPTH_MAX} inside each other but received more`,
    )
}

export function invalid(sentence: string): PenstockError {
  return new PenstockError('ERR_MODEL_INVALID', sentence)
}

/** Runs a part of the reader; what the wire format refuses becomes ERR_MODEL_INVALID. */
export function guarded<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (isPenstockError(error) && error.code === 'ERR_ARGUMENT')
      throw new PenstockError('ERR_MODEL_INVALID', error.message, { cause: error })
    throw error
  }
}

/** A name or another short text. */
export function readText(reader: WireReader): string {
  const bytes = reader.bytes()
  if (bytes.length > ONNX_TEXT_BYTES_MAX)
    throw invalid(`Expected a text of at most ${ONNX_TEXT_BYTES_MAX} bytes in the file but received ${bytes.length}`)
  return bytes.toString('utf8')
}

/** The message of a field that may stand once. */
export function readOnce(reader: WireReader, before: unknown, what: string): WireReader {
  if (before !== undefined) throw invalid(`Expected one ${what} but the file has two`)
  return reader.message()
}

/** The low 32 bits as a signed number: enums and small counts. */
export function readInt32(reader: WireReader): number {
  reader.expect(VARINT)
  return reader.uint32() | 0
}

/** One element of `repeated int64`, or a packed run of them. @throws when a dim is negative or no safe integer. */
export function readDims(reader: WireReader, dims: number[]): void {
  if (reader.wireType === BYTES) {
    const packed = reader.message()
    while (!packed.isAtEnd) pushDim(dims, packed.int64())
    return
  }
  reader.expect(VARINT)
  pushDim(dims, reader.int64())
}

function pushDim(dims: number[], dim: bigint): void {
  if (dim < 0n) throw invalid(`Expected a dim of 0 or more but received ${dim}`)
  expectDim(dim, 'a tensor')
  if (dims.length === RANK_MAX) throw invalid(`Expected a tensor of at most ${RANK_MAX} dims but received more`)
  dims.push(Number(dim))
}

/** @param owner whose dim it is, for the sentence. @throws PenstockError ERR_MODEL_INVALID beyond DIM_MAX. */
export function expectDim(dim: bigint, owner: string): void {
  if (dim > BigInt(DIM_MAX)) throw invalid(`Expected each dim of ${owner} to be at most ${DIM_MAX} but received ${dim}`)
}

/** One entry of `repeated StringStringEntryProto`; values that are too long are left out. */
export function readEntry(entry: WireReader, budget: Budget, target: Map<string, string>): void {
  let key = ''
  let value: string | null = ''
  budget.spend()
  while (entry.next()) {
    if (entry.field === 1) key = readText(entry)
    else if (entry.field === 2) {
      const bytes = entry.bytes()
      value = bytes.length > ONNX_TEXT_BYTES_MAX ? null : bytes.toString('utf8')
    } else entry.skip()
  }
  if (value !== null) target.set(key, value)
}

export function readOpset(entry: WireReader, budget: Budget, target: Map<string, number>): void {
  let domain = ''
  let version = 0
  budget.spend()
  while (entry.next()) {
    if (entry.field === 1) domain = domainOf(readText(entry))
    else if (entry.field === 2) {
      entry.expect(VARINT)
      version = Number(entry.int64())
    } else entry.skip()
  }
  target.set(domain, version)
}

/** ONNX's own domain has two names. */
export function domainOf(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain
}
