/**
 * The text of print.ts in pieces, for tensors whose text is too long to be made at once: of any dtype and shape, from any
 * element on, brackets where they belong.
 *
 *     dims [2, 2]: element 0 opens 2 arrays, 1 closes 1, 2 opens 1, 3 closes 2
 *
 * A tensor without elements has leaves as well: the innermost arrays that are not inside an empty one.
 */
import { elementPrinter } from './print.js'
import type { Tensor } from './tensor.js'

const pieceCharacters = 64 * 1024

/** The pieces of `writeNested(tensor)`, of some 64 KiB each. */
export function* nestedPieces(tensor: Tensor): Generator<string> {
  const { shape } = tensor
  const emptyAxis = shape.indexOf(0)
  const dims = emptyAxis < 0 ? shape : shape.slice(0, emptyAxis)
  const print = emptyAxis < 0 ? elementPrinter(tensor) : () => '[]'
  const count = dims.reduce((product, dim) => product * dim, 1)
  let piece = ''
  for (let index = 0; index < count; index++) {
    piece += `${index === 0 ? '' : ','}${'['.repeat(arraysAt(dims, index))}${print(index)}${']'.repeat(arraysAt(dims, index + 1))}`
    if (piece.length < pieceCharacters) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

/** How many arrays begin at element `index`, which is how many end before it. */
function arraysAt(dims: readonly number[], index: number): number {
  let arrays = 0
  let size = 1
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    size *= dims[axis] as number
    if (index % size !== 0) break
    arrays++
  }
  return arrays
}
