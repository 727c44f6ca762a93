/** The process's table of file descriptors, as far as JavaScript can see and use it. */
import { closeSync, openSync, readdirSync, statSync } from 'node:fs'

export interface DescriptorTable {
  /** @returns how many are open; null: so many that they cannot be counted. */
  count(): number | null
  /** @returns a descriptor of nothing in particular; null: there is none. */
  open(): number | null
  close(descriptor: number): void
}

/** One entry a descriptor. */
const folder = process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd'

export const processTable: DescriptorTable = {
  count() {
    try {
      // Linux 6.2 and later give their number as the folder's size, and need no descriptor for it.
      const { size } = statSync(folder)
      if (process.platform === 'linux' && size > 0) return size
      // One of them is the reader's own.
      return readdirSync(folder).length - 1
    } catch (error) {
      // Where there is no such folder nothing can be said, and so nothing is refused.
      return isFull(error) ? null : 0
    }
  },

  open() {
    try {
      return openSync('/dev/null', 'r')
    } catch {
      return null
    }
  },

  close: closeSync,
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')
}
