/** Sizes of what convolutions and pools give: a reshape behind them shows the rows' place only when they are known. */
import { fixed, fixedOf, type Amount } from './linear.js'
import type { NodeView } from '../node-view.js'
import type { Dims } from '../value.js'

/** The spatial dims of the result of a window that slides over `dims` ([n, channels, ...]). */
export function slidDims(node: NodeView, dims: Dims, weights: Dims | null): Dims {
  const spatial = dims.slice(2)
  const kernel = node.ints('kernel_shape')?.map(fixed) ?? weights?.slice(2)
  if (kernel?.length !== spatial.length) return spatial.map(() => null)
  return spatial.map((size, axis) => slidDim(node, axis, spatial.length, size, kernel[axis] as Amount))
}

function slidDim(node: NodeView, axis: number, rank: number, size: Amount, kernel: Amount): Amount {
  const [length, window] = [fixedOf(size), fixedOf(kernel)]
  if (length === undefined || window === undefined) return null
  const stride = node.ints('strides')?.[axis] ?? 1
  const reach = (window - 1) * (node.ints('dilations')?.[axis] ?? 1) + 1
  const mode = node.text('auto_pad', 'NOTSET')
  if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') return fixed(Math.ceil(length / stride))
  const pads = mode === 'VALID' ? undefined : node.ints('pads')
  const padded = length + (pads?.[axis] ?? 0) + (pads?.[axis + rank] ?? 0)
  const steps = (padded - reach) / stride
  if (node.int('ceil_mode', 0) === 0) return fixed(Math.floor(steps) + 1)
  // A window may begin in the input or its padding before it, not in the padding behind.
  const last = Math.ceil(steps) * stride < length + (pads?.[axis] ?? 0) ? Math.ceil(steps) : Math.floor(steps)
  return fixed(last + 1)
}
