/**
 * From the files that somebody uploads to the one that is served. Runs before ONNX Runtime sees a byte:
 *
 *   read ── no ONNX file: refused, with what it is instead
 *     └─ data in other files ── sent along: put inside · not sent: refused. ONNX Runtime would look for them beside the
 *          model or in the process's working folder, which are the server's.
 *          └─ maps and sequences at the end: cut off (class-maps.ts)
 *
 * The same files give the same bytes, so that what is served can be stored by its hash.
 */
import { createHash } from 'node:crypto'
import { isPenstockError } from '../base/errors.js'
import { TENSOR_ELEMENTS_MAX } from '../base/limits/limits.js'
import type { TensorDefault } from '../tensor/tensor.js'
import { cutClassMaps } from './class-names/class-maps.js'
import { tensorClasses } from './class-names/classifier-labels.js'
import { dataFilePath, externalFiles, mergeExternalData } from './external-data/external-data.js'
import { invalid } from './message.js'
import type { OnnxModel, OnnxValueInfo } from './model.js'
import { offerDefaults } from './optional-inputs.js'
import { producerOf } from './producers.js'
import { readOnnx } from './read.js'

export interface Upload {
  /** The .onnx file. */
  readonly bytes: Uint8Array
  /** Its data files, by the path relative to it. */
  readonly dataFiles: ReadonlyMap<string, Uint8Array>
}

export interface TakenUpload {
  /** What is to be served; the upload's own bytes where nothing had to be changed. */
  readonly bytes: Uint8Array
  readonly model: OnnxModel
  /** By output: what each column stands for. */
  readonly classes: ReadonlyMap<string, readonly (string | number)[]>
  /** By input that may be left out. */
  readonly defaults: ReadonlyMap<string, TensorDefault>
  /** What was changed, as sentences; [] when the bytes are the upload's own. */
  readonly changes: readonly string[]
}

/** @throws PenstockError ERR_MODEL_INVALID with a sentence that says why and what to do. */
export function takeUpload({ bytes, dataFiles }: Upload): TakenUpload {
  const first = readUpload(bytes)
  for (const input of first.graph.inputs) expectSize(input)
  const wanted = wantedFiles(first, dataFiles)
  const merged = wanted.length === 0 ? bytes : mergeExternalData(bytes, dataFiles)
  const whole = merged === bytes ? first : readOnnx(merged)
  const cut = cutClassMaps(merged, whole)
  const { bytes: served, defaults } = offerDefaults(cut.bytes, cut.bytes === bytes ? first : readOnnx(cut.bytes))
  return {
    bytes: served,
    model: served === bytes ? first : readOnnx(served),
    classes: new Map([...tensorClasses(whole), ...cut.classes]),
    defaults,
    changes: [
      ...wanted.map((path) => describeMerged(path, dataFiles.get(path) as Uint8Array)),
      ...cut.changes,
      ...[...defaults.keys()].map((name) => `Input ${name} may be left out: its default is kept with the signature.`),
    ],
  }
}

function readUpload(bytes: Uint8Array): OnnxModel {
  try {
    return readOnnx(bytes)
  } catch (error) {
    if (!isPenstockError(error)) throw error
    throw invalid(`Expected an ONNX file but received ${describeBytes(bytes)} (${error.message})`)
  }
}

/** @throws PenstockError ERR_MODEL_INVALID when no request could be large enough for the input. */
function expectSize({ name, type }: OnnxValueInfo): void {
  if (type?.kind !== 'tensor' || type.dims === null) return
  const sizes = type.dims.filter((dim) => typeof dim === 'number')
  // Dims beside a 0 may be of any size. In floating point: a product this large need not be exact.
  const count = sizes.includes(0) ? 0 : sizes.reduce((product, size) => product * size, 1)
  if (count > TENSOR_ELEMENTS_MAX)
    throw invalid(
      `Expected input ${clip(name)} to have at most ${TENSOR_ELEMENTS_MAX} elements but its shape is [${type.dims.map((dim) => dim ?? '?').join(', ')}]`,
    )
}

/** The paths of the data files that the model needs, all of them sent. */
function wantedFiles(model: OnnxModel, dataFiles: ReadonlyMap<string, Uint8Array>): string[] {
  const wanted = new Map([...externalFiles(model)].map(([location, tensor]) => [dataFilePath(location), tensor]))
  const unused = [...dataFiles.keys()].find((path) => !wanted.has(path))
  const missing = [...wanted].filter(([path]) => !dataFiles.has(path))
  if (missing.length > 0) throw invalid(missingData(model, missing, [...dataFiles.keys()]))
  if (unused !== undefined)
    throw invalid(
      wanted.size === 0
        ? `The model holds its weights itself, but the data file ${clip(unused)} came with it. Send the model alone`
        : `The model names no data file ${clip(unused)}. It names ${[...wanted.keys()].map(clip).join(', ')}`,
    )
  return [...wanted.keys()]
}

function missingData(
  model: OnnxModel,
  missing: readonly (readonly [path: string, tensor: string])[],
  sent: readonly string[],
): string {
  const [[path, tensor]] = missing as readonly [readonly [string, string]]
  const others = missing.length === 1 ? '' : `, and ${missing.length - 1} more`
  const received = sent.length === 0 ? '' : ` (received: ${sent.map(clip).join(', ')})`
  return (
    `The weights (tensor ${clip(tensor)}) lie in another file, ${clip(path)}${others}, which was not sent${received}. ` +
    'Send it along: `penstock model add` takes it from beside the model, over HTTP it is a part of multipart/form-data. ' +
    `Or save the model as one file: ${producerOf(model).oneFile}`
  )
}

function describeMerged(path: string, data: Uint8Array): string {
  const sha256 = createHash('sha256').update(data).digest('hex')
  return `The weights of ${clip(path)} (${data.length} bytes, sha256 ${sha256}) were put into the model.`
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'no bytes'
  if (bytes[0] === 0x50 && bytes[1] === 0x4b)
    return 'a ZIP archive, such as a PyTorch checkpoint. Export it with torch.onnx.export'
  if (bytes[0] === 0x80 && (bytes[1] ?? 0) <= 5) return 'a Python pickle. Convert it with skl2onnx or torch.onnx.export'
  if (Buffer.from(bytes.subarray(4, 8)).toString('latin1') === 'ORTM')
    return "a file in ONNX Runtime's own format (.ort). Bring the .onnx file that it was made from"
  return `${bytes.length} bytes that are none`
}
