import { describe, expect, test } from 'vitest'
import { errorTable, type ErrorRow } from '../../base/errors.js'
import type { FailureContext } from '../deploy/deployment.js'
import { failureOf } from './failures.js'

const context: FailureContext = {
  pipeline: 'fraud',
  inputs: [
    { name: 'left', dtype: 'float32', shape: [null, 2] },
    { name: 'right', dtype: 'float32', shape: [null, 2] },
  ],
  splitKeys: ['region'],
}

describe('failures', () => {
  test('every status of the addon becomes its code with a sentence', () => {
    for (const [code, row] of Object.entries<ErrorRow>(errorTable)) {
      if (row.native === undefined) continue
      for (const details of [
        [0, 0, 0],
        [1, 2, 3],
      ]) {
        const error = failureOf({ status: row.native, details, text: '' }, context)
        expect(error.code).toBe(code)
        expect(error.message.length, code).toBeGreaterThan(20)
        expect(error.message).not.toMatch(/undefined|NaN/)
      }
    }
  })

  test.each([
    [2, [1, 8, 12], '', 'input right', undefined],
    [4, [0, 3, 1], '', 'meta["region"]', undefined],
    [5, [10, 11, 0], '', '1..10 rows but received 11', undefined],
    [10, [99, 100, 7], '', '99 of 100 rows', 7],
    [12, [5000, 1000, 0], '', '5.0 ms and the budget is 1.0 ms', undefined],
    [12, [0, 0, 0], '', 'deadline passed', undefined],
    [8, [0, 0, 0], '', 'fraud', undefined],
    [14, [0, 0, 0], 'index out of range', 'index out of range', undefined],
    [15, [0, 0, 0], '', 'worker', 100],
  ])('status %i %j names what matters', (status, details, text, words, retryAfterMs) => {
    const error = failureOf({ status, details, text }, context)
    expect(error.message).toContain(words)
    expect(error.retryAfterMs).toBe(retryAfterMs)
  })

  test('a number that is no status is a bug and says ERR_INTERNAL', () => {
    expect(failureOf({ status: 250, details: [], text: '' }).code).toBe('ERR_INTERNAL')
  })
})
