/** Datasets of a server where commands take a table: by reference, or in place of a file as `dataset:wine@1`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DATASET_PREFIX, type DatasetReference, matchDatasetReference } from '../../base/dataset-reference.js'
import type { DatasetCalls } from '../../client/control/datasets.js'
import { UsageError } from './failures.js'
import { serverOf, type ServerOptions } from './server.js'

export const TABLE_ARGUMENT = 'a file, or dataset:name@version of the server'

export async function datasetCalls(options: ServerOptions): Promise<DatasetCalls> {
  const { DatasetCalls } = await import('../../client/control/datasets.js')
  return new DatasetCalls(serverOf(options).http)
}

/** @throws UsageError */
export function referenceOf(text: string): DatasetReference {
  const reference = matchDatasetReference(text)
  if (reference !== null) return reference
  throw new UsageError(`Expected a dataset as name, name@version or name@latest but received ${JSON.stringify(text)}.`)
}

export async function versionOf(calls: DatasetCalls, { name, version }: DatasetReference) {
  if (version !== null) return calls.getDatasetVersion(name, version)
  // A dataset without versions is not listed.
  return { name, ...((await calls.getDataset(name)).versions.at(-1) as NonNullable<unknown>) } as Awaited<
    ReturnType<DatasetCalls['getDatasetVersion']>
  >
}

/**
 * Calls `use` with a path and the table's format: of the file, or of a copy of the dataset that is gone afterwards.
 * @param format the caller's word for that of a file.
 */
export async function withTable<T>(
  source: string,
  format: string | undefined,
  options: ServerOptions,
  use: (path: string, format: string | undefined) => Promise<T>,
): Promise<T> {
  if (!source.startsWith(DATASET_PREFIX)) return use(source, format)
  const calls = await datasetCalls(options)
  const found = await versionOf(calls, referenceOf(source.slice(DATASET_PREFIX.length)))
  const folder = await mkdtemp(join(tmpdir(), 'penstock-dataset-'))
  try {
    const path = join(folder, `${found.name}-${found.version}.${found.format}`)
    await writeFile(path, await calls.readDataset(found.name, found.version))
    return await use(path, found.format)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
