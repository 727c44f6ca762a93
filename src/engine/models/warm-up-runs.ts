/**
 * What a new version is run on in every worker before its alias moves: shapes that its predecessor was asked lately, as one row and as
 * the batches that came, so that callers do not pay for ONNX Runtime's first runs of them. Values are zeros: times of runs are about
 * shapes, and a run that refuses them shows nothing.
 */
import { addon } from '../../../bindings/native.js'
import type { QueueHandle } from '../../../bindings/native.js'
import { HistogramSlot } from '../../../bindings/generated/boundary.js'
import { WARM_UP_SHAPES_MAX } from '../../base/limits/model-limits.js'
import type { ModelVersion } from '../api/api.js'

/** By input: the dims of one run. */
export type RunDims = readonly (readonly number[])[]

/** What came lately: free dims in the order of the inputs, and rows of a batch. */
export interface RecentShapes {
  readonly freeDims: readonly (readonly number[])[]
  readonly batchRows: number
}

/** Nothing, where nobody has asked yet. */
export function recentShapesOf(queue: QueueHandle): RecentShapes {
  const { batchRows } = addon.queueStats(queue)
  const count = batchRows.subarray(HistogramSlot.length).reduce((sum, bucket) => sum + bucket, 0)
  if (addon.queueUse(queue).batches === 0) return { freeDims: [], batchRows: 1 }
  return {
    freeDims: addon.queueShapes(queue, WARM_UP_SHAPES_MAX),
    batchRows: count === 0 ? 1 : Math.max(1, Math.round((batchRows[HistogramSlot.sum] ?? 0) / count)),
  }
}

/** @returns no run where its inputs are others than those that were asked. */
export function warmUpRuns(
  { inputs, batching }: Pick<ModelVersion['signature'], 'inputs' | 'batching'>,
  { freeDims, batchRows }: RecentShapes,
): RunDims[] {
  const axes = inputs.map(({ shape }) => (batching === 'whole' ? shape : shape.slice(1)))
  const freeCount = axes.flat().filter((dim) => dim === null).length
  if (inputs.some(({ dtype }) => dtype === 'string')) return []
  const rowCounts = batching === 'rows' ? [...new Set([1, batchRows])] : [1]
  return freeDims
    .filter((dims) => dims.length === freeCount)
    .flatMap((dims) => {
      let next = 0
      const filled = axes.map((shape) => shape.map((dim) => dim ?? (dims[next++] as number)))
      if (batching === 'whole') return [filled]
      return rowCounts.map((rows) => filled.map((shape) => [rows, ...shape]))
    })
}
