/** How many elements a shape has, and how a caller's texts are shown: what all that reads inputs needs. */
import { DIM_MAX, TENSOR_ELEMENTS_MAX } from '../../../../base/limits/limits.js'
import { badShape } from '../failures.js'

/** @throws PenstockError ERR_SHAPE: a dim that is no count or beyond DIM_MAX, or more elements than a tensor may have. */
export function countElements(name: string, shape: readonly number[]): number {
  let count = 1
  let isEmpty = false
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw badShape(`invalid shape [${shape.join(',')}] for input '${name}': each dim must be an unsigned integer`)
    if (dim > DIM_MAX)
      throw badShape(`invalid shape [${shape.join(',')}] for input '${name}': each dim must be at most ${DIM_MAX}`)
    if (dim === 0) isEmpty = true
    else if (count > TENSOR_ELEMENTS_MAX / dim)
      throw badShape(
        `invalid shape [${shape.join(',')}] for input '${name}' causes total element count to exceed maximum size of ${TENSOR_ELEMENTS_MAX}`,
      )
    else count *= dim
  }
  return isEmpty ? 0 : count
}

export function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
