/** One AbortSignal for thousands of requests, as callers who want to stop all of something write it: nobody is warned, all stop. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { codeOf, Stage } from '../support/client-harness.js'

const warnings: string[] = []
const note = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`)
let stage: Stage
beforeAll(async () => {
  stage = await Stage.open({ add: 'add-one', text: 'upper-string', slow: 'slow' })
})
afterAll(() => stage.close())
beforeEach(() => {
  warnings.length = 0
  process.on('warning', note)
})
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', note)
  expect(warnings).toEqual([])
})

describe('a signal that many requests share', () => {
  it('signal: 2000 requests of a client are answered', async () => {
    const client = await stage.client()
    const { signal } = new AbortController()
    const answers = await Promise.all(
      Array.from({ length: 2000 }, (_, index) => client.infer('add', { x: [[index, 0, 0]] }, { signal })),
    )
    expect(answers.map(({ outputs }) => outputs['y']?.data[0])).toEqual(answers.map((_, index) => index + 1))
  })

  it('signal: 500 requests of an engine are answered, by batches and one by one', async () => {
    const { signal } = new AbortController()
    const { engine } = stage
    const numbers = Array.from({ length: 500 }, () => engine.infer('add', { inputs: { x: [[1, 2, 3]] }, signal }))
    const texts = Array.from({ length: 100 }, () => engine.infer('text', { inputs: { label: ['a'] }, signal }))
    for (const { outputs } of await Promise.all(numbers)) expect(outputs['y']?.data[0]).toBe(2)
    for (const { outputs } of await Promise.all(texts)) expect(outputs['upper']?.data).toEqual(['A'])
  })

  it('signal: an abort ends all of them, and leaves those with another signal alone', async () => {
    const client = await stage.client()
    const abort = new AbortController()
    const other = new AbortController()
    const x = { x: [[1, 2, 3, 4]] }
    const codes = [
      ...Array.from({ length: 100 }, () => codeOf(stage.engine.infer('slow', { inputs: x, signal: abort.signal }))),
      ...Array.from({ length: 100 }, () => codeOf(client.infer('slow', x, { signal: abort.signal }))),
    ]
    const kept = stage.engine.infer('add', { inputs: { x: [[1, 2, 3]] }, signal: other.signal })
    abort.abort()
    const ended = await Promise.all(codes)
    // The first ones may have been running, or done.
    expect(ended.filter((code) => code === 'ERR_ABORTED').length).toBeGreaterThan(150)
    expect(new Set(ended).size).toBeLessThanOrEqual(2)
    expect((await kept).outputs['y']?.data[0]).toBe(2)
  })
})
