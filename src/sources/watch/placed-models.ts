/**
 * Models of a layout as the reconciliation wants them: one alias, the newest version first. Both places with files, a
 * folder and a bucket, read them in their own way.
 */
import { createHash } from 'node:crypto'
import type { PlacedModel, PlacedVersion } from './layout.js'
import type { FetchedVersion, SourceModel } from './source.js'

/** How a place reads what its layout found. */
export interface PlacedFiles {
  /** The alias that follows the newest version. */
  readonly alias: string
  /** `lineage.source` of a version, where tags say enough of its content. */
  sourceOf(version: PlacedVersion, key: string): string | null
  fetch(version: PlacedVersion, key: string, signal: AbortSignal): Promise<FetchedVersion>
}

export function sourceModels(models: readonly PlacedModel[], files: PlacedFiles): SourceModel[] {
  return models.map(({ name, versions }) => {
    const keyed = versions.map((version) => ({ version, key: keyOf(version) }))
    return {
      name,
      versions: keyed.map(({ version, key }) => ({
        key,
        label: version.file.path,
        source: files.sourceOf(version, key),
        fetch: (signal: AbortSignal) => files.fetch(version, key, signal),
      })),
      aliases: new Map([[files.alias, keyed.map(({ key }) => key).reverse()]]),
    }
  })
}

/** What changes with any file that may be the version's. */
function keyOf({ file, beside }: PlacedVersion): string {
  if (beside.length === 0) return `${file.path}#${file.tag}`
  const digest = createHash('sha256')
  for (const { path, tag } of [file, ...beside].sort((a, b) => (a.path < b.path ? -1 : 1)))
    digest.update(`${path}\0${tag}\0`)
  return `${file.path}#${digest.digest('hex').slice(0, 32)}`
}
