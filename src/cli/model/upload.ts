/** A model's files on their way to the server: what `model add` and `model import` share. */
import type { Lineage } from '../../base/lineage.js'
import type { ControlCalls, UploadQuery } from '../../client/control/calls.js'
import type { UploadedVersionAnswer } from '../../protocol/answers/generated/answers.js'
import { withProgress } from '../shared/progress.js'
import { classesText, formatBytes, formatField, placementText } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

export interface LocalModel {
  readonly name: string
  /** Path of the .onnx file; its data files lie beside it. */
  readonly file: string
  readonly query: UploadQuery
  readonly lineage?: Lineage | undefined
}

/** @throws UsageError for files that cannot be read; RefusedError. */
export async function uploadModel(
  terminal: Terminal,
  server: ControlCalls,
  { name, file, query, lineage }: LocalModel,
): Promise<UploadedVersionAnswer> {
  const { openModelUpload } = await import('./files.js')
  const upload = await openModelUpload(file)
  const { sizeBytes } = upload
  let sentBytes = 0
  const chunks = counted(upload.chunks, (count) => (sentBytes += count))
  const describe = () =>
    sentBytes < sizeBytes ? `uploading ${formatBytes(sentBytes)} of ${formatBytes(sizeBytes)}` : 'inspecting the model'
  const added = await withProgress(terminal, describe, () =>
    server.addModel(name, { stream: { ...upload, chunks } }, query),
  )
  if (lineage === undefined) return added
  const { writeAnswer } = await import('../../protocol/answers/mapping.js')
  const { versions } = await server.setLineage(name, added.version, writeAnswer('Lineage', lineage))
  const kept = versions.find(({ version }) => version === added.version)?.lineage
  return kept === undefined ? added : { ...added, lineage: kept }
}

export function describeAdded(added: UploadedVersionAnswer): string {
  const lines = [
    `${added.name}@${added.version}  sha256 ${added.sha256.slice(0, 12)}  ${formatBytes(added.size_bytes)}`,
    `  inputs   ${(added.inputs ?? []).map(formatField).join(', ')}`,
    `  outputs  ${(added.outputs ?? []).map(formatField).join(', ')}`,
  ]
  if ((added.aliases ?? []).length > 0) lines.push(`  aliases  ${added.aliases?.join(', ')}`)
  if (added.providers !== undefined) lines.push(`  runs on  ${placementText(added)}`)
  for (const { name, classes } of added.outputs ?? [])
    if (classes !== undefined) lines.push(`  classes  ${name}: ${classesText(classes)}`)
  for (const change of added.uploaded?.changes ?? []) lines.push(`  changed  ${change}`)
  if (added.remark !== undefined && added.remark !== '') lines.push(`  remark   ${added.remark}`)
  return lines.join('\n')
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onChunk: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onChunk(chunk.byteLength)
    yield chunk
  }
}
