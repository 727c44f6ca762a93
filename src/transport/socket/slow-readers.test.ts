import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../base/clock.js'
import { ANSWER_WAIT_BYTES_MIN, ANSWER_WAIT_MS_MAX } from '../../base/limits/limits.js'
import { SlowReaders } from './slow-readers.js'

const clock = new ManualClock()
const readers = new SlowReaders(ANSWER_WAIT_MS_MAX, clock)
const answer = () => ({
  takenBytes: 0,
  cuts: 0,
  cut() {
    this.cuts++
  },
})
const after = (ms: number): void => {
  clock.advanceMs(ms)
  readers.check()
}

describe('slow readers', () => {
  const waiting: ReturnType<typeof answer>[] = []
  const add = () => {
    const added = answer()
    waiting.push(added)
    readers.add(added)
    return added
  }
  afterEach(() => {
    for (const each of waiting.splice(0)) readers.delete(each)
  })

  it('are cut off once, when their time is over', () => {
    const stalled = add()
    after(ANSWER_WAIT_MS_MAX - 1)
    expect(stalled.cuts).toBe(0)
    after(1)
    after(ANSWER_WAIT_MS_MAX)
    expect([stalled.cuts, readers.size]).toEqual([1, 0])
  })

  it('are cut off when they take a byte now and then', () => {
    const dripping = add()
    for (let step = 0; step < 10; step++) {
      dripping.takenBytes += ANSWER_WAIT_BYTES_MIN / 20
      after(ANSWER_WAIT_MS_MAX / 10)
    }
    expect(dripping.cuts).toBe(1)
  })

  it('keep their answer for as long as they read it', () => {
    const reading = add()
    for (let step = 0; step < 50; step++) {
      reading.takenBytes += ANSWER_WAIT_BYTES_MIN
      after(ANSWER_WAIT_MS_MAX - 1)
    }
    expect(reading.cuts).toBe(0)
    readers.delete(reading)
    expect(readers.size).toBe(0)
  })
})
