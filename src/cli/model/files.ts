/**
 * The files of a model on this machine: the .onnx file and the data files that it names, which must lie in its folder or
 * below. One file is sent as it is; several as multipart/form-data, read while they are sent.
 */
import { createReadStream } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { isPenstockError } from '../../base/errors.js'
import { MODEL_BYTES_MAX } from '../../base/limits/limits.js'
import { dataFilePath, externalFiles, readOnnx } from '../../onnx/index.js'
import { UsageError } from '../shared/failures.js'
import type { SizedStream } from '../../client/index.js'

interface LocalFile {
  readonly path: string
  readonly sizeBytes: number
}

/** A model that is ready to be sent. */
export interface ModelUpload extends SizedStream {
  readonly contentType: string
}

const CHUNK_BYTES = 1 << 20
const BOUNDARY = 'penstock-model-files-7d2f5f0c9b1e4a'

/** @throws UsageError when a file cannot be read, or a data file lies elsewhere. */
export async function openModelUpload(file: string): Promise<ModelUpload> {
  const model = await localFile(file)
  const dataFiles = await dataFilesOf(file)
  if (dataFiles.size === 0)
    return { contentType: 'application/octet-stream', sizeBytes: model.sizeBytes, chunks: chunksOf(model) }
  const parts = [{ head: headOf('model', 'model.onnx'), file: model }]
  for (const [name, data] of dataFiles) parts.push({ head: headOf('data', name), file: data })
  const end = Buffer.from(`--${BOUNDARY}--\r\n`)
  const sizeBytes = parts.reduce((sum, part) => sum + part.head.length + part.file.sizeBytes + 2, end.length)
  if (sizeBytes > MODEL_BYTES_MAX)
    throw new UsageError(
      `Cannot send ${file}: with its ${dataFiles.size} data files it has ${sizeBytes} bytes, and models end at ${MODEL_BYTES_MAX}.`,
    )
  return { contentType: `multipart/form-data; boundary=${BOUNDARY}`, sizeBytes, chunks: multipart(parts, end) }
}

async function* multipart(
  parts: readonly { readonly head: Buffer; readonly file: LocalFile }[],
  end: Buffer,
): AsyncGenerator<Uint8Array> {
  for (const { head, file } of parts) {
    yield head
    yield* chunksOf(file)
    yield Buffer.from('\r\n')
  }
  yield end
}

async function* chunksOf({ path }: LocalFile): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) yield chunk as Buffer
}

/** What a quoted string cannot hold is written as browsers do. */
function headOf(name: string, fileName: string): Buffer {
  const quoted = fileName.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22').replace(/\\/g, '\\\\')
  return Buffer.from(
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"; filename="${quoted}"\r\n` +
      'content-type: application/octet-stream\r\n\r\n',
  )
}

/** By the path that the model names. A file that is no model has none: the server says better what it is. */
async function dataFilesOf(file: string): Promise<Map<string, LocalFile>> {
  const folder = dirname(file)
  const found = new Map<string, LocalFile>()
  for (const [path, tensor] of namedFiles(await readFile(file))) {
    const local = join(folder, path)
    const beside = await localFile(local, `The weights of ${file} (tensor ${tensor}) lie in ${path}. `)
    // A link could lead to any file of this machine.
    if (!(await realpath(local)).startsWith((await realpath(folder)) + sep))
      throw new UsageError(`The weights of ${file} lie in ${local}, which is a link out of the model's folder.`)
    found.set(path, beside)
  }
  return found
}

function namedFiles(bytes: Uint8Array): (readonly [path: string, tensor: string])[] {
  let locations: ReadonlyMap<string, string>
  try {
    locations = externalFiles(readOnnx(bytes))
  } catch {
    return []
  }
  try {
    return [...locations].map(([location, tensor]) => [dataFilePath(location), tensor])
  } catch (error) {
    if (isPenstockError(error)) throw new UsageError(`${error.message}.`, { cause: error })
    throw error
  }
}

async function localFile(path: string, before = ''): Promise<LocalFile> {
  try {
    const entry = await stat(path)
    if (!entry.isFile()) throw new Error('it is no file')
    if (entry.size > MODEL_BYTES_MAX)
      throw new Error(`it has ${entry.size} bytes, and ONNX files end at ${MODEL_BYTES_MAX}`)
    return { path, sizeBytes: entry.size }
  } catch (error) {
    throw new UsageError(`${before}Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}.`, {
      cause: error,
    })
  }
}
