/**
 * The few disk operations that the registry is made of, and the one way it replaces a file: write a temporary file in
 * the same directory, fsync it, rename it over the old one, fsync the directory. A reader, a crash or a kill -9 at any
 * moment sees the old content or the new one, never a mixture.
 * The disk is an interface so that tests can let any single write, fsync or rename fail.
 * Temporary files end in `.tmp`; whatever a killed process left of them is removed when the home is opened.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isPenstockError, PenstockError } from '../../base/errors.js'

export interface Disk {
  /** Creates `path`, which must not exist, from the chunks in order; fsynced and closed when the promise settles. */
  create(path: string, chunks: Iterable<Uint8Array>, mode: number): Promise<void>
  /** Appends `text` in one write and fsyncs. Starts a new line first if the file ends in the middle of one. */
  appendLine(path: string, text: string): Promise<void>
  rename(source: string, target: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>
}

export const TEMPORARY_SUFFIX = '.tmp'
export const MODE_PUBLIC = 0o644
export const MODE_SECRET = 0o600

export const nodeDisk: Disk = {
  async create(path, chunks, mode) {
    const file = await open(path, 'wx', mode)
    try {
      for (const chunk of chunks) await writeWhole(file, chunk)
      await file.sync()
    } finally {
      await file.close()
    }
  },

  async appendLine(path, text) {
    const file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, MODE_PUBLIC)
    try {
      const { size } = await file.stat()
      const last = Buffer.alloc(1)
      if (size > 0) await file.read(last, 0, 1, size - 1)
      // A killed process may have left a torn line; it must not swallow this one.
      const isTorn = size > 0 && last[0] !== 0x0a
      await writeWhole(file, Buffer.from(isTorn ? `\n${text}\n` : `${text}\n`))
      await file.sync()
    } finally {
      await file.close()
    }
  },

  rename,
  unlink,

  async syncDirectory(path) {
    const directory = await open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
}

/**
 * Creates a directory and the missing ones above it; fine when it is there. Durable when the promise settles.
 * By hand: mkdir's own `recursive` never returns under /proc, and says nothing of fsync.
 */
export async function makeDirectory(disk: Disk, path: string): Promise<void> {
  const code = await mkdirCode(path)
  if (code === 'EEXIST') return
  if (code === 'ENOENT' && dirname(path) !== path) {
    await makeDirectory(disk, dirname(path))
    // Another process may have made it meanwhile; what is still missing now cannot be made.
    if ((await mkdirCode(path)) === 'ENOENT')
      throw Object.assign(new Error(`ENOENT: cannot make ${path}`), { code: 'ENOENT' })
  }
  await disk.syncDirectory(dirname(path))
}

/** '' when the directory was made, EEXIST when it is there, ENOENT when its parent is missing; else throws. */
async function mkdirCode(path: string): Promise<string> {
  try {
    await mkdir(path)
    return ''
  } catch (error) {
    const code = errorCodeOf(error)
    if (code === 'ENOENT') return code
    // On a read-only disk an existing directory answers EROFS.
    if ((await stat(path).catch(() => undefined))?.isDirectory() === true) return 'EEXIST'
    throw error
  }
}

/** A name beside `path` that no other writer uses. */
export function temporaryPath(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`
}

/**
 * Replaces the content of `path` atomically and durably.
 * @throws PenstockError ERR_STORAGE with the cause; the old content is then still in place, unless only the last
 *   step, the fsync of the directory, failed: then old or new content survives a power loss, and both are complete.
 */
export async function replaceFile(disk: Disk, path: string, content: string, mode = MODE_PUBLIC): Promise<void> {
  const temporary = temporaryPath(path)
  try {
    await disk.create(temporary, [Buffer.from(content)], mode)
    await disk.rename(temporary, path)
    await disk.syncDirectory(dirname(path))
  } catch (error) {
    await removeQuietly(disk, temporary)
    throw storageError(`Could not write ${path}`, error)
  }
}

/** Removes what killed processes left half written in `directory`; returns how many files that were. */
export async function removeTemporaries(
  disk: Disk,
  directory: string,
  isOurs = (_name: string) => true,
): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(TEMPORARY_SUFFIX) && isOurs(name))
  for (const name of names) await removeQuietly(disk, join(directory, name))
  return names.length
}

/** For clean-up after a failure, where the first error is the one to report. */
export async function removeQuietly(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path)
  } catch {
    // Never created, already renamed, or the disk is failing anyway; the next open cleans up.
  }
}

/** Wraps a failure of the disk; a PenstockError passes unchanged. `action` is a clause such as `Could not write x`. */
export function storageError(action: string, cause: unknown): PenstockError {
  if (isPenstockError(cause)) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const advice = adviceOf(cause)
  return new PenstockError('ERR_STORAGE', `${action}: ${reason}. ${advice}`, { cause })
}

function adviceOf(cause: unknown): string {
  switch (errorCodeOf(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'Free some space on that disk; the last complete state is kept.'
    case 'EROFS':
      return 'The file system is mounted read-only: mount it writable, or choose another directory with --home.'
    case 'EACCES':
    case 'EPERM':
      return 'Make the directory writable for this user, or choose another one with --home.'
    case 'EMFILE':
    case 'ENFILE':
      return 'This process has as many files open as it may: raise the limit (ulimit -n); the last complete state is kept.'
    case 'ENOTDIR':
    case 'EEXIST':
      return 'A file stands where a directory belongs: move it away, or choose another directory with --home.'
    default:
      return 'Check the disk; the last complete state is kept.'
  }
}

/** Such as `ENOSPC`; undefined when the error is none of the system's. */
export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

async function writeWhole(file: { write(bytes: Uint8Array): Promise<{ bytesWritten: number }> }, bytes: Uint8Array) {
  let rest = bytes
  // A write may be short (quota, signals, more than 2 GiB): go on until the kernel refuses.
  while (rest.byteLength > 0) {
    const { bytesWritten } = await file.write(rest)
    rest = rest.subarray(bytesWritten)
  }
}
