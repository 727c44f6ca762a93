import { describe, expect, it } from 'vitest'
import { Body, BodyMemory } from './body.js'
import { ByteCharge } from './byte-charge.js'
import { testBudget } from './testing/budget.js'

const chunk = (bytes: number, value: number): ArrayBuffer => new Uint8Array(bytes).fill(value).buffer
const bytesMax = 2 ** 30

function bodies(limitBytes?: number) {
  const budget = testBudget(limitBytes)
  const memory = new BodyMemory()
  return { budget, open: (max = bytesMax) => new Body(memory, new ByteCharge(budget), max) }
}

describe('body', () => {
  it('collects its chunks in order, and gives its budget back', () => {
    const { budget, open } = bodies()
    const body = open(1000)
    expect(body.append(chunk(3, 1))).toBeNull()
    expect(body.append(chunk(2, 2))).toBeNull()
    expect([...body.bytes]).toEqual([1, 1, 1, 2, 2])
    expect(budget.totalBytes).toBeGreaterThan(0)
    body.recycle()
    expect(budget.totalBytes).toBe(0)
  })

  it('believes an announced length only as far as the body pays in advance', () => {
    const honest = bodies()
    honest.open().append(chunk(100_000, 1), 600_000)
    expect(honest.budget.totalBytes).toBe(600_000)
    const liar = bodies()
    liar.open().append(chunk(100_000, 1), 2 ** 30)
    expect(liar.budget.totalBytes).toBe(800_000)
  })

  it.each([
    ['in small chunks', 1000],
    ['in chunks of which doubling would pass it', 65_000],
  ])('holds at most what was announced, %s', (_name, size) => {
    const { budget, open } = bodies()
    const body = open()
    const announced = 180_000
    for (let length = 0; length < announced; length += size) {
      expect(body.append(chunk(Math.min(size, announced - length), 1), announced)).toBeNull()
      expect(budget.totalBytes).toBeLessThanOrEqual(announced)
    }
    expect(body.bytes.length).toBe(announced)
    // One that sends more than it announced grows on, up to its own limit.
    expect(body.append(chunk(10, 1), announced)).toBeNull()
    expect(body.bytes.length).toBe(announced + 10)
  })

  it('is refused beside others when the budget is used up, and keeps what it has', () => {
    const { budget, open } = bodies(1_000_000)
    const first = open()
    expect(first.append(chunk(600_000, 1))).toBeNull()
    const second = open()
    expect(second.append(chunk(300_000, 2))).toBeNull()
    const refusal = second.append(chunk(300_000, 2))
    expect(refusal).toMatchObject({ code: 'ERR_QUEUE_FULL', retryAfterMs: 1000 })
    expect(refusal?.message).toContain('at most 1000000 bytes (--memory-budget) but 900000 are held')
    expect(budget.totalBytes).toBe(900_000)
    first.recycle()
    second.recycle()
    expect(budget.totalBytes).toBe(0)
  })

  it('alone may be larger than the budget: its own limit is what ends it', () => {
    const { budget, open } = bodies(100_000)
    const body = open(1_000_000)
    for (let count = 0; count < 9; count++) expect(body.append(chunk(100_000, 1))).toBeNull()
    expect(budget.totalBytes).toBeGreaterThan(900_000)
    expect(body.append(chunk(200_000, 1))).toMatchObject({ code: 'ERR_BODY_TOO_LARGE' })
  })

  it('uses the memory of a body that was read, and counts it', () => {
    const { budget, open } = bodies()
    const first = open()
    first.append(chunk(200_000, 1))
    const { buffer } = first.bytes
    first.recycle()
    const second = open()
    second.append(chunk(150_000, 2))
    expect(second.bytes.buffer).toBe(buffer)
    expect(second.bytes.length).toBe(150_000)
    expect(second.bytes.every((byte) => byte === 2)).toBe(true)
    expect(budget.totalBytes).toBe(200_000)
    second.recycle()
    expect(budget.totalBytes).toBe(0)
  })

  it('frees the memory that is too small or too large to keep, without waiting for the collector', () => {
    const { open } = bodies()
    const large = open()
    large.append(chunk(17 * 2 ** 20, 1))
    const { buffer } = large.bytes
    large.recycle()
    expect(buffer.byteLength).toBe(0)
  })
})
