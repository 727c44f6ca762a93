import { describe, expect, test } from 'vitest'
import type { BatchingProof, ModelSignature } from '../api/api.js'
import { keptSignature } from './kept-signature.js'

const proof: BatchingProof = {
  revision: 1,
  basis: 'trial',
  culprit: null,
  comparisons: 700,
  difference: '',
  untried: [],
}

function signature(batchingProof: BatchingProof, classes?: readonly string[]): ModelSignature {
  const field = { name: 'y', dtype: 'float32' as const, shape: [null, 2] }
  const outputs = [classes === undefined ? field : { ...field, classes }]
  return { inputs: [], outputs, batching: 'rows', remark: String(batchingProof.comparisons), batchingProof }
}

describe('kept signature', () => {
  test('a trial that got less far changes nothing', () => {
    const before = signature(proof)
    expect(keptSignature(before, signature({ ...proof, comparisons: 40 }))).toEqual(before)
  })

  test('another finding takes the place of the old one', () => {
    const now = signature({ ...proof, basis: 'none', difference: 'rows differ' })
    expect(keptSignature(signature(proof), now)).toEqual(now)
  })

  test("a difference that was found live stays until an operator's word", () => {
    const found = { at: '2026-11-29T10:00:00.000Z', output: 'y' }
    const before = signature({ ...proof, found })
    expect(keptSignature(before, signature(proof)).batchingProof?.found).toEqual(found)
    const override = { operator: 'ada', at: '2026-11-30T10:00:00.000Z' }
    expect(keptSignature(before, signature({ ...proof, basis: 'override', override })).batchingProof).toEqual({
      ...proof,
      basis: 'override',
      override,
    })
  })

  test("the same operator's word keeps its time, and classes stay", () => {
    const first = { operator: 'ada', at: '2026-11-29T10:00:00.000Z' }
    const before = signature({ ...proof, basis: 'override', override: first }, ['red', 'white'])
    const again = signature({ ...proof, basis: 'override', override: { ...first, at: '2026-12-01T10:00:00.000Z' } })
    expect(keptSignature(before, again)).toEqual(before)
  })
})
