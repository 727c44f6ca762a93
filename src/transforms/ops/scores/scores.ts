/** Rows of scores, which the kernels take as float32 with one dim. */
import type { ProgramDraft, Slot } from '../../draft/draft.js'

export function scoresOf(draft: ProgramDraft, slot: Slot, name: string, key: string): Slot {
  if (slot.shape.length !== 1)
    throw draft.typeError(key, name, 'scores, rows of one dim', slot, 'Concat columns, or reshape it')
  if (slot.dtype !== 'float32') throw draft.typeError(key, name, 'scores of float32', slot, 'Cast it to float32 before')
  return slot
}
