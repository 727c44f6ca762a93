/**
 * What tensors and parsed bodies hold in memory, for the byte budget: exactly where they are typed arrays, by V8's
 * measure where they are texts.
 */
import type { InferResult } from '../engine/api/api.js'
import { freeMemory } from '../engine/memory/free-buffer.js'
import type { Tensor } from '../tensor/tensor.js'

/** Bytes that V8 has for a string beside its characters: its head, and the pointer to it. */
const textBytes = 24

/** @param shared memory that is counted elsewhere. */
export function tensorBytes({ data }: Tensor, shared: ArrayBufferLike | null = null): number {
  if (ArrayBuffer.isView(data)) return data.buffer === shared ? 0 : data.byteLength
  return textsBytes(data)
}

export function textsBytes(texts: readonly string[]): number {
  let bytes = 0
  for (const { length } of texts) bytes += textBytes + length
  return bytes
}

export function tensorsBytes(tensors: Readonly<Record<string, Tensor>>, shared: ArrayBufferLike | null = null): number {
  let bytes = 0
  for (const name in tensors) bytes += tensorBytes(tensors[name] as Tensor, shared)
  return bytes
}

/** The tensors of a result. */
export function resultBytes({ outputs, others }: InferResult): number {
  let bytes = tensorsBytes(outputs)
  for (const tensors of Object.values(others ?? {})) if (tensors !== null) bytes += tensorsBytes(tensors)
  return bytes
}

/** Gives back the memory of a result that nobody reads any more. */
export function freeResult({ outputs }: InferResult): void {
  for (const { data } of Object.values(outputs)) if (ArrayBuffer.isView(data)) freeMemory(data)
}
