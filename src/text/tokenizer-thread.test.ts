import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packStrings } from '../transforms/draft/column.js'
import type { TokeniseSettings } from './text-tokenizer.js'
import { inspectTokenizer, TokenizerThread } from './tokenizer-thread.js'

const bytes = readFileSync(new URL('../../test/text/unigram.tokenizer.json', import.meta.url))
const settings: TokeniseSettings = { maxLength: 512, padding: 'longest', padToMultipleOf: 16, truncation: 'right' }
let thread: TokenizerThread

beforeAll(async () => {
  thread = await TokenizerThread.open(bytes)
})
afterAll(() => thread.close())

test('a thread answers each of many requests with the tokens of its own texts', async () => {
  const texts = Array.from({ length: 200 }, (_, i) => `the room ${i} was ${'very '.repeat(i % 40)}clean`)
  const counts = await Promise.all(texts.map((text) => thread.run(packStrings([text]), null)))
  const together = await thread.run(packStrings(texts), null)
  expect(counts.map((result) => (result.kind === 'counts' ? result.counts[0] : result))).toEqual(
    together.kind === 'counts' ? together.counts : together,
  )
  const columns = await thread.run(packStrings(['clean', texts[9] as string]), settings)
  const longest = (together.kind === 'counts' ? (together.counts[9] as number) : 0) + 2
  expect(columns).toMatchObject({ kind: 'columns', columns: { tokens: Math.ceil(longest / 16) * 16 } })
})

test('the slowest texts leave this thread to others', async () => {
  const slow = packStrings(['[CLS]'.repeat(1000)])
  let ticks = 0
  const timer = setInterval(() => (ticks += 1), 1)
  await Promise.all([thread.run(slow, settings), thread.run(slow, settings)])
  clearInterval(timer)
  // Done here, the texts would take hundreds of milliseconds in one piece.
  expect(ticks).toBeGreaterThan(5)
})

test('a caller who gives up is answered so, and others are answered', async () => {
  const control = new AbortController()
  const slow = packStrings(['[CLS]'.repeat(1000)])
  const first = thread.run(slow, settings)
  const behind = [1, 2, 3].map(() => thread.run(slow, settings, control.signal))
  const last = thread.run(packStrings(['clean']), settings)
  control.abort()
  for (const one of behind) await expect(one).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  expect((await first).kind).toBe('columns')
  expect((await last).kind).toBe('columns')
  await expect(thread.run(slow, settings, control.signal)).rejects.toMatchObject({ code: 'ERR_ABORTED' })
})

test('a file that is no tokenizer is refused, and a closed thread takes nothing', async () => {
  await expect(inspectTokenizer(new TextEncoder().encode('{}'))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  expect(await inspectTokenizer(bytes)).toMatchObject({ model: 'Unigram', specialTokens: 2 })
  const other = await TokenizerThread.open(bytes)
  const lost = other.run(packStrings(['clean']), settings)
  void other.close()
  await expect(lost).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  await expect(other.run(packStrings(['clean']), settings)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
})
