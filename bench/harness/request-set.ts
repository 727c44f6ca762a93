/**
 * Writes the file of requests that penstock-flood sends and the answers it expects (format: bench/flood/request_set.hpp).
 * Rows are drawn from a fixed seed; the answers come from ONNX Runtime itself, each request run alone, so a server that
 * mixes up rows of a batch is caught. The rows are printed with ten decimals, as feature tables usually are.
 */
import { writeFile } from 'node:fs/promises'
import { InferenceSession, Tensor } from 'onnxruntime-node'

export interface RequestSetOptions {
  readonly modelPath: string
  /** Different requests, sent in turn. */
  readonly requests: number
  readonly rowsPerRequest: number
  readonly seed: number
}

export interface RequestSet {
  readonly path: string
  readonly input: string
  readonly output: string
  readonly featureCount: number
}

// A batch may sum in another order than a single row: a few units in the last place of a float.
const toleranceAbsolute = 1e-6
const toleranceRelative = 1e-5

/** @param path the file to write. The model takes one float32 input [N, features] and answers one float32 output. */
export async function writeRequestSet(path: string, options: RequestSetOptions): Promise<RequestSet> {
  const session = await InferenceSession.create(options.modelPath, { intraOpNumThreads: 1 })
  const input = session.inputNames[0] ?? ''
  const output = session.outputNames[0] ?? ''
  const featureCount = featureCountOf(session)
  const random = normalNumbers(options.seed)
  const chunks: Buffer[] = []
  let outputFloats = 0
  for (let index = 0; index < options.requests; index++) {
    const rows = Array.from({ length: options.rowsPerRequest }, () =>
      Array.from({ length: featureCount }, () => Number(random().toFixed(10))),
    )
    const data = Float32Array.from(rows.flat())
    const tensor = new Tensor('float32', data, [options.rowsPerRequest, featureCount])
    const expected = (await session.run({ [input]: tensor }))[output]?.data as Float32Array
    outputFloats = expected.length
    const body = Buffer.from(JSON.stringify({ [input]: rows }))
    chunks.push(bytesOf(data), bytesOf(Float32Array.from(expected)), u32(body.length), body)
  }
  await session.release()
  const inputBytes = options.rowsPerRequest * featureCount * 4
  const header = [
    Buffer.from('PFL1'),
    u32(options.requests),
    u32(options.rowsPerRequest),
    u32(inputBytes),
    u32(outputFloats),
  ]
  const tolerances = bytesOf(Float32Array.of(toleranceAbsolute, toleranceRelative))
  await writeFile(
    path,
    Buffer.concat([...header, tolerances, u32(Buffer.byteLength(output)), Buffer.from(output), ...chunks]),
  )
  return { path, input, output, featureCount }
}

function featureCountOf(session: InferenceSession): number {
  const metadata = session.inputMetadata[0]
  const columns = metadata?.isTensor === true ? metadata.shape[1] : undefined
  if (typeof columns !== 'number')
    throw new Error('Expected the model to take one float32 input of shape [N, features]')
  return columns
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function bytesOf(data: Float32Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** Standard normal numbers by Box and Muller, from the 32-bit generator mulberry32. */
function normalNumbers(seed: number): () => number {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}
