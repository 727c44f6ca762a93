/** Failures of the disk as the log's callers see them; what is no failure of a disk is a bug and passes unchanged. */
import { PenstockError } from '../base/errors.js'

export function storageFailure(error: unknown): unknown {
  const isOfDisk = error instanceof Error && 'syscall' in error && 'code' in error
  if (!isOfDisk) return error
  const wayOut = error.code === 'ENOSPC' ? 'Free some space on that disk' : 'Check the disk and its permissions'
  return new PenstockError('ERR_STORAGE', `The log could not be read or written: ${error.message}. ${wayOut}`, {
    cause: error,
  })
}
