/**
 * One append-only NDJSON file: opened for the first line, repaired, rotated by size.
 *
 * A process that is killed in a write leaves a torn last line; it is cut off at the next open, so that every line of the
 * file is whole. A write that fails half way is cut off at once for the same reason.
 */
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

const NEWLINE = 0x0a
const REPAIR_CHUNK_BYTES = 64 * 1024

export class AuditFile {
  readonly #folder: string
  readonly #fileBytesMax: number
  readonly #nowMs: () => number
  #handle: FileHandle | null = null
  #sizeBytes = 0
  #rotations = 0

  /** @param folder made when the first line is written. */
  constructor(folder: string, fileBytesMax: number, nowMs: () => number) {
    this.#folder = folder
    this.#fileBytesMax = fileBytesMax
    this.#nowMs = nowMs
  }

  /** Appends whole lines. Rejects with the file system's error; the file then ends where it did before. */
  async append(lines: string): Promise<void> {
    const bytes = Buffer.from(lines)
    if (this.#handle !== null && this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#fileBytesMax)
      await this.#rotate()
    this.#handle ??= await this.#open()
    try {
      await this.#handle.appendFile(bytes)
      this.#sizeBytes += bytes.length
    } catch (error) {
      await this.#handle.truncate(this.#sizeBytes).catch(() => undefined)
      throw error
    }
  }

  /** Makes what was appended durable. */
  async sync(): Promise<void> {
    await this.#handle?.datasync()
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }

  get #path(): string {
    return join(this.#folder, 'audit.ndjson')
  }

  async #open(): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true })
    this.#sizeBytes = await repairLastLine(this.#path)
    return open(this.#path, 'a')
  }

  async #rotate(): Promise<void> {
    await this.close()
    // The counter keeps two rotations of one millisecond apart.
    await rename(this.#path, join(this.#folder, `audit-${this.#nowMs()}-${this.#rotations++}.ndjson`))
    this.#sizeBytes = 0
  }
}

/** Cuts the file after its last newline. @returns its size then; 0 when there is none. */
export async function repairLastLine(path: string): Promise<number> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r+')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
  try {
    const { size } = await handle.stat()
    const end = await endOfLastLine(handle, size)
    if (end < size) await handle.truncate(end)
    return end
  } finally {
    await handle.close()
  }
}

async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const chunk = Buffer.alloc(REPAIR_CHUNK_BYTES)
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - chunk.length)
    const { bytesRead } = await handle.read(chunk, 0, end - start, start)
    const index = chunk.subarray(0, bytesRead).lastIndexOf(NEWLINE)
    if (index >= 0) return start + index + 1
    end = start
  }
  return 0
}
