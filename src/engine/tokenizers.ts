/**
 * The control calls of tokenizers, the version that a pipeline means when it is stored, and the threads that deployed pipelines
 * share: one for each file, opened with the first pipeline that names it and closed with the last.
 */
import { PenstockError } from '../base/errors.js'
import { argumentError, expectInteger, expectName, expectString } from '../base/expect.js'
import { TOKENIZER_BYTES_MAX } from '../base/limits/text-limits.js'
import { Mutex } from '../base/mutex.js'
import { didYouMean } from '../base/suggest.js'
import { matchContractReference as matchReference } from '../contract/contract.js'
import type { PipelineDefinition, Step, TokeniseStep } from '../pipeline/definition.js'
import type { ColumnStage } from '../pipeline/columns/stage.js'
import { openTokenise } from '../text/tokenise.js'
import { inspectTokenizer, TokenizerThread } from '../text/tokenizer-thread.js'
import type { PipelineStore, TokenizerRecord, TokenizersApi, TokenizerStore, TokenizerVersion } from './api/api.js'

export interface TokenizersParts {
  readonly tokenizers: TokenizerStore
  readonly pipelines: PipelineStore
  /** Runs one operation that changes something at a time, while the engine takes work. */
  readonly inTurn: <T>(operation: () => Promise<T>) => Promise<T>
}

export class Tokenizers implements TokenizersApi {
  readonly #parts: TokenizersParts
  /** Each inspection loads a vocabulary. */
  readonly #inspections = new Mutex()

  constructor(parts: TokenizersParts) {
    this.#parts = parts
  }

  list(): TokenizerRecord[] {
    return this.#parts.tokenizers.list()
  }

  get(name: string): TokenizerRecord {
    return existing(this.#parts.tokenizers, name)
  }

  getVersion(name: string, version?: number): TokenizerVersion {
    return tokenizerVersion(this.#parts.tokenizers, name, version)
  }

  async add(name: string, bytes: Uint8Array): Promise<TokenizerVersion> {
    expectName('tokenizer name', name)
    if (!(bytes instanceof Uint8Array)) throw argumentError('bytes', 'a Uint8Array that holds a tokenizer.json', bytes)
    expectInteger('the size of the tokenizer', bytes.byteLength, 1, TOKENIZER_BYTES_MAX)
    // Before its turn in the queue: a large vocabulary must not hold up a deploy.
    const file = await this.#inspections.run(() => inspectTokenizer(bytes))
    return this.#parts.inTurn(() => this.#parts.tokenizers.add(name, bytes, file))
  }

  remove(name: string): Promise<void> {
    return this.#parts.inTurn(async () => {
      this.get(name)
      this.#expectUnused(name, null)
      await this.#parts.tokenizers.remove(name)
    })
  }

  removeVersion(name: string, version: number): Promise<void> {
    return this.#parts.inTurn(async () => {
      this.getVersion(name, expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER))
      this.#expectUnused(name, version)
      await this.#parts.tokenizers.removeVersion(name, version)
    })
  }

  /** The definition with the versions of its tokenizers said, so that a newer one changes no stored pipeline. */
  pinned(definition: PipelineDefinition): PipelineDefinition {
    if (!definition.steps.some(isTokenise)) return definition
    const steps = definition.steps.map((step): Step => {
      if (!isTokenise(step)) return step
      const { name, version } = referenceOf(step.tokenizer)
      return { ...step, tokenizer: `${name}@${this.getVersion(name, version ?? undefined).version}` }
    })
    return { ...definition, steps }
  }

  #expectUnused(name: string, version: number | null): void {
    const users = this.#parts.pipelines.list().filter(({ deployedVersion, versions }) => {
      const deployed = versions.find((candidate) => candidate.version === deployedVersion)
      return (deployed?.definition.steps ?? []).some((step) => {
        if (!isTokenise(step)) return false
        const reference = referenceOf(step.tokenizer)
        return reference.name === name && (version === null || reference.version === version)
      })
    })
    if (users.length === 0) return
    const what = version === null ? name : `${name}@${version}`
    const names = users.map((user) => user.name).join(', ')
    const text = `Tokenizer ${what} is used by the deployed pipeline${users.length === 1 ? '' : 's'} ${names}. Undeploy or redeploy first`
    throw new PenstockError('ERR_CONFLICT', text)
  }
}

function isTokenise(step: Step): step is TokeniseStep {
  return step.type === 'tokenise'
}

function referenceOf(text: string): { readonly name: string; readonly version: number | null } {
  const reference = matchReference(text)
  if (reference !== null) return reference
  throw argumentError('a tokenizer', 'a name or name@version', text)
}

function existing(store: TokenizerStore, name: string): TokenizerRecord {
  const record = store.get(expectString('tokenizer', name))
  if (record !== undefined) return record
  const names = store.list().map((one) => one.name)
  const wayOut = didYouMean(name, names) || '. Add it with `penstock tokenizer add`'
  throw new PenstockError('ERR_TOKENIZER_NOT_FOUND', `There is no tokenizer ${name}${wayOut}`)
}

function tokenizerVersion(store: TokenizerStore, name: string, version?: number): TokenizerVersion {
  const { versions } = existing(store, name)
  const found = version === undefined ? versions.at(-1) : versions.find((candidate) => candidate.version === version)
  if (found !== undefined) return found
  const known = versions.map((candidate) => candidate.version).join(', ')
  throw new PenstockError('ERR_TOKENIZER_NOT_FOUND', `Tokenizer ${name} has no version ${version}; it has ${known}`)
}

/** The threads of an engine, by the sha256 of their files. */
export class TokenizerThreads {
  readonly #store: TokenizerStore
  readonly #open = new Map<string, { readonly thread: Promise<TokenizerThread>; users: number }>()

  constructor(store: TokenizerStore) {
    this.#store = store
  }

  /** Ends the threads, whoever uses them. */
  async close(): Promise<void> {
    const open = [...this.#open.values()]
    this.#open.clear()
    for (const { thread } of open) await thread.then((opened) => opened.close()).catch(() => undefined)
  }

  /** The stage of a step. @throws PenstockError as acquire; ERR_PIPELINE_INVALID: the step does not fit the tokenizer. */
  async open(step: TokeniseStep): Promise<ColumnStage> {
    const { thread, release } = await this.acquire(step.tokenizer)
    try {
      return openTokenise(step, thread, release)
    } catch (error) {
      await release()
      throw error
    }
  }

  /**
   * @param reference `mini` or `mini@1`.
   * @returns the thread, and what gives it back once.
   * @throws PenstockError ERR_TOKENIZER_NOT_FOUND, ERR_STORAGE, ERR_RUN_FAILED.
   */
  async acquire(
    reference: string,
  ): Promise<{ readonly thread: TokenizerThread; readonly release: () => Promise<void> }> {
    const { name, version } = referenceOf(reference)
    const { sha256 } = tokenizerVersion(this.#store, name, version ?? undefined)
    const entry = this.#open.get(sha256) ?? {
      thread: this.#store.read(sha256).then((bytes) => TokenizerThread.open(bytes)),
      users: 0,
    }
    this.#open.set(sha256, entry)
    entry.users += 1
    const leave = (): boolean => {
      entry.users -= 1
      if (entry.users > 0) return false
      if (this.#open.get(sha256) === entry) this.#open.delete(sha256)
      return true
    }
    try {
      const thread = await entry.thread
      return {
        thread,
        release: async () => {
          if (leave()) await thread.close()
        },
      }
    } catch (error) {
      leave()
      throw error
    }
  }
}
