/** `engine.tokenizers` of a server: the addresses and their answers as the server sends them, and the engine's records of them. */
import { expectName } from '../../base/expect.js'
import type { TokenizerRecord, TokenizersApi, TokenizerVersion } from '../../engine/api/api.js'
import type {
  NamedTokenizerVersionAnswer,
  TokenizerRecordAnswer,
  TokenizerRecordsAnswer,
} from '../../protocol/answers/generated/answers.js'
import { readRecord } from '../../protocol/answers/mapping.js'
import { expectVersion } from './expect-version.js'
import type { HttpCaller } from './http.js'
import type { Remote } from './remote.js'

/** Names are not checked here: the server has the words for what is none. */
export class TokenizerCalls {
  constructor(readonly http: HttpCaller) {}

  listTokenizers(): Promise<TokenizerRecordsAnswer> {
    return this.#call('GET', '/v1/tokenizers')
  }

  getTokenizer(name: string): Promise<TokenizerRecordAnswer> {
    return this.#call('GET', tokenizerPath(name))
  }

  getTokenizerVersion(name: string, version: number): Promise<NamedTokenizerVersionAnswer> {
    return this.#call('GET', `${tokenizerPath(name)}/versions/${version}`)
  }

  async addTokenizer(name: string, bytes: Uint8Array): Promise<NamedTokenizerVersionAnswer> {
    const path = `${tokenizerPath(name)}/versions`
    return (await this.http.call('PUT', path, { bytes })) as NamedTokenizerVersionAnswer
  }

  removeTokenizer(name: string): Promise<undefined> {
    return this.#call('DELETE', tokenizerPath(name))
  }

  removeTokenizerVersion(name: string, version: number): Promise<undefined> {
    return this.#call('DELETE', `${tokenizerPath(name)}/versions/${version}`)
  }

  async #call<T>(method: string, path: string): Promise<T> {
    return (await this.http.call(method, path)) as T
  }
}

export class RemoteTokenizers implements Remote<TokenizersApi> {
  readonly #calls: TokenizerCalls

  constructor(calls: TokenizerCalls) {
    this.#calls = calls
  }

  async list(): Promise<TokenizerRecord[]> {
    return readRecord('TokenizerRecords', await this.#calls.listTokenizers()).tokenizers.slice()
  }

  async get(name: string): Promise<TokenizerRecord> {
    return readRecord('TokenizerRecord', await this.#calls.getTokenizer(expectName('tokenizer', name)))
  }

  async getVersion(name: string, version?: number): Promise<TokenizerVersion> {
    const checked = expectName('tokenizer', name)
    // A tokenizer without versions is not listed.
    if (version === undefined) return (await this.get(checked)).versions.at(-1) as TokenizerVersion
    const answer = await this.#calls.getTokenizerVersion(checked, expectVersion(version))
    return readRecord('NamedTokenizerVersion', answer)
  }

  async add(name: string, bytes: Uint8Array): Promise<TokenizerVersion> {
    return readRecord('NamedTokenizerVersion', await this.#calls.addTokenizer(expectName('tokenizer', name), bytes))
  }

  async remove(name: string): Promise<void> {
    await this.#calls.removeTokenizer(expectName('tokenizer', name))
  }

  async removeVersion(name: string, version: number): Promise<void> {
    await this.#calls.removeTokenizerVersion(expectName('tokenizer', name), expectVersion(version))
  }
}

function tokenizerPath(name: string): string {
  return `/v1/tokenizers/${encodeURIComponent(name)}`
}
