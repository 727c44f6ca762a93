import { expect, test } from 'vitest'
import { expectLineage, readLineage } from './lineage.js'
import { LINEAGE_ENTRIES_MAX, LINEAGE_TEXT_CHARACTERS_MAX } from './limits/limits.js'

const wire = {
  source: 'runs:/0a1b/model',
  run_id: '0a1b',
  created_from: 'commit 315b13d',
  metrics: { rmse: 0.5, ['__proto__x']: 1 },
  params: { depth: 3, note: '' },
  dataset_digest: 'b61de3f7',
}

test('lineage: is read as the wire names it and copied', () => {
  const lineage = readLineage('lineage', wire)
  expect(lineage).toEqual({
    source: wire.source,
    runId: wire.run_id,
    createdFrom: wire.created_from,
    metrics: wire.metrics,
    params: wire.params,
    datasetDigest: wire.dataset_digest,
  })
  expect(expectLineage('lineage', lineage)).toEqual(lineage)
  expect(lineage.metrics).not.toBe(wire.metrics)
  expect(readLineage('lineage', {})).toEqual({})
})

test('lineage: a metric called __proto__ stays one', () => {
  const { metrics } = readLineage('lineage', JSON.parse('{"metrics": {"__proto__": 1}}'))
  expect(Object.entries(metrics ?? {})).toEqual([['__proto__', 1]])
})

const many = Object.fromEntries(Array.from({ length: LINEAGE_ENTRIES_MAX + 1 }, (_, index) => [`m${index}`, 1]))

test.each([
  [null, /lineage to be an object/],
  [[], /lineage to be an object/],
  [{ runId: 'a' }, /run_id/],
  [{ source: '' }, /lineage\.source to be printable text/],
  [{ source: 'a\nb' }, /lineage\.source to be printable text/],
  [{ source: 'a'.repeat(LINEAGE_TEXT_CHARACTERS_MAX + 1) }, /lineage\.source/],
  [{ run_id: 7 }, /lineage\.run_id/],
  [{ metrics: [1] }, /lineage\.metrics to be an object/],
  [{ metrics: { rmse: '0.5' } }, /lineage\.metrics\.rmse to be a number/],
  [{ metrics: { rmse: Infinity } }, /lineage\.metrics\.rmse to be a number/],
  [{ metrics: { '': 1 } }, /a name in lineage\.metrics/],
  [{ metrics: many }, /lineage\.metrics to be at most/],
  [{ params: { deep: {} } }, /lineage\.params\.deep to be a text or a number/],
] as const)('lineage: %j is refused', (value, message) => {
  expect(() => readLineage('lineage', value)).toThrow(
    expect.objectContaining({ code: 'ERR_ARGUMENT', message: expect.stringMatching(message) }),
  )
})
