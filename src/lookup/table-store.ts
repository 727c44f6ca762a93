/**
 * Where lookup steps find their tables. The engine knows no file: who opens it hands this in, and reading and packing may
 * happen on another thread.
 */
import type { LookupSpec, PackedTable } from './packed.js'

/** A table as it stands in the store. */
export interface TableSource {
  /** As the step names it. */
  readonly name: string
  /**
   * Tells one content from the next: another text, another content. It costs no more than a look at a file's date.
   * @throws PenstockError ERR_STORAGE: it is not there any more.
   */
  revision(): Promise<string>
  /**
   * Reads it into memory.
   * @param bytesMax of the packed table.
   * @throws PenstockError ERR_BODY, ERR_DTYPE, ERR_STORAGE: the file; ERR_PIPELINE_INVALID: the step asks for what it has not.
   */
  load(spec: LookupSpec, bytesMax: number): Promise<PackedTable>
}

export interface TableStore {
  /** @throws PenstockError ERR_PIPELINE_INVALID: there is none of that name, or the name is none that may be opened. */
  find(name: string): Promise<TableSource>
}
