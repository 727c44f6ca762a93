import { describe, expect, it } from 'vitest'
import { warmUpRuns } from './warm-up-runs.js'

const field = (shape: (number | null)[], dtype: 'float32' | 'string' = 'float32') => ({ name: 'x', dtype, shape })

describe('warm-up runs', () => {
  it('one row and the batches that came, of the shapes that came', () => {
    const rows = { inputs: [field([null, 3]), field([null, null])], batching: 'rows' } as const
    expect(warmUpRuns(rows, { freeDims: [[7], [9]], batchRows: 32 })).toEqual([
      [
        [1, 3],
        [1, 7],
      ],
      [
        [32, 3],
        [32, 7],
      ],
      [
        [1, 3],
        [1, 9],
      ],
      [
        [32, 3],
        [32, 9],
      ],
    ])
    expect(warmUpRuns({ inputs: [field([null, 3])], batching: 'rows' }, { freeDims: [[]], batchRows: 1 })).toEqual([
      [[1, 3]],
    ])
  })

  it('a model that takes rows one by one gets one, and one without rows its whole shapes', () => {
    const inputs = [field([null, null])]
    expect(warmUpRuns({ inputs, batching: 'row' }, { freeDims: [[5]], batchRows: 32 })).toEqual([[[1, 5]]])
    expect(warmUpRuns({ inputs, batching: 'whole' }, { freeDims: [[5, 6]], batchRows: 32 })).toEqual([[[5, 6]]])
  })

  it('nothing, where nobody asked, the inputs are others, or they are texts', () => {
    const inputs = [field([null, 3])]
    expect(warmUpRuns({ inputs, batching: 'rows' }, { freeDims: [], batchRows: 1 })).toEqual([])
    expect(warmUpRuns({ inputs, batching: 'rows' }, { freeDims: [[4]], batchRows: 2 })).toEqual([])
    expect(
      warmUpRuns({ inputs: [field([null, 3], 'string')], batching: 'rows' }, { freeDims: [[]], batchRows: 1 }),
    ).toEqual([])
  })
})
