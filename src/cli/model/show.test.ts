import { expect, test } from 'vitest'
import { describeVersion } from './show.js'

test('model show: names the classes that the columns of an output stand for, the first of many', () => {
  const many = Array.from({ length: 50 }, (_, index) => index)
  const outputs = [
    { name: 'label', dtype: 'string', shape: [null] },
    { name: 'probabilities', dtype: 'float32', shape: [null, 2], classes: ['left', 'right'] },
    { name: 'digits', dtype: 'float32', shape: [null, 50], classes: many },
  ] as const
  const version = { version: 1, sha256: 'ab', size_bytes: 10, created_at: '2026-01-01T00:00:00.000Z', outputs }
  const text = describeVersion({ name: 'm', ...version })
  expect(text).toContain('  classes   probabilities: left, right\n')
  expect(text).toMatch(/ {2}classes {3}digits: 0, 1, .*… \(50\)/)
  expect(text).not.toContain('classes   label')
})

const shown = (members: object): string[] =>
  describeVersion({
    name: 'm',
    version: 1,
    sha256: 'ab',
    size_bytes: 10,
    created_at: '2026-01-01T00:00:00.000Z',
    ...members,
  }).split('\n')

test('model show: says what was changed of the upload, as model add does', () => {
  const changes = ['Output p is served as a tensor.', 'Input x may be left out.']
  const lines = shown({ uploaded: { sha256: 'cd', size_bytes: 9, changes } })
  expect(lines).toContain('  changed   Output p is served as a tensor.')
  expect(lines).toContain('  changed   Input x may be left out.')
})

test('model show: says where a version comes from', () => {
  const lineage = { source: 'runs:/0a/model', run_id: '0a', metrics: { rmse: 0.5 }, params: { depth: 3 } }
  const lines = shown({ lineage })
  expect(lines).toEqual(
    expect.arrayContaining([
      '  source    runs:/0a/model',
      '  run       0a',
      '  metric    rmse 0.5',
      '  param     depth 3',
    ]),
  )
  expect(lines.join()).not.toContain('dataset')
})

test('model show: says once, and rightly, whether requests share runs', () => {
  const numbers = [{ name: 'x', dtype: 'float32', shape: [null] }]
  const strings = [{ name: 's', dtype: 'string', shape: [null] }]
  const alone = '  batching  rows: each request is a run of its own'
  expect(shown({ batching: 'rows', inputs: numbers, outputs: numbers })).toContain(
    '  batching  rows: rows of all callers share runs',
  )
  expect(shown({ batching: 'rows', inputs: strings, outputs: numbers })).toContain(alone)
  expect(shown({ batching: 'rows', inputs: numbers, outputs: strings })).toContain(alone)
  expect(shown({ batching: 'row', inputs: numbers, outputs: strings })).toContain(
    '  batching  row: each row is a run of its own',
  )
})
