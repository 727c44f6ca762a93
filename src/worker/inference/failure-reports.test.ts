import { expect, test } from 'vitest'
import { FAILURE_REPORT_MS } from '../../base/limits/limits.js'
import { FailureReports } from './failure-reports.js'

test('failure reports: the first of a model at once, later ones together, each model by itself', () => {
  const posted: unknown[] = []
  let nowMs = 0
  const reports = new FailureReports(
    (...report) => posted.push(report),
    () => nowMs,
  )
  for (let i = 0; i < 5; i++) reports.add(1, `reason ${i}`)
  reports.add(2, 'other')
  nowMs = FAILURE_REPORT_MS - 1
  reports.add(1, 'still')
  nowMs = FAILURE_REPORT_MS
  reports.add(1, 'newest')
  reports.forget(1)
  reports.add(1, 'loaded again')
  expect(posted).toEqual([
    [1, 'reason 0', 1],
    [2, 'other', 1],
    [1, 'newest', 6],
    [1, 'loaded again', 1],
  ])
})
