import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { TextTokenizer, type TokenColumns, type TokeniseSettings } from './text-tokenizer.js'

interface Golden {
  readonly library: string
  readonly texts: readonly string[]
  readonly tokenizers: Readonly<Record<string, readonly Answer[]>>
}

interface Answer {
  readonly settings: Partial<TokeniseSettings>
  readonly rows: readonly { readonly ids: number[]; readonly mask: number[]; readonly types: number[] }[]
}

const folder = new URL('../../test/text/', import.meta.url)
const golden = JSON.parse(readFileSync(new URL('goldens.json', folder), 'utf8')) as Golden
const load = (name: string): TextTokenizer => new TextTokenizer(readFileSync(new URL(`${name}.tokenizer.json`, folder)))
const defaults: TokeniseSettings = { maxLength: 4096, padding: 'longest', padToMultipleOf: 1, truncation: 'right' }

function rowsOf(columns: ReturnType<TextTokenizer['columns']>): { ids: number[]; mask: number[]; types: number[] }[] {
  if (!('tokens' in columns)) throw new Error(`refused: ${JSON.stringify(columns)}`)
  const { tokens, inputIds, attentionMask, tokenTypeIds } = columns
  const lists = [inputIds, attentionMask, tokenTypeIds].map((bytes) => Array.from(new BigInt64Array(bytes), Number))
  const [ids = [], mask = [], types = []] = lists
  return Array.from({ length: ids.length / tokens }, (_, row) => {
    const of = (list: number[]): number[] => list.slice(row * tokens, (row + 1) * tokens)
    return { ids: of(ids), mask: of(mask), types: of(types) }
  })
}

describe.each(Object.keys(golden.tokenizers))('tokens of %s', (name) => {
  const tokenizer = load(name)

  test.each((golden.tokenizers[name] as readonly Answer[]).map((answer) => [JSON.stringify(answer.settings), answer]))(
    'are those of Hugging Face with %s',
    (_, { settings, rows }) => {
      // One text at a time: the golden rows are not padded to one another.
      const received = golden.texts.flatMap((text) => rowsOf(tokenizer.columns([text], { ...defaults, ...settings })))
      const trimmed = received.map((row, i) => trimPadding(row, rows[i]?.ids.length ?? 0))
      expect(trimmed).toEqual(rows)
    },
  )

  test('have a row padded to the longest, up to a multiple, and maxLength at most', () => {
    const [short, long] = ['clean', 'the pool was lovely and the breakfast was delicious']
    const alone = rowsOf(tokenizer.columns([long], defaults))[0]?.ids ?? []
    const { tokens } = tokenizer.columns([short, long], { ...defaults, padToMultipleOf: 16 }) as TokenColumns
    expect(tokens).toBe(Math.ceil(alone.length / 16) * 16)
    const rows = rowsOf(tokenizer.columns([short, long], { ...defaults, padToMultipleOf: 16 }))
    expect(rows[1]?.ids.slice(0, alone.length)).toEqual(alone)
    const count = rowsOf(tokenizer.columns([short], defaults))[0]?.ids.length ?? 0
    expect(rows[0]?.mask).toEqual(Array.from({ length: tokens }, (__, i) => (i < count ? 1 : 0)))
    expect(
      (tokenizer.columns([short, long], { ...defaults, maxLength: 10, padToMultipleOf: 16 }) as TokenColumns).tokens,
    ).toBe(10)
  })

  test('are refused with truncation none when they are too many', () => {
    const refused = tokenizer.columns(['a', golden.texts[19] as string], {
      ...defaults,
      maxLength: 8,
      truncation: 'none',
    })
    expect(refused).toEqual([
      { row: 1, message: expect.stringMatching(/^Expected a text of at most 8 tokens but received \d+$/) as string },
    ])
  })
})

test('tokens are bounded for a request', () => {
  const texts = Array.from({ length: 300 }, () => 'a')
  const settings: TokeniseSettings = { ...defaults, maxLength: 4096, padding: 'max-length' }
  expect(() => load('wordpiece').columns(texts, settings)).toThrow(
    /at most 1048576 tokens.*300 rows of 4096 are 1228800/,
  )
})

test('the facts of a tokenizer say its model, vocabulary, truncation and frame', () => {
  expect(load('wordpiece').facts).toEqual({
    model: 'WordPiece',
    vocabularySize: 400,
    maxLength: null,
    specialTokens: 2,
  })
})

const bad: readonly (readonly [string, unknown, RegExp])[] = [
  ['no JSON', '{', /tokenizer.json/],
  ['no object', [], /to be an object but received an array/],
  ['no model', {}, /to have a model/],
  [
    'a model of whole words',
    { model: { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' } },
    /WordPiece, BPE, Unigram but received "WordLevel"/,
  ],
  ['dropout', { model: { type: 'BPE', vocab: {}, merges: [], dropout: 0.1 } }, /Set model.dropout to null/],
  [
    'a way to split that is not done',
    {
      model: { type: 'BPE', vocab: {}, merges: [] },
      pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithNext', invert: false },
    },
    /Isolated or Removed in pre_tokenizer but received "MergedWithNext"/,
  ],
  [
    'an unknown part',
    { model: { type: 'BPE', vocab: {}, merges: [] }, normalizer: { type: 'Novel' } },
    /Unknown Normalizer type: Novel/,
  ],
  [
    'a frame that the vocabulary lacks',
    {
      model: { type: 'BPE', vocab: { a: 0 }, merges: [] },
      post_processor: { type: 'BertProcessing', sep: ['[SEP]', 1], cls: ['[CLS]', 2] },
    },
    /\[CLS\].*vocabulary/,
  ],
]

test.each(bad)('a tokenizer is refused: %s', (_, document, message) => {
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  expect(() => new TextTokenizer(new TextEncoder().encode(text))).toThrow(message)
})

function trimPadding<T extends Record<'ids' | 'mask' | 'types', number[]>>(row: T, length: number): T {
  // An empty row has one token of padding, for a tensor has no axis of none.
  if (length === 0 && row.mask.every((bit) => bit === 0)) return { ...row, ids: [], mask: [], types: [] }
  return row
}
