/** What a thread that packs a table is asked, and what it answers. */
import type { ErrorCode } from '../../base/errors.js'
import type { LookupSpec, PackedTable } from '../../lookup/packed.js'
import type { FileFormat } from '../formats.js'

export interface PackRequest {
  readonly path: string
  /** As messages call it. */
  readonly name: string
  readonly format: FileFormat
  readonly spec: LookupSpec
  readonly bytesMax: number
}

export type PackReply =
  { readonly table: PackedTable } | { readonly table: null; readonly code: ErrorCode; readonly message: string }
