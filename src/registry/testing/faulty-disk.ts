/**
 * A disk that counts its operations and fails one of them, as a full or broken disk would: the bytes that a failing
 * `create` or `appendLine` had written by then are left behind.
 */
import { appendFile, writeFile } from 'node:fs/promises'
import { type Disk, nodeDisk } from '../files/durable-file.js'

export type Operation = keyof Disk

export class FaultyDisk implements Disk {
  readonly operations: { readonly operation: Operation; readonly path: string }[] = []
  #failAt = Number.POSITIVE_INFINITY

  /** The `index`-th operation from now (0-based) fails, once. */
  failAfter(index: number): void {
    this.#failAt = this.operations.length + index
  }

  async create(path: string, chunks: Iterable<Uint8Array>, mode: number): Promise<void> {
    if (!this.#isFault('create', path)) return nodeDisk.create(path, chunks, mode)
    const bytes = Buffer.concat([...chunks])
    await writeFile(path, bytes.subarray(0, bytes.byteLength / 2))
    throw fault('write')
  }

  async appendLine(path: string, text: string): Promise<void> {
    if (!this.#isFault('appendLine', path)) return nodeDisk.appendLine(path, text)
    await appendFile(path, text.slice(0, text.length / 2))
    throw fault('write')
  }

  async rename(source: string, target: string): Promise<void> {
    if (this.#isFault('rename', target)) throw fault('rename')
    return nodeDisk.rename(source, target)
  }

  async unlink(path: string): Promise<void> {
    if (this.#isFault('unlink', path)) throw fault('unlink')
    return nodeDisk.unlink(path)
  }

  async syncDirectory(path: string): Promise<void> {
    if (this.#isFault('syncDirectory', path)) throw fault('fsync')
    return nodeDisk.syncDirectory(path)
  }

  #isFault(operation: Operation, path: string): boolean {
    this.operations.push({ operation, path })
    return this.operations.length - 1 === this.#failAt
  }
}

function fault(call: string): Error {
  return Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), { code: 'ENOSPC' })
}
