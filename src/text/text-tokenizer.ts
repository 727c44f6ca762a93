/**
 * A tokenizer that is loaded: texts to the columns that encoders take. The library (@huggingface/tokenizers) makes tokens;
 * truncation and padding, which it leaves to its callers, are done here as Hugging Face's own tokenizers do them: the tokens of
 * the text are cut, those that frame each row (`[CLS] … [SEP]`) stay. Owned by one thread.
 */
import * as library from '@huggingface/tokenizers'
import { PenstockError } from '../base/errors.js'
import { REQUEST_TOKENS_MAX, TOKENS_DEFAULT, TOKENS_MAX } from '../base/limits/text-limits.js'
import type { TokenCounts } from '../pipeline/columns/stage.js'
import { libraryError, parseTokenizer, type TokenizerDocument, type TokenizerFacts } from './tokenizer-file.js'

export interface TokeniseSettings {
  /** Tokens of a row, those that frame it included; null: as the tokenizer says, else TOKENS_DEFAULT. */
  readonly maxLength: number | null
  /** `longest`: to the request's longest row, `max-length`: to maxLength. */
  readonly padding: 'longest' | 'max-length'
  /** With `longest`: up to the next multiple of it, maxLength at most. */
  readonly padToMultipleOf: number
  /** Which end of a text that is too long is cut off; `none`: it is refused. null: as the tokenizer says, else right. */
  readonly truncation: 'right' | 'left' | 'none' | null
}

/** int64, row-major, [rows, tokens]. The caller owns them. */
export interface TokenColumns {
  readonly tokens: number
  readonly inputIds: ArrayBuffer
  /** 1: a token, 0: padding. */
  readonly attentionMask: ArrayBuffer
  readonly tokenTypeIds: ArrayBuffer
  readonly counts: TokenCounts
}

/** A text of which the settings allow no tokens. */
export interface RefusedText {
  readonly row: number
  readonly message: string
}

/** What is used of the library, whose own types Node's resolution does not find. */
interface LibraryTokenizer {
  encode(text: string, options?: { add_special_tokens: boolean }): { readonly ids: number[] }
  token_to_id(token: string): number | undefined
  get_vocab(): ReadonlyMap<string, number>
  readonly post_processor: {
    post_process(tokens: string[], pair: null, withSpecial: boolean): { tokens: string[]; token_type_ids?: number[] }
  } | null
}
const { Tokenizer } = library as unknown as {
  readonly Tokenizer: new (document: object, config: object) => LibraryTokenizer
}

const INT64_BYTES = 8
const PAD_TOKENS = ['[PAD]', '<pad>', '<|pad|>', '<|padding|>', '<|endoftext|>']
/** Stands for the text while the frame is looked at: no vocabulary has it. */
const SENTINEL = '\u0000penstock\u0000'

export class TextTokenizer {
  readonly facts: TokenizerFacts
  readonly #tokenizer: LibraryTokenizer
  readonly #document: TokenizerDocument
  readonly #frame: Frame
  readonly #padId: number

  /** @throws PenstockError ERR_ARGUMENT. */
  constructor(bytes: Uint8Array) {
    this.#document = parseTokenizer(bytes)
    try {
      this.#tokenizer = new Tokenizer(this.#document, {})
      this.#frame = frameOf(this.#tokenizer)
      // A file whose parts do not fit one another fails on its first text.
      this.#tokenizer.encode('A text of 3 words: é 東 👍')
    } catch (error) {
      throw libraryError(error)
    }
    this.#padId = this.#findPad()
    const { max_length: maxLength } = this.#document.truncation ?? {}
    this.facts = {
      model: this.#document.model.type,
      vocabularySize: this.#tokenizer.get_vocab().size,
      maxLength: isLength(maxLength) ? maxLength : null,
      specialTokens: this.#frame.before.length + this.#frame.behind.length,
    }
  }

  /** How many tokens a row may have by the settings. */
  maxLength({ maxLength }: TokeniseSettings): number {
    return maxLength ?? this.facts.maxLength ?? TOKENS_DEFAULT
  }

  /** Tokens of each text, uncut and unframed. */
  count(texts: readonly string[]): number[] {
    return texts.map((text) => this.#tokenizer.encode(text, { add_special_tokens: false }).ids.length)
  }

  /**
   * @param texts one a row.
   * @returns the columns, or the rows that are refused.
   * @throws PenstockError ERR_ARGUMENT: more tokens than a request may have.
   */
  columns(texts: readonly string[], settings: TokeniseSettings): TokenColumns | readonly RefusedText[] {
    const maxLength = this.maxLength(settings)
    const refused: RefusedText[] = []
    const rows = texts.map((text, row) => this.#row(text, row, maxLength, settings, refused))
    if (refused.length > 0) return refused
    const longest = rows.reduce((length, { ids }) => Math.max(length, ids.length), 1)
    const multiple = settings.padToMultipleOf
    const padded = Math.min(Math.ceil(longest / multiple) * multiple, maxLength)
    return this.#pad(rows, settings.padding === 'longest' ? padded : maxLength)
  }

  #row(text: string, row: number, maxLength: number, settings: TokeniseSettings, refused: RefusedText[]): Row {
    const { before, behind, type, typesBefore, typesBehind } = this.#frame
    const { ids } = this.#tokenizer.encode(text, { add_special_tokens: false })
    const room = maxLength - before.length - behind.length
    // The library has no id for what neither the vocabulary nor an unknown token stands for.
    const unknown = ids.findIndex((id) => !Number.isInteger(id))
    if (unknown >= 0) {
      const message = 'Expected each character to have a token, for the tokenizer has none for unknown ones'
      refused.push({ row, message })
    }
    if (ids.length > room && settings.truncation === 'none') {
      const tokens = ids.length + before.length + behind.length
      refused.push({ row, message: `Expected a text of at most ${maxLength} tokens but received ${tokens}` })
    }
    const kept = ids.length <= room ? ids : this.#cutsLeft(settings) ? ids.slice(ids.length - room) : ids.slice(0, room)
    return {
      ids: [...before, ...kept, ...behind],
      isCut: kept.length < ids.length,
      types: type === 0 && this.#frame.isPlain ? null : [...typesBefore, ...kept.map(() => type), ...typesBehind],
    }
  }

  #cutsLeft({ truncation }: TokeniseSettings): boolean {
    return (truncation ?? String(this.#document.truncation?.direction).toLowerCase()) === 'left'
  }

  #pad(rows: readonly Row[], tokens: number): TokenColumns {
    const elements = rows.length * tokens
    if (elements > REQUEST_TOKENS_MAX) {
      const text = `Expected the request to have at most ${REQUEST_TOKENS_MAX} tokens, padding included, but ${rows.length} rows of ${tokens} are ${elements}. Send fewer rows at a time`
      throw new PenstockError('ERR_ARGUMENT', text)
    }
    const inputIds = new ArrayBuffer(elements * INT64_BYTES)
    const attentionMask = new ArrayBuffer(elements * INT64_BYTES)
    const tokenTypeIds = new ArrayBuffer(elements * INT64_BYTES)
    // Ids are small and not negative: the low halves of little-endian int64 are all that there is to write.
    const [ids, mask, types] = [new Int32Array(inputIds), new Int32Array(attentionMask), new Int32Array(tokenTypeIds)]
    const isLeft = String(this.#document.padding?.direction).toLowerCase() === 'left'
    rows.forEach((row, index) => {
      const padding = tokens - row.ids.length
      const start = index * tokens
      const from = isLeft ? start + padding : start
      row.ids.forEach((id, i) => {
        ids[2 * (from + i)] = id
        mask[2 * (from + i)] = 1
        types[2 * (from + i)] = row.types?.[i] ?? 0
      })
      const padFrom = isLeft ? start : start + row.ids.length
      for (let i = padFrom; i < padFrom + padding; i += 1) ids[2 * i] = this.#padId
    })
    const counts = {
      tokens: rows.reduce((sum, row) => sum + row.ids.length, 0),
      cutRows: rows.filter(({ isCut }) => isCut).length,
    }
    return { tokens, inputIds, attentionMask, tokenTypeIds, counts }
  }

  #findPad(): number {
    const { pad_id: padId } = this.#document.padding ?? {}
    if (Number.isInteger(padId) && (padId as number) >= 0) return padId as number
    const found = PAD_TOKENS.map((token) => this.#tokenizer.token_to_id(token)).find((id) => id !== undefined)
    return found ?? 0
  }
}

interface Row {
  readonly ids: readonly number[]
  readonly isCut: boolean
  /** null: all 0. */
  readonly types: readonly number[] | null
}

/** What stands around the tokens of a text. */
interface Frame {
  readonly before: readonly number[]
  readonly behind: readonly number[]
  readonly type: number
  readonly typesBefore: readonly number[]
  readonly typesBehind: readonly number[]
  /** All types are 0. */
  readonly isPlain: boolean
}

function frameOf(tokenizer: LibraryTokenizer): Frame {
  const framed = tokenizer.post_processor?.post_process([SENTINEL], null, true)
  const { tokens, token_type_ids: types } = framed ?? { tokens: [SENTINEL], token_type_ids: [] }
  const at = tokens.indexOf(SENTINEL)
  if (at < 0 || tokens.lastIndexOf(SENTINEL) !== at)
    throw new PenstockError(
      'ERR_ARGUMENT',
      'Expected the post_processor of the tokenizer to have the text once in each row',
    )
  const idOf = (token: string): number => {
    const id = tokenizer.token_to_id(token)
    if (id !== undefined) return id
    throw new PenstockError(
      'ERR_ARGUMENT',
      `Expected ${token}, of the post_processor, to be in the vocabulary of the tokenizer`,
    )
  }
  const typeList = tokens.map((_, i) => types?.[i] ?? 0)
  return {
    before: tokens.slice(0, at).map(idOf),
    behind: tokens.slice(at + 1).map(idOf),
    type: typeList[at] as number,
    typesBefore: typeList.slice(0, at),
    typesBehind: typeList.slice(at + 1),
    isPlain: typeList.every((type) => type === 0),
  }
}

function isLength(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= TOKENS_MAX
}
