/**
 * Turns a large model into a form whose weights all workers share: ONNX Runtime optimises the graph once and writes it
 * beside one file with its weights, *as its kernels have packed them*. Every session that opens this pair maps the file
 * instead of holding a copy, so m workers need the memory of one, and loading skips the parsing and the optimising.
 *
 *    blob ──► session (optimises, packs) ──► model.onnx + weights.bin ──► opened again ──► the trial agrees bit for bit?
 *
 * Packed weights depend on the processor. ONNX Runtime finds them by a hash of what its kernel would pack here, so that
 * foreign ones are not used; the optimised graph however may hold layouts of this processor, hence preparation-key.ts.
 * Rejected by measurement: `externalData` buffers (copied by every session), sessions without packing (up to 2.5 times
 * slower at 8 rows), and only the unpacked weights (every session then packs its own copy).
 */
import { createHash } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { monotonicMs } from '../../base/clock.js'
import { PREPARED_WEIGHT_BYTES_MIN, PREPARED_WEIGHTS_BYTES_MIN } from '../../base/limits/limits.js'
import { declaredFields } from '../inspection/declared-fields.js'
import { createSession } from '../sessions/node-runner.js'
import { PREPARED_MODEL_FILE } from './preparation-key.js'
import { defaultSessionSettings, sessionOptions } from '../sessions/session-options.js'
import { runTrial, type ObservedOutput } from '../inspection/trial-run.js'

const WEIGHTS_FILE = 'weights.bin'

/**
 * Writes the prepared files of the model at `source` into the empty `directory`.
 * @returns '' or why sharing does not pay, or cannot be had, for this model: the directory is then empty again.
 */
export async function prepareModel(source: string, directory: string): Promise<string> {
  const prepared = join(directory, PREPARED_MODEL_FILE)
  const original = await InferenceSession.create(source, savingOptions(prepared))
  let remark: string
  try {
    remark = (await hasSharedWeights(directory)) ? await compare(original, prepared) : 'it has few large weights'
  } finally {
    await original.release()
  }
  if (remark !== '') for (const name of await readdir(directory)) await rm(join(directory, name))
  return remark
}

function savingOptions(path: string): InferenceSession.SessionOptions {
  const options = sessionOptions(defaultSessionSettings)
  const { session } = options.extra as { session: Record<string, unknown> }
  return {
    ...options,
    optimizedModelFilePath: path,
    extra: {
      session: {
        ...session,
        optimized_model_external_initializers_file_name: WEIGHTS_FILE,
        optimized_model_external_initializers_min_size_in_bytes: String(PREPARED_WEIGHT_BYTES_MIN),
        save_external_prepacked_constant_initializers: '1',
      },
    },
  }
}

async function hasSharedWeights(directory: string): Promise<boolean> {
  const weights = await stat(join(directory, WEIGHTS_FILE)).catch(() => undefined)
  return weights !== undefined && weights.size >= PREPARED_WEIGHTS_BYTES_MIN
}

/** The same kernels on the same weights: anything but equal bits means that something else was saved than runs. */
async function compare(original: InferenceSession, preparedPath: string): Promise<string> {
  const prepared = await createSession(preparedPath, defaultSessionSettings, { isPrepared: true })
  try {
    const inputs = declaredFields('input', original.inputMetadata)
    const expected = await runTrial(original, inputs, monotonicMs)
    const actual = await runTrial(prepared, inputs, monotonicMs)
    // One that is slow may have been run less often than the other.
    const isShort = expected.slowMs > 0 || actual.slowMs > 0
    const count = isShort ? Math.min(expected.runs.length, actual.runs.length) : undefined
    const isSame = isSameRuns(expected.runs.slice(0, count), actual.runs.slice(0, count))
    return isSame ? '' : 'its answers change when it is saved'
  } finally {
    await prepared.release()
  }
}

type Runs = readonly (readonly ObservedOutput[])[]

function isSameRuns(expected: Runs, actual: Runs): boolean {
  if (expected.length !== actual.length) return false
  return expected.every((outputs, run) =>
    outputs.every((output, index) => {
      const other = actual[run]?.[index]
      return other !== undefined && fingerprint(output) === fingerprint(other)
    }),
  )
}

function fingerprint({ dtype, dims, data }: ObservedOutput): string {
  const hash = createHash('sha256').update(`${dtype} ${dims.join(' ')}\n`)
  if (Array.isArray(data)) hash.update(JSON.stringify(data))
  else {
    const { buffer, byteOffset, byteLength } = data as ArrayBufferView
    hash.update(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength))
  }
  return hash.digest('hex')
}
