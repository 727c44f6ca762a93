/**
 * The thread of one tokenizer: loads it, then answers messages of texts in their order. Failures are sentences, because an
 * exception would arrive without its class.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { PenstockError, type ErrorCode } from '../base/errors.js'
import { type RefusedText, TextTokenizer, type TokenColumns, type TokeniseSettings } from './text-tokenizer.js'
import type { TokenizerFacts } from './tokenizer-file.js'

export interface TokenizerTask {
  readonly id: number
  /** UTF-8, one behind the other. */
  readonly data: Uint8Array
  /** Where each text begins, and behind the last where it ends. */
  readonly offsets: Int32Array
  /** null: only counted. */
  readonly settings: TokeniseSettings | null
}

export interface TokenizerFailure {
  readonly code: ErrorCode
  readonly message: string
}

export type TokenizerResult =
  | { readonly id: number; readonly kind: 'columns'; readonly columns: TokenColumns }
  | { readonly id: number; readonly kind: 'counts'; readonly counts: readonly number[] }
  | { readonly id: number; readonly kind: 'refused'; readonly rows: readonly RefusedText[] }
  | { readonly id: number; readonly kind: 'failed'; readonly failure: TokenizerFailure }

export type TokenizerReply =
  | { readonly kind: 'loaded'; readonly facts: TokenizerFacts }
  | { readonly kind: 'invalid'; readonly failure: TokenizerFailure }
  | { readonly kind: 'results'; readonly results: readonly TokenizerResult[] }

const decoder = new TextDecoder()

function main(): void {
  const port = parentPort
  if (port === null) throw new Error('assertion: this file is the entry of a thread')
  const send = (reply: TokenizerReply, buffers: ArrayBuffer[] = []): void => port.postMessage(reply, buffers)
  let tokenizer: TextTokenizer
  try {
    tokenizer = new TextTokenizer(workerData as Uint8Array)
  } catch (error) {
    send({ kind: 'invalid', failure: failureOf(error) })
    return
  }
  send({ kind: 'loaded', facts: tokenizer.facts })
  port.on('message', (tasks: readonly TokenizerTask[]) => {
    const results = tasks.map((task) => run(tokenizer, task))
    send({ kind: 'results', results }, results.flatMap(buffersOf))
  })
}

function run(tokenizer: TextTokenizer, { id, data, offsets, settings }: TokenizerTask): TokenizerResult {
  try {
    const texts = Array.from({ length: offsets.length - 1 }, (_, i) =>
      decoder.decode(data.subarray(offsets[i], offsets[i + 1])),
    )
    if (settings === null) return { id, kind: 'counts', counts: tokenizer.count(texts) }
    const result = tokenizer.columns(texts, settings)
    return 'tokens' in result ? { id, kind: 'columns', columns: result } : { id, kind: 'refused', rows: result }
  } catch (error) {
    return { id, kind: 'failed', failure: failureOf(error) }
  }
}

function buffersOf(result: TokenizerResult): ArrayBuffer[] {
  if (result.kind !== 'columns') return []
  const { inputIds, attentionMask, tokenTypeIds } = result.columns
  return [inputIds, attentionMask, tokenTypeIds]
}

function failureOf(error: unknown): TokenizerFailure {
  if (error instanceof PenstockError) return { code: error.code, message: error.message }
  return {
    code: 'ERR_RUN_FAILED',
    message: `The tokenizer failed: ${error instanceof Error ? error.message : String(error)}`,
  }
}

main()
