import { expect, test } from 'vitest'
import { FAILURE_LOG_MS } from '../../base/limits/limits.js'
import { newBackgroundFailures, noteBackgroundFailure } from './background-failures.js'

test('background failures: one line a minute counts all, and the newest reason is kept', () => {
  const said: string[] = []
  let nowMs = 0
  const parts = {
    clock: { nowMs: () => nowMs, monotonicUs: () => nowMs * 1000 },
    onNotice: ({ message }: { message: string }) => said.push(message),
  }
  const failures = newBackgroundFailures()
  const note = (message: string, count: number): void =>
    noteBackgroundFailure(failures, { label: 'c@1', code: 'ERR_RUN_FAILED', message, count }, parts)
  note('first', 1)
  nowMs = FAILURE_LOG_MS - 1
  note('second', 40)
  expect(failures.last).toEqual({ code: 'ERR_RUN_FAILED', message: 'second', at: new Date(nowMs).toISOString() })
  nowMs++
  note('third', 2)
  expect(said).toEqual([
    'c@1 failed 1 request in the background, whose callers were answered without it (ERR_RUN_FAILED): first',
    'c@1 failed 42 requests in the background, whose callers were answered without it (ERR_RUN_FAILED): third',
  ])
})
