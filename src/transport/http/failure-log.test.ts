/** Which failures get a line of the operator's log. */
import { describe, expect, it } from 'vitest'
import { FAILURE_KINDS_MAX, FAILURE_LOG_MS } from '../../base/limits/limits.js'
import { FailureLog } from './failure-log.js'

describe('FailureLog', () => {
  it('logs the first of a kind, then one a minute with the count of those between', () => {
    const log = new FailureLog()
    expect(log.admit('a', 0)).toBe(0)
    for (let at = 1; at <= 500; at++) expect(log.admit('a', at)).toBeNull()
    expect(log.admit('b', 500)).toBe(0)
    expect(log.admit('a', FAILURE_LOG_MS)).toBe(500)
    expect(log.admit('a', FAILURE_LOG_MS + 1)).toBeNull()
    expect(log.admit('a', 2 * FAILURE_LOG_MS)).toBe(1)
  })

  it('forgets the kind that was logged longest ago, so that it does not grow', () => {
    const log = new FailureLog()
    for (let kind = 0; kind <= FAILURE_KINDS_MAX; kind++) expect(log.admit(`k${kind}`, 0)).toBe(0)
    expect(log.admit('k0', 1)).toBe(0)
    expect(log.admit(`k${FAILURE_KINDS_MAX}`, 1)).toBeNull()
  })
})
