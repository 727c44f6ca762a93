/** How a table of the registry is named: `wine@1`, `wine` or `wine@latest`; in place of a file `dataset:wine@1`. */
import { argumentError } from './expect.js'

/** Files that a dataset may be, as they are kept: byte for byte. */
export const DATASET_FORMATS = ['csv', 'json', 'ndjson', 'arrow', 'arrows', 'parquet'] as const
export type DatasetFormat = (typeof DATASET_FORMATS)[number]

export interface DatasetReference {
  readonly name: string
  /** null: the newest. */
  readonly version: number | null
}

/** What stands before a reference where a path may stand as well. */
export const DATASET_PREFIX = 'dataset:'

const referencePattern = /^([A-Za-z0-9-]{1,128})(?:@(?:latest|(\d{1,16})))?$/

/** @returns null for what is no reference. */
export function matchDatasetReference(text: unknown): DatasetReference | null {
  const [, name, digits] = (typeof text === 'string' && referencePattern.exec(text)) || []
  if (name === undefined) return null
  if (digits === undefined) return { name, version: null }
  const version = Number(digits)
  return version >= 1 && Number.isSafeInteger(version) ? { name, version } : null
}

/** @throws PenstockError ERR_ARGUMENT. */
export function expectDatasetReference(where: string, text: unknown): DatasetReference {
  const found = matchDatasetReference(text)
  if (found !== null) return found
  const wayOut = 'Names are made of letters, digits and hyphens; versions count from 1'
  throw argumentError(where, 'a dataset as name, name@version or name@latest', text, wayOut)
}
