/** What inference workers call for models on the tree kernels, 1:1 with native/addon/trees/tree_batch_api.cpp. */
import type { WorkerHandle } from './native-handles.js'
import type { TreesHandle } from './native-trees.js'

export interface NativeTreeBatches {
  /**
   * Answers rows of the batch in hand, in its memory.
   * @param sources by output: TreeOutputSource; no two of one source.
   * @returns false where a tensor of the batch has another size, or no place of its own: nothing was written.
   */
  runTreesBatch(
    worker: WorkerHandle,
    trees: TreesHandle,
    sources: Int32Array,
    firstRow: number,
    rowCount: number,
  ): boolean
  /** From now on all isolates find the trees by the key, as long as anybody holds a handle. @param note any text, kept with them. */
  publishTrees(key: string, trees: TreesHandle, note: string): void
  findTrees(key: string): { readonly trees: TreesHandle; readonly note: string } | null
}
