/** A piece of a file, as one body of the infer endpoint. */
export interface Chunk {
  readonly rows: number
  readonly contentType: string
  readonly body: Uint8Array
  /** Bytes of the file that were read when this chunk was; as far as it is known. */
  readonly bytesRead: number
}

export interface ChunkSizes {
  readonly rowsMax: number
  /** Bytes of a body at most; a single row may have more. */
  readonly bytesMax: number
}
