import { describe, expect, it } from 'vitest'
import * as accessLimits from './access-limits.js'
import * as baseLimits from './limits.js'
import * as modelLimits from './model-limits.js'
import * as runLimits from './run-limits.js'

const limits = { ...baseLimits, ...accessLimits, ...modelLimits, ...runLimits }

describe('limits', () => {
  it('every limit: is a positive safe integer', () => {
    const entries = Object.entries(limits)
    expect(entries.length).toBeGreaterThan(20)
    for (const [name, value] of entries) expect(Number.isSafeInteger(value) && value > 0, name).toBe(true)
  })

  it('limits that depend on each other: fit', () => {
    expect(limits.BATCH_ROWS_MAX).toBeLessThanOrEqual(limits.BATCH_ROWS_CEILING)
    expect(limits.PENDING_ROWS_MAX).toBeGreaterThanOrEqual(limits.REQUEST_ROWS_MAX)
    expect(limits.PENDING_ROWS_BACKGROUND_MAX).toBeLessThan(limits.PENDING_ROWS_MAX)
    // A failure mask has one bit per check in 64 bits; a row's route is a uint16.
    expect(limits.CHECKS_MAX).toBeLessThanOrEqual(64)
    expect(limits.OPTIONS_MAX).toBeLessThanOrEqual(65_536)
    expect(limits.MODEL_BYTES_MAX).toBe(2_147_483_647)
  })
})
