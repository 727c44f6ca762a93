import { describe, expect, it } from 'vitest'
import { Body, type BodyBudget } from './body.js'

const budget = (bytesMax = 2 ** 30): BodyBudget => ({ bytes: 0, bytesMax, spares: [] })
const chunk = (bytes: number, value: number): ArrayBuffer => new Uint8Array(bytes).fill(value).buffer

describe('body', () => {
  it('collects its chunks in order, and gives its budget back', () => {
    const shared = budget()
    const body = new Body(shared, 1000)
    expect(body.append(chunk(3, 1))).toBeNull()
    expect(body.append(chunk(2, 2))).toBeNull()
    expect([...body.bytes]).toEqual([1, 1, 1, 2, 2])
    expect(shared.bytes).toBeGreaterThan(0)
    body.release()
    expect(shared.bytes).toBe(0)
  })

  it('believes an announced length only as far as the body pays in advance', () => {
    const shared = budget()
    new Body(shared, 2 ** 30).append(chunk(100_000, 1), 600_000)
    expect(shared.bytes).toBe(600_000)
    const liar = budget()
    new Body(liar, 2 ** 30).append(chunk(100_000, 1), 2 ** 30)
    expect(liar.bytes).toBe(800_000)
  })

  it('uses the memory of a body that was read, and counts it', () => {
    const shared = budget()
    const first = new Body(shared, 2 ** 30)
    first.append(chunk(200_000, 1))
    const { buffer } = first.bytes
    first.release()
    first.recycle()
    expect(shared.spares.length).toBe(1)
    const second = new Body(shared, 2 ** 30)
    second.append(chunk(150_000, 2))
    expect(second.bytes.buffer).toBe(buffer)
    expect(second.bytes.length).toBe(150_000)
    expect(second.bytes.every((byte) => byte === 2)).toBe(true)
    expect(shared.bytes).toBe(200_000)
    second.release()
    expect(shared.bytes).toBe(0)
  })

  it('keeps few spares, none of them small or huge', () => {
    const shared = budget()
    for (const bytes of [10, 17 * 2 ** 20, 70_000, 70_000, 70_000, 70_000, 70_000]) {
      const body = new Body(shared, 2 ** 30)
      body.append(chunk(bytes, 1))
      body.release()
      body.recycle()
    }
    const held = Array.from({ length: 6 }, () => {
      const body = new Body(shared, 2 ** 30)
      body.append(chunk(70_000, 1))
      return body
    })
    for (const body of held) {
      body.release()
      body.recycle()
    }
    expect(shared.spares.length).toBe(4)
    expect(shared.spares.every((spare) => spare.length <= 16 * 2 ** 20)).toBe(true)
  })
})
