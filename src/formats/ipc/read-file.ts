/**
 * Arrow files and streams on disk, batch by batch: what is in memory is one batch, the dictionaries and the schema. A
 * file is read block by block as its footer says, a stream message by message. The messages go through the reader of
 * requests, so that a file may be packed, have dictionaries and views, and lie, as a body may.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { PenstockError } from '../../base/errors.js'
import { ARROW_FILE_DECODED_BYTES_MAX } from '../../base/limits/limits.js'
import type { ArrowField } from './arrow-schema.js'
import { Allowance } from './columns.js'
import { arrowError } from './flat-view.js'
import {
  type ArrowBatch,
  arrowMagic,
  BatchDecoder,
  isArrowFile,
  readFooter,
  readMessage,
  readMessageHead,
} from './read-arrow.js'

/** A part of a table in the form that requests are read in. */
export interface TablePart {
  readonly fields: readonly ArrowField[]
  /** None: the schema alone, which comes first. */
  readonly batches: readonly ArrowBatch[]
  readonly allowance: Allowance
  /** Share of the file that is read so far, 0..1. */
  readonly share: number
}

const SCHEMA = 1

/** The parts of a file. @throws PenstockError ERR_BODY; what reading throws. */
export async function* arrowFileParts(path: string): AsyncGenerator<TablePart> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const start = await readAt(file, 0, Math.min(size, 8))
    if (isArrowFile(start)) yield* fileParts(file, size)
    else yield* streamParts(file, size)
  } finally {
    await file.close()
  }
}

async function* fileParts(file: FileHandle, size: number): AsyncGenerator<TablePart> {
  const tailBytes = arrowMagic.length + 4
  const tail = await readAt(file, Math.max(0, size - tailBytes), tailBytes)
  const footerEnd = size - tailBytes
  const footerBytes = tail.length < tailBytes ? 0 : tail.readInt32LE(0)
  if (tail.toString('latin1', 4) !== arrowMagic || footerBytes <= 0 || footerBytes > footerEnd - 8)
    throw arrowError('in a file that ends with ARROW1', 'one that is cut off')
  const footer = readFooter(await readAt(file, footerEnd - footerBytes, footerBytes))
  const decoder = new BatchDecoder(footer.schema, Infinity, new Allowance(ARROW_FILE_DECODED_BYTES_MAX))
  yield partOf(decoder, 0)
  for (const { offset, metadataBytes, bodyBytes } of [...footer.dictionaries, ...footer.batches]) {
    const bytes = metadataBytes + bodyBytes
    if (offset + bytes > footerEnd) throw arrowError('blocks inside the file', `one at ${offset} that is cut off`)
    const message = readMessage(await readAt(file, offset, bytes), 0)
    if (message === null) throw arrowError('blocks that are messages', `one at ${offset} that is none`)
    decoder.take(message)
    yield* takenParts(decoder, (offset + bytes) / size)
  }
}

async function* streamParts(file: FileHandle, size: number): AsyncGenerator<TablePart> {
  let decoder: BatchDecoder | null = null
  for (let at = 0; at < size;) {
    const bytes = await messageBytes(file, at, size)
    const message = bytes === 0 ? null : readMessage(await readAt(file, at, bytes), 0)
    if (message === null) break
    at += bytes
    if (decoder !== null) {
      decoder.take(message)
      yield* takenParts(decoder, at / size)
      continue
    }
    if (message.kind !== SCHEMA) break
    decoder = new BatchDecoder(message.header, Infinity, new Allowance(ARROW_FILE_DECODED_BYTES_MAX))
    yield partOf(decoder, at / size)
  }
  if (decoder === null)
    throw new PenstockError('ERR_BODY', 'Expected Arrow that begins with a schema but received none')
}

/** Returns the size of the message at `at`, its body included; 0 at the end of the stream. */
async function messageBytes(file: FileHandle, at: number, size: number): Promise<number> {
  const prefix = await readAt(file, at, 8)
  const isMarked = prefix.length >= 4 && prefix.readInt32LE(0) === -1
  if (prefix.length < (isMarked ? 8 : 4)) throw cutOff()
  const metadata = prefix.readInt32LE(isMarked ? 4 : 0) + (isMarked ? 8 : 4)
  if (metadata > size - at) throw cutOff()
  const head = readMessageHead(await readAt(file, at, metadata), 0)
  if (head === null) return 0
  if (head.bodyBytes > size - at - head.start) throw cutOff()
  return head.start + head.bodyBytes
}

function* takenParts(decoder: BatchDecoder, share: number): Generator<TablePart> {
  if (decoder.batches.length === 0) return
  yield partOf(decoder, share)
  decoder.batches.length = 0
  // The allowance limits what one batch becomes; how many batches a file has is its user's choice.
  decoder.allowance.renew()
}

function partOf({ schema, batches, allowance }: BatchDecoder, share: number): TablePart {
  return { fields: schema.fields, batches: [...batches], allowance, share: Math.min(1, share) }
}

async function readAt(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, bytes))
  let filled = 0
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

function cutOff(): PenstockError {
  return arrowError('a file that holds what it announces', 'less: it is cut off, or no Arrow at all')
}
