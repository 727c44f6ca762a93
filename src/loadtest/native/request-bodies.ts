/**
 * Writes the file of bodies and expected answers of one kind of request (format: native/load/plan/request_set.hpp). The
 * answers come from whoever ran the model outside the server, so that the generator can compare every answer while the
 * load runs.
 */
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { PenstockError } from '../../base/errors.js'
import { dtypeInfo, type NumericData } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'

export interface RequestBodies {
  /** Outputs whose numbers are compared, in signature order; string outputs cannot be. */
  readonly outputs: readonly ExpectedOutput[]
  /** Floats may differ by absolute + relative × |expected|: a batch may sum in another order than a single row. */
  readonly toleranceAbsolute: number
  readonly toleranceRelative: number
  /** Sent in turn, at least one. */
  readonly bodies: readonly RequestBody[]
}

export interface ExpectedOutput {
  readonly name: string
  readonly dtype: NumericDtype
}

export interface RequestBody extends EncodedBody {
  /** One array per output; null: any answer is taken. */
  readonly expected: readonly NumericData[] | null
}

/** What is sent, as src/loadtest/native/request-encoding.ts makes it. */
export interface EncodedBody {
  readonly bytes: Uint8Array
  /** OIP with binary tensors: bytes of the JSON in front of them. 0 otherwise. */
  readonly headBytes: number
}

/** @throws PenstockError ERR_ARGUMENT when there is no body, or an answer has not one array per output. */
export async function writeRequestBodies(path: string, set: RequestBodies): Promise<void> {
  const { outputs, bodies } = set
  if (bodies.length === 0)
    throw new PenstockError('ERR_ARGUMENT', 'Expected at least one body of a request but received none')
  const mismatched = bodies.find(({ expected }) => expected !== null && expected.length !== outputs.length)
  if (mismatched !== undefined)
    throw new PenstockError(
      'ERR_ARGUMENT',
      `Expected answers to have ${outputs.length} outputs but received ${mismatched.expected?.length}`,
    )
  // Streamed: a set of large bodies is not held twice.
  await pipeline(Readable.from(partsOf(set)), createWriteStream(path))
}

function* partsOf({ outputs, toleranceAbsolute, toleranceRelative, bodies }: RequestBodies): Generator<Uint8Array> {
  yield Buffer.from('PLB1')
  yield u32(bodies.length, outputs.length)
  yield bytesOf(Float32Array.of(toleranceAbsolute, toleranceRelative))
  for (const { name, dtype } of outputs) {
    const text = Buffer.from(name)
    yield Buffer.concat([u32(text.length), text, u32(dtypeInfo(dtype).code)])
  }
  for (const { bytes, headBytes, expected } of bodies) {
    yield u64(bytes.length)
    yield u32(headBytes, expected === null ? 0 : 1)
    yield bytes
    for (const data of expected ?? []) {
      yield u64(data.byteLength)
      yield bytesOf(data)
    }
  }
}

function u32(...values: number[]): Uint8Array {
  return bytesOf(Uint32Array.from(values))
}

function u64(value: number): Uint8Array {
  return bytesOf(BigUint64Array.of(BigInt(value)))
}

function bytesOf(data: NumericData | Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
