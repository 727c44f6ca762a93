import { expect, it } from 'vitest'
import { Congestion } from './congestion.js'

it('congestion: a held frame is acknowledged when the kernel has all bytes up to its end', () => {
  const congestion = new Congestion()
  congestion.add(1000, false)
  congestion.add(1000, true)
  congestion.add(70_000, true)
  expect(congestion.takeAcknowledged(72_000)).toBe(0)
  expect(congestion.takeAcknowledged(70_010)).toBe(1)
  expect(congestion.heldFrames).toBe(1)
  expect(congestion.takeAcknowledged(70_010)).toBe(0)
  expect(congestion.takeAcknowledged(0)).toBe(1)
})

it('congestion: a few bytes that it did not see, such as pings, do not hold the last frame back', () => {
  const congestion = new Congestion()
  congestion.add(50, true)
  expect(congestion.takeAcknowledged(40)).toBe(1)
})
