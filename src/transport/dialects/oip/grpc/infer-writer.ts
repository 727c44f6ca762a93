/**
 * ModelInferResponse and ModelStreamInferResponse to their bytes. Tensors always go as raw contents, one entry for each
 * output in order, empty for those that lie in shared memory: the C++ client indexes them unchecked.
 *
 * Texts are put together first, because a message's length stands before it; tensor bytes are copied once.
 */
import type { V2Answer, V2Output } from '../call.js'

export interface GrpcAnswer {
  readonly answer: V2Answer
  /** By output; empty for one that was written to shared memory. */
  readonly contents: readonly Uint8Array[]
  /** By output: where it was written, null for the others. */
  readonly regions: readonly (RegionNote | null)[]
  /** Nobody else reads the memory of the contents. */
  readonly isOwned: boolean
  /** Whether the caller wants a final response that says that no other follows. */
  readonly emitsFinal: boolean
}

export interface RegionNote {
  readonly region: string
  readonly offset: number
  readonly byteSize: number
}

/** @param prefixBytes room before the message, which the caller fills in. */
export function writeInferResponse(answer: GrpcAnswer, prefixBytes = 0): Buffer {
  const head = headOf(answer)
  const bytes = Buffer.allocUnsafe(prefixBytes + head.length + contentBytes(answer))
  writeResponse(bytes, prefixBytes, head, answer)
  return bytes
}

export function writeStreamResponse(response: GrpcAnswer | { readonly error: string }, prefixBytes = 0): Buffer {
  if ('error' in response) return Buffer.concat([Buffer.alloc(prefixBytes), ...texted(1, response.error)])
  const head = headOf(response)
  const length = head.length + contentBytes(response)
  const bytes = Buffer.allocUnsafe(prefixBytes + 1 + varintBytes(length) + length)
  bytes[prefixBytes] = keyOf(2, lengthDelimited)
  writeResponse(bytes, writeVarint(bytes, prefixBytes + 1, length), head, response)
  return bytes
}

const varint = 0
const lengthDelimited = 2
const keyOf = (field: number, wireType: number): number => (field << 3) | wireType

function writeResponse(bytes: Buffer, start: number, head: Buffer, { contents }: GrpcAnswer): void {
  let position = start + head.copy(bytes, start)
  for (const content of contents) {
    bytes[position++] = keyOf(6, lengthDelimited)
    position = writeVarint(bytes, position, content.length)
    bytes.set(content, position)
    position += content.length
  }
}

function contentBytes({ contents }: GrpcAnswer): number {
  let bytes = 0
  for (const { length } of contents) bytes += 1 + varintBytes(length) + length
  return bytes
}

/** All but the contents. Fields may stand in any order: what answers of one kind have in common comes first. */
function headOf(response: GrpcAnswer): Buffer {
  const { answer, regions, emitsFinal } = response
  const isPlain = regions.every((region) => region === null)
  const common = isPlain ? commonHead(answer) : Buffer.concat(descriptions(response))
  if (answer.id === '' && answer.parameters.length === 0 && !emitsFinal) return common
  const parts: Buffer[] = [common]
  push(parts, texted(3, answer.id))
  for (const [name, value] of answer.parameters) push(parts, parameter(4, name, Buffer.concat(texted(3, value))))
  if (emitsFinal) push(parts, parameter(4, 'triton_final_response', Buffer.from([keyOf(1, varint), 1])))
  return Buffer.concat(parts)
}

/** By model, version, and names, datatypes and shapes of the outputs; forgotten all at once when there are too many. */
const commonHeads = new Map<string, Buffer>()
const commonHeadsMax = 1024

function commonHead(answer: V2Answer): Buffer {
  let key = `${answer.modelName}\0${answer.modelVersion}`
  for (const { name, datatype, tensor, contentType } of answer.outputs)
    key += `\0${name}\0${datatype}\0${tensor.shape.join()}\0${contentType}`
  const known = commonHeads.get(key)
  if (known !== undefined) return known
  const head = Buffer.concat(descriptions({ answer, regions: [] }))
  if (commonHeads.size >= commonHeadsMax) commonHeads.clear()
  commonHeads.set(key, head)
  return head
}

function descriptions({ answer, regions }: Pick<GrpcAnswer, 'answer' | 'regions'>): Buffer[] {
  const parts: Buffer[] = []
  push(parts, texted(1, answer.modelName))
  push(parts, texted(2, answer.modelVersion))
  answer.outputs.forEach((output, index) => push(parts, wrapped(5, outputMessage(output, regions[index] ?? null))))
  return parts
}

function outputMessage({ name, datatype, tensor, contentType }: V2Output, region: RegionNote | null): Buffer {
  const parts: Buffer[] = []
  push(parts, texted(1, name))
  push(parts, texted(2, datatype))
  if (tensor.shape.length > 0) push(parts, wrapped(3, Buffer.concat(tensor.shape.map(varintOf))))
  if (contentType !== '') push(parts, parameter(4, 'content_type', Buffer.concat(texted(3, contentType))))
  if (region !== null) {
    push(parts, parameter(4, 'shared_memory_region', Buffer.concat(texted(3, region.region))))
    push(parts, parameter(4, 'shared_memory_offset', counted(region.offset)))
    push(parts, parameter(4, 'shared_memory_byte_size', counted(region.byteSize)))
  }
  return Buffer.concat(parts)
}

function counted(value: number): Buffer {
  return Buffer.concat([Buffer.from([keyOf(2, varint)]), varintOf(value)])
}

/** An entry of a map from string to InferParameter. */
function parameter(field: number, name: string, choice: Buffer): Buffer[] {
  return wrapped(field, Buffer.concat([...texted(1, name), ...wrapped(2, choice)]))
}

function push(parts: Buffer[], more: readonly Buffer[]): void {
  for (const part of more) parts.push(part)
}

/** Absent when empty, as proto3 has it. */
function texted(field: number, text: string): Buffer[] {
  return text === '' ? [] : wrapped(field, Buffer.from(text))
}

function wrapped(field: number, bytes: Buffer): Buffer[] {
  return [Buffer.from([keyOf(field, lengthDelimited)]), varintOf(bytes.length), bytes]
}

function varintOf(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(varintBytes(value))
  writeVarint(bytes, 0, value)
  return bytes
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

/** @returns where the next byte goes. */
function writeVarint(bytes: Buffer, start: number, value: number): number {
  let position = start
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[position++] = (rest % 0x80) | 0x80
  bytes[position++] = rest
  return position
}
