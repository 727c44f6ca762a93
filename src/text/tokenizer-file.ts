/**
 * Which tokenizer.json files are taken: those whose every part the library does as Hugging Face's own tokenizers do. What it
 * would pass over in silence (a model that looks whole words up, random merges, some ways to split) is refused here, for wrong
 * tokens are worse than none. Runs on the tokenizer's thread: a file has megabytes.
 */
import { PenstockError } from '../base/errors.js'
import { argumentError, describeValue } from '../base/expect.js'

/** What the registry tells of a tokenizer. */
export interface TokenizerFacts {
  /** WordPiece, BPE or Unigram. */
  readonly model: string
  /** Tokens, added ones included. */
  readonly vocabularySize: number
  /** Tokens of a row to which the file itself truncates; null: it does not say. */
  readonly maxLength: number | null
  /** Tokens that each row has besides those of its text, such as [CLS] and [SEP]. */
  readonly specialTokens: number
}

/** Members of a tokenizer.json that are read here; the library reads the others. */
export interface TokenizerDocument {
  readonly model: { readonly type: string } & Readonly<Record<string, unknown>>
  readonly truncation: Direction | null
  readonly padding: (Direction & { readonly pad_id?: unknown; readonly pad_type_id?: unknown }) | null
  readonly added_tokens: readonly unknown[]
}

interface Direction {
  readonly direction?: unknown
  readonly max_length?: unknown
}

type Json = Readonly<Record<string, unknown>>

const MODELS: readonly unknown[] = ['WordPiece', 'BPE', 'Unigram']
const PARTS = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'] as const
const SPLITS: readonly unknown[] = ['isolated', 'removed']
/** Parts that the library takes and does otherwise: of characters, not of UTF-16 units. */
const REFUSED_PARTS: readonly unknown[] = ['FixedLength']
const NESTS_MAX = 16

/** @throws PenstockError ERR_ARGUMENT: it is none, or one of which the tokens would be others than Hugging Face's. */
export function parseTokenizer(bytes: Uint8Array): TokenizerDocument {
  const json = readJson(bytes)
  const { model } = json
  if (!isRecord(model)) throw invalid('to have a model, as the file tokenizer.json of a model on the Hub has', model)
  // Files of the library's first years do not say the type.
  const type = model['type'] ?? guessedType(model)
  if (!MODELS.includes(type)) throw invalid(`to have a model of ${MODELS.join(', ')}`, type)
  if (typeof model['dropout'] === 'number' && model['dropout'] > 0)
    throw invalid('to merge always alike: a dropout is for training', model['dropout'], 'Set model.dropout to null')
  const parts = Object.fromEntries(PARTS.map((part) => [part, json[part] ?? null]))
  for (const part of PARTS) expectParts(parts[part], part, 0)
  const added = json['added_tokens'] ?? []
  if (!Array.isArray(added)) throw invalid('to have added_tokens, an array', added)
  return {
    ...json,
    ...parts,
    model: { ...model, type: type as string },
    added_tokens: added,
    truncation: directionOf(json, 'truncation'),
    padding: directionOf(json, 'padding'),
  }
}

function readJson(bytes: Uint8Array): Json {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PenstockError('ERR_ARGUMENT', `Expected the tokenizer to be a tokenizer.json: ${reason}`)
  }
  if (isRecord(json)) return json
  throw invalid('to be an object', json)
}

function guessedType(model: Json): string | undefined {
  if (Array.isArray(model['vocab'])) return 'Unigram'
  if (model['merges'] !== undefined) return 'BPE'
  return model['max_input_chars_per_word'] === undefined ? undefined : 'WordPiece'
}

function expectParts(part: unknown, where: string, depth: number): void {
  if (part === null || part === undefined) return
  if (!isRecord(part) || depth > NESTS_MAX) throw invalid(`to have ${where}, an object`, part)
  const { type } = part
  if (REFUSED_PARTS.includes(type)) throw invalid(`to have another ${where}`, type)
  const { behavior: given } = part
  const behavior = typeof given === 'string' ? given.toLowerCase() : ''
  if (type === 'Split' && part['invert'] !== true && !SPLITS.includes(behavior))
    throw invalid(`to split by Isolated or Removed in ${where}`, part['behavior'])
  if (type === 'Punctuation' && behavior !== '' && behavior !== 'isolated')
    throw invalid(`to split by Isolated in ${where}`, part['behavior'])
  for (const list of ['normalizers', 'pretokenizers', 'processors', 'decoders']) {
    const nested = part[list]
    if (Array.isArray(nested)) nested.forEach((one, i) => expectParts(one, `${where}.${list}[${i}]`, depth + 1))
  }
}

function directionOf(json: Json, key: 'truncation' | 'padding'): Direction | null {
  const value = json[key] ?? null
  if (value === null) return null
  if (!isRecord(value)) throw invalid(`to have ${key}, an object or null`, value)
  return value
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(rule: string, value: unknown, wayOut = ''): PenstockError {
  const sentence = `Expected the tokenizer ${rule} but received ${describeValue(value)}`
  return new PenstockError('ERR_ARGUMENT', wayOut === '' ? sentence : `${sentence}. ${wayOut}`)
}

/** What the library says of a part that it does not know. */
export function libraryError(error: unknown): PenstockError {
  if (error instanceof PenstockError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return argumentError('the tokenizer', 'one that can be built', reason.slice(0, 200))
}
