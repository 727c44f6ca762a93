import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { HeldAnswers, type SlowReader } from './held-answers.js'

function harness(bytesMax: number) {
  const charged = { answers: 0 }
  const budget = {
    charge: (_use: string, bytes: number) => void (charged.answers += bytes),
    release: (_use: string, bytes: number) => void (charged.answers -= bytes),
  }
  const held = new HeldAnswers(budget, bytesMax, pino({ level: 'silent' }))
  const cut: number[] = []
  const reader = (connection: number): SlowReader => ({
    description: { connection },
    cutOff: () => void cut.push(connection),
  })
  return { held, charged, cut, reader }
}

describe('held answers', () => {
  it('are charged as they change, and given back when the reader is gone', () => {
    const { held, charged, reader } = harness(1000)
    const [first, second] = [reader(1), reader(2)]
    held.set(first, 300)
    held.set(second, 200)
    held.set(first, 250)
    expect([held.totalBytes, charged.answers, held.bytesOf(first)]).toEqual([450, 450, 250])
    held.set(first, 0)
    held.set(second, 0)
    held.set(second, 0)
    expect([held.totalBytes, charged.answers]).toEqual([0, 0])
  })

  it('cut off who holds the most, and nobody else, until the rest fit', () => {
    const { held, charged, cut, reader } = harness(1000)
    const readers = [300, 500, 100, 450].map((bytes, connection) => {
      const one = reader(connection)
      held.set(one, bytes)
      return one
    })
    held.relieve()
    expect([cut, held.totalBytes, charged.answers]).toEqual([[1], 850, 850])
    held.set(readers[2] as SlowReader, 900)
    held.relieve()
    expect([cut, held.totalBytes]).toEqual([[1, 2], 750])
    held.relieve()
    expect(cut).toEqual([1, 2])
  })
})
