/**
 * Tensors as JSON text for transports, in parts: printed by the addon, which is several times faster than JavaScript, so
 * that a part of a large answer takes a millisecond of the thread that serves everybody.
 */
import { ELEMENT_CHARACTERS_MAX, NestSlot } from '../../../bindings/generated/boundary.js'
import { addon } from '../../../bindings/native.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import { nestedPieces } from '../../tensor/print-pieces.js'
import type { Tensor } from '../../tensor/tensor.js'

const partBytes = 128 * 1024
/** Elements that are printed between two looks at the clock, and microseconds of one part: some numbers take microseconds. */
const stepElements = 512
const partUs = 1000

/** The text of `writeNested(tensor)`. A part is valid until the next one is asked for. */
export function* nestedParts(tensor: Tensor): Generator<string | Uint8Array> {
  const { dtype, shape, data } = tensor
  if (dtype === 'string' || data.length === 0 || shape.length === 0) {
    yield* nestedPieces(tensor)
    return
  }
  const text = Buffer.allocUnsafeSlow(partBytes)
  const stepBytesMax = stepElements * (ELEMENT_CHARACTERS_MAX + 1 + 2 * shape.length)
  const part = new Float64Array(NestSlot.length)
  part[NestSlot.dtype] = dtypeInfo(dtype).code
  for (let start = 0; start < data.length;) {
    const endUs = addon.nowUs() + partUs
    let bytes = 0
    do {
      const count = Math.min(stepElements, data.length - start)
      const room = text.subarray(bytes)
      part[NestSlot.start] = start
      part[NestSlot.count] = count
      bytes += addon.printNest(room, data as ArrayBufferView, shape, part)
      start += count
    } while (start < data.length && bytes + stepBytesMax <= partBytes && addon.nowUs() < endUs)
    yield text.subarray(0, bytes)
  }
}
