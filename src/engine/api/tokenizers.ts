/** Tokenizers: the calls that change them, and the store that src/registry implements. Types only. */
import type { TokenizerRecord, TokenizerVersion } from './generated/records.js'

/** What a tokenizer.json says, as its inspection found it. */
export type TokenizerFile = Omit<TokenizerVersion, 'version' | 'createdAt' | 'sha256' | 'sizeBytes'>

/** Implemented by src/registry. Every mutation is durable when its promise settles. */
export interface TokenizerStore {
  list(): TokenizerRecord[]
  get(name: string): TokenizerRecord | undefined
  /** Adds the next version; the bytes of the newest version return that version. @param bytes lent until the promise settles. */
  add(name: string, bytes: Uint8Array, file: TokenizerFile): Promise<TokenizerVersion>
  /** The stored tokenizer.json. @throws ERR_STORAGE. */
  read(sha256: string): Promise<Uint8Array>
  remove(name: string): Promise<void>
  removeVersion(name: string, version: number): Promise<void>
}

export interface TokenizersApi {
  list(): TokenizerRecord[]
  /** @throws ERR_TOKENIZER_NOT_FOUND. */
  get(name: string): TokenizerRecord
  /** @param version absent: the newest. @throws ERR_TOKENIZER_NOT_FOUND naming the versions that there are. */
  getVersion(name: string, version?: number): TokenizerVersion
  /**
   * Looks at a tokenizer.json of Hugging Face and stores it as the next version; the bytes of the newest return that version.
   * @param bytes at most TOKENIZER_BYTES_MAX; lent until the promise settles.
   * @throws ERR_ARGUMENT: it is none, or one whose tokens would be others than Hugging Face's.
   */
  add(name: string, bytes: Uint8Array): Promise<TokenizerVersion>
  /** @throws ERR_CONFLICT while a deployed pipeline names a version of it. */
  remove(name: string): Promise<void>
  /** The last version takes the tokenizer with it. @throws ERR_CONFLICT while a deployed pipeline names it. */
  removeVersion(name: string, version: number): Promise<void>
}
