/** The formats of files by their endings. `.json` is records in an array or a line each; the first byte shows which. */
import { extname } from 'node:path'
import { argumentError, expectOneOf } from '../base/expect.js'

/** Formats of answers. */
export const outputFormats = ['json', 'ndjson', 'csv', 'arrow', 'arrows', 'parquet'] as const
/** A .npy file has one array: rows of the one input, but no place for an answer's columns. */
export const fileFormats = [...outputFormats, 'npy'] as const
export type OutputFormat = (typeof outputFormats)[number]
export type FileFormat = (typeof fileFormats)[number]

const formatByEnding: Readonly<Record<string, FileFormat>> = {
  '.json': 'json',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
  '.arrow': 'arrow',
  '.feather': 'arrow',
  '.arrows': 'arrows',
  '.parquet': 'parquet',
  '.npy': 'npy',
}

/** @param format the caller's word for it, which wins. @throws PenstockError ERR_ARGUMENT. */
export function formatOf(path: string, format?: string): FileFormat {
  if (format !== undefined) return expectOneOf('format', format, fileFormats)
  const found = formatByEnding[extname(path).toLowerCase()]
  if (found !== undefined) return found
  throw argumentError(
    'the file',
    `one that ends in ${Object.keys(formatByEnding).join(', ')}`,
    path,
    'Or name its format',
  )
}

/** As formatOf, for the file that answers go to. @throws PenstockError ERR_ARGUMENT. */
export function outputFormatOf(path: string, format?: string): OutputFormat {
  return expectOneOf('the format of the output', formatOf(path, format), outputFormats)
}
