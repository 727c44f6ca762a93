/** The step of tokens as it is compiled and run, with a thread that answers at once. */
import { expect, test } from 'vitest'
import type { StageCall, StageColumn, TransformColumns } from '../pipeline/columns/stage.js'
import type { TokeniseStep } from '../pipeline/definition.js'
import { columnOf } from '../transforms/draft/column.js'
import { compileTokenise, openTokenise } from './tokenise.js'
import type { TokenizerThread } from './tokenizer-thread.js'
import type { TokenizerResult } from './tokenizer-worker.js'

const step: TokeniseStep = { type: 'tokenise', column: 'text', tokenizer: 't@1' }
const text: StageColumn = { name: 'text', dtype: 'string', isNullable: false, shape: [] }
const call: StageCall = { signal: new AbortController().signal, deadlineMs: Infinity, requestId: '', meta: null }

function threadOf(result: Partial<TokenizerResult>): TokenizerThread {
  const facts = { model: 'BPE', vocabularySize: 9, maxLength: null, specialTokens: 2 }
  return { facts, run: () => Promise.resolve({ id: 1, ...result }) } as unknown as TokenizerThread
}

function run(columns: TransformColumns, rows: number, more: Partial<StageCall> = {}): Promise<TransformColumns> {
  const empty = new ArrayBuffer(rows * 16)
  const counts = { tokens: 3, cutRows: 1 }
  const made = { tokens: 2, inputIds: empty, attentionMask: empty, tokenTypeIds: empty, counts }
  const stage = openTokenise(step, threadOf({ kind: 'columns', columns: made }), () => Promise.resolve())
  return Promise.resolve(stage.run(columns, rows, { ...call, ...more }))
}

test('takes the column of texts, and leaves three of tokens in its place', () => {
  expect(compileTokenise(step, 'steps[0]', [text])).toMatchObject({
    takes: [text],
    makes: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({ name, dtype: 'int64', shape: [null] })),
    drops: ['text'],
  })
  const fixed = compileTokenise({ ...step, padding: 'max-length', maxLength: 8 }, 'steps[0]', [text])
  expect(fixed.makes.map(({ shape }) => shape)).toEqual([[8], [8], [8]])
})

test.each<[string, StageColumn[], RegExp]>([
  ['not there', [{ ...text, name: 'texts' }], /steps\[0\]\.column.*received text\. Did you mean texts\?/],
  ['none at all', [], /There are none/],
  ['numbers', [{ ...text, dtype: 'int64' }], /text, to be one text a row but it is int64/],
  ['several texts', [{ ...text, shape: [2] }], /one text a row but it is string \[2\]/],
])('a column is refused at the deploy: %s', (_, table, message) => {
  expect(() => compileTokenise(step, 'steps[0]', table)).toThrow(message)
})

test('rows of texts become rows of tokens, whose memory is the request’s', async () => {
  const told: unknown[] = []
  const texts = { text: columnOf('string', ['a', 'b']) }
  const made = await run(texts, 2, { hold: (bytes) => told.push(bytes), onTokens: (counts) => told.push(counts) })
  expect(told).toEqual([96, { tokens: 3, cutRows: 1 }])
  expect(made['input_ids']).toMatchObject({ dtype: 'int64', shape: [2, 2] })
})

test.each<[string, (string | null)[], string, RegExp]>([
  ['a missing one', ['a', null], 'ERR_VALUE_RANGE', /have a value but it is missing \(row 1\)/],
  ['a long one', ['a', 'é'.repeat(32_769)], 'ERR_VALUE_RANGE', /at most 65536 bytes but received 65538 \(row 1\)/],
  [
    'too many',
    Array.from({ length: 65 }, () => 'a'.repeat(65_536)),
    'ERR_ARGUMENT',
    /at most 4194304 bytes.*fewer rows/,
  ],
])('texts are refused with their rows: %s', async (_, texts, code, message) => {
  const refused = run({ text: columnOf('string', texts) }, texts.length)
  await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
})

test('what the tokenizer refuses is reported by row, and its thread is given back once', async () => {
  let released = 0
  const thread = threadOf({ kind: 'refused', rows: [{ row: 3, message: 'Expected less' }] })
  const stage = openTokenise(step, thread, () => Promise.resolve(void (released += 1)))
  const refused = Promise.resolve(stage.run({ text: columnOf('string', ['a']) }, 1, call))
  await expect(refused).rejects.toMatchObject({ errors: [{ field: 'text[3]', message: 'Expected less' }] })
  await stage.close()
  await stage.close()
  expect(released).toBe(1)
})

test('no room beside the special tokens is refused at the deploy', () => {
  const open = (): unknown => openTokenise({ ...step, maxLength: 2 }, threadOf({}), () => Promise.resolve())
  expect(open).toThrow(/more than the 2 special tokens that t@1 puts around each text but received 2/)
})
