/** Images on their way into a model: channels last (as decoders give them) to channels first and back, and resizing. */
import { ResizeSlot, TransposeSlot } from '../../bindings/generated/boundary.js'
import { addon } from '../../bindings/native.js'
import { argumentError, expectInteger, expectOneOf } from '../base/expect.js'
import { IMAGE_SIDE_MAX } from '../base/limits/limits.js'
import type { Tensor } from '../tensor/tensor.js'
import { elementBytes, expectFloat32, expectTensor, resultTensor } from './arguments.js'
import type { Float32Tensor, NumericTensor } from './arguments.js'

// Written right before the call that reads them.
const transposeSizes = new Float64Array(TransposeSlot.length)
const resizeSizes = new Float64Array(ResizeSlot.length)

export interface ResizeOptions {
  readonly height: number
  readonly width: number
  /** Axis order of the input and of the result. */
  readonly layout: 'nchw' | 'nhwc'
  /** linear when left out. */
  readonly mode?: 'linear' | 'nearest'
}

/**
 * NHWC to NCHW: numpy.transpose(input, (0, 3, 1, 2)).
 * @param input [n, height, width, channels], any numeric dtype; lent for the call.
 * @example channelsFirst({ dtype: 'uint8', shape: [1, 1, 2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) }).data // [1, 4, 2, 5, 3, 6]
 */
export function channelsFirst(input: Tensor, out?: Tensor): NumericTensor {
  const source = expectTensor('input', input)
  const [count, height, width, channels] = imageShape(source)
  const target = resultTensor(out, source.dtype, [count, channels, height, width], [source])
  transpose(target, source, count, height * width, channels)
  return target
}

/**
 * NCHW to NHWC: numpy.transpose(input, (0, 2, 3, 1)).
 * @param input [n, channels, height, width], any numeric dtype; lent for the call.
 */
export function channelsLast(input: Tensor, out?: Tensor): NumericTensor {
  const source = expectTensor('input', input)
  const [count, channels, height, width] = imageShape(source)
  const target = resultTensor(out, source.dtype, [count, height, width, channels], [source])
  transpose(target, source, count, channels, height * width)
  return target
}

/**
 * Resizes as ONNX Resize with coordinate_transformation_mode half_pixel: linear (no antialiasing), or nearest
 * (round_prefer_floor).
 * @param input float32 [n, c, h, w] or [n, h, w, c], by layout; images of uint8 through cast. Lent for the call.
 * @returns float32 of the same layout. Beside the result a few rows of scratch memory are used.
 */
export function resize(input: Tensor, options: ResizeOptions, out?: Tensor): Float32Tensor {
  const source = expectFloat32('input', input)
  const dims = imageShape(source)
  const layout = expectOneOf('layout', options.layout, ['nchw', 'nhwc'])
  const mode = expectOneOf('mode', options.mode ?? 'linear', ['linear', 'nearest'])
  const targetHeight = expectInteger('height', options.height, 1, IMAGE_SIDE_MAX)
  const targetWidth = expectInteger('width', options.width, 1, IMAGE_SIDE_MAX)
  const isFirst = layout === 'nchw'
  const [count, channels] = [dims[0], isFirst ? dims[1] : dims[3]]
  const [height, width] = isFirst ? [dims[2], dims[3]] : [dims[1], dims[2]]
  const side = [height, width].find((value) => value < 1 || value > IMAGE_SIDE_MAX)
  if (side !== undefined)
    throw argumentError('height and width of the input', `in 1..${IMAGE_SIDE_MAX}`, side, '', 'ERR_SHAPE')
  const shape = isFirst ? [count, channels, targetHeight, targetWidth] : [count, targetHeight, targetWidth, channels]
  const target = resultTensor(out, 'float32', shape, [source]) as Float32Tensor
  if (target.data.length === 0) return target
  // Each channel of NCHW is an image of one channel.
  resizeSizes[ResizeSlot.count] = isFirst ? count * channels : count
  resizeSizes[ResizeSlot.height] = height
  resizeSizes[ResizeSlot.width] = width
  resizeSizes[ResizeSlot.channels] = isFirst ? 1 : channels
  resizeSizes[ResizeSlot.targetHeight] = targetHeight
  resizeSizes[ResizeSlot.targetWidth] = targetWidth
  resizeSizes[ResizeSlot.isLinear] = mode === 'linear' ? 1 : 0
  addon.resizeImages(target.data, source.data, resizeSizes)
  return target
}

/** [count, pixels, channels] to [count, channels, pixels]. */
function transpose(
  target: NumericTensor,
  source: NumericTensor,
  count: number,
  pixels: number,
  channels: number,
): void {
  transposeSizes[TransposeSlot.count] = count
  transposeSizes[TransposeSlot.pixels] = pixels
  transposeSizes[TransposeSlot.channels] = channels
  transposeSizes[TransposeSlot.elementBytes] = elementBytes(source)
  addon.transposeImages(target.data, source.data, transposeSizes)
}

function imageShape({ shape }: Tensor): [number, number, number, number] {
  if (shape.length !== 4)
    throw argumentError('input', 'a tensor of 4 dims, images first', `${shape.length} dims`, '', 'ERR_SHAPE')
  return shape as unknown as [number, number, number, number]
}
