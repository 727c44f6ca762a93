import { expect, test } from 'vitest'
import { describeVersion } from './model-show.js'

test('model show: names the classes that the columns of an output stand for, the first of many', () => {
  const many = Array.from({ length: 50 }, (_, index) => index)
  const outputs = [
    { name: 'label', dtype: 'string', shape: [null] },
    { name: 'probabilities', dtype: 'float32', shape: [null, 2], classes: ['left', 'right'] },
    { name: 'digits', dtype: 'float32', shape: [null, 50], classes: many },
  ] as const
  const version = { version: 1, sha256: 'ab', size_bytes: 10, created_at: '2026-01-01T00:00:00.000Z', outputs }
  const text = describeVersion({ name: 'm', aliases: {}, versions: [] }, version)
  expect(text).toContain('  classes   probabilities: left, right\n')
  expect(text).toMatch(/ {2}classes {3}digits: 0, 1, .*… \(50\)/)
  expect(text).not.toContain('classes   label')
})
