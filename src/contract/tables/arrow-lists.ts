/**
 * Lists of Arrow columns as lists of values. A flat row is nested by the dims that its metadata tell, or else by those of
 * its field, so that [28, 28] may come as 784 numbers; a list of fixed size 1 is a scalar's element, as answers with
 * tensors [n, 1] have it.
 */
import type { ArrowColumn } from '../../formats/ipc/columns.js'
import { type DeclaredShape, declaredShape, expectOneOrder, permuteRows } from '../../formats/tensors/declared-shape.js'
import type { ResolvedField } from '../resolve.js'
import { filledDims, nestList } from './nest-list.js'

/** @param element reads what the lists are of. @throws PenstockError ERR_SHAPE: metadata that mean nothing. */
export function listReader(
  column: ArrowColumn,
  field: ResolvedField | undefined,
  element: (index: number) => unknown,
): (row: number) => unknown {
  const { type } = column.field
  const size = type.id === 'fixed-size-list' ? type.size : 0
  if (field?.shape.length === 0 && size === 1) return element
  const { offsets } = column
  const startOf = (row: number): number => (offsets === null ? row * size : Number(offsets[row]))
  const nest = nesterOf(column, field)
  return (row) => {
    const [start, end] = [startOf(row), startOf(row + 1)]
    const elements = new Array<unknown>(end - start)
    for (let at = start; at < end; at++) elements[at - start] = element(at)
    return nest === null ? elements : nest(elements)
  }
}

type Nester = (elements: readonly unknown[]) => unknown

/** null: the lists are as they are, nested already or of one dim. */
function nesterOf({ field: source, children: [child] }: ArrowColumn, field: ResolvedField | undefined): Nester | null {
  const isFlat = child !== undefined && child.children.length === 0
  if (!isFlat || field === undefined) return null
  const declared = declaredShape(source)
  if (declared?.permutation !== undefined) {
    expectOneOrder(declared, field.shape, field.name)
    const ordered = declared as Required<DeclaredShape>
    return (elements) =>
      nestList(permuteRows(elements as never, 1, ordered) as never, declared.dimsOf(elements.length, field.name))
  }
  if (declared !== null) return (elements) => nestList(elements, declared.dimsOf(elements.length, field.name))
  return field.shape.length < 2 ? null : (elements) => nestList(elements, filledDims(field.shape, elements.length))
}
