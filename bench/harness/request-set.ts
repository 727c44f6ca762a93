/**
 * The rows that the benchmarks send and the answers that they expect, as files for the load generator, one per
 * transport. Rows are drawn from a fixed seed; the answers come from ONNX Runtime itself, each request run by itself,
 * so a server that mixes up rows of a batch is caught. The rows are printed with ten decimals, as feature tables
 * usually are.
 */
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { writeRequestBodies, type EncodedBody, type RequestBody } from '../../src/loadtest/native/request-bodies.js'
import { encodeRequest } from '../../src/loadtest/native/request-encoding.js'

export interface RequestSetOptions {
  readonly modelPath: string
  /** Different requests, sent in turn. */
  readonly requests: number
  readonly rowsPerRequest: number
  readonly seed: number
}

export interface RequestSet {
  /** Paths of the bodies file, by the mode of the load. */
  readonly paths: Readonly<Record<'ws' | 'http', string>>
  readonly rowsPerRequest: number
  readonly input: string
  readonly output: string
  readonly featureCount: number
}

// A batch may sum in another order than a single row: a few units in the last place of a float.
const toleranceAbsolute = 1e-6
const toleranceRelative = 1e-5

/** @param folder where to write. The model takes one float32 input [N, features] and answers one float32 output. */
export async function writeRequestSet(folder: string, options: RequestSetOptions): Promise<RequestSet> {
  const { rowsPerRequest } = options
  const session = await InferenceSession.create(options.modelPath, { intraOpNumThreads: 1 })
  const input = session.inputNames[0] ?? ''
  const output = session.outputNames[0] ?? ''
  const featureCount = featureCountOf(session)
  const random = normalNumbers(options.seed)
  const bodies: Record<'ws' | 'http', RequestBody[]> = { ws: [], http: [] }
  for (let index = 0; index < options.requests; index++) {
    const rows = Array.from({ length: rowsPerRequest }, () =>
      Array.from({ length: featureCount }, () => Number(random().toFixed(10))),
    )
    const data = Float32Array.from(rows.flat())
    const shape = [rowsPerRequest, featureCount]
    const answer = (await session.run({ [input]: new Tensor('float32', data, shape) }))[output]?.data as Float32Array
    const expected = [Float32Array.from(answer)]
    const fields = [{ name: input, dtype: 'float32' as const, shape: [null, featureCount] }]
    const tensors = [{ dtype: 'float32' as const, shape, data }]
    const json: EncodedBody = { bytes: Buffer.from(JSON.stringify({ [input]: rows })), headBytes: 0 }
    bodies.ws.push({ ...encodeRequest('websocket', { fields, tensors }), expected })
    bodies.http.push({ ...json, expected })
  }
  await session.release()
  const paths = { ws: join(folder, 'requests-ws.bin'), http: join(folder, 'requests-http.bin') }
  const outputs = [{ name: output, dtype: 'float32' as const }]
  for (const mode of ['ws', 'http'] as const)
    await writeRequestBodies(paths[mode], { outputs, toleranceAbsolute, toleranceRelative, bodies: bodies[mode] })
  return { paths, rowsPerRequest, input, output, featureCount }
}

function featureCountOf(session: InferenceSession): number {
  const metadata = session.inputMetadata[0]
  const columns = metadata?.isTensor === true ? metadata.shape[1] : undefined
  if (typeof columns !== 'number')
    throw new Error('Expected the model to take one float32 input of shape [N, features]')
  return columns
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
