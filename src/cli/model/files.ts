/**
 * The files of a model on this machine: the .onnx file and the data files that it names, which must lie in its folder or
 * below. One file is sent as it is; several as multipart/form-data, read while they are sent.
 */
import { createReadStream } from 'node:fs'
import { MODEL_BYTES_MAX } from '../../base/limits/limits.js'
import { dataFilesOf, type LocalFile, localFile } from '../../sources/imports/model-files.js'
import { asUsage, UsageError } from '../shared/failures.js'
import type { SizedStream } from '../../client/index.js'

/** A model that is ready to be sent. */
export interface ModelUpload extends SizedStream {
  readonly contentType: string
}

const CHUNK_BYTES = 1 << 20
const BOUNDARY = 'penstock-model-files-7d2f5f0c9b1e4a'

/** @throws UsageError when a file cannot be read, or a data file lies elsewhere. */
export async function openModelUpload(file: string): Promise<ModelUpload> {
  const [model, dataFiles] = await asUsage(async () => [await localFile(file), await dataFilesOf(file)] as const)
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
