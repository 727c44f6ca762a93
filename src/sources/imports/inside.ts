/** Files of a folder that somebody else made: nothing is read that lies outside of it, whatever its texts and links say. */
import { realpathSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { readFileText } from './text.js'
import { isPenstockError } from '../../base/errors.js'
import { sourceError } from './failures.js'

/**
 * The place of a file that a text of the folder names.
 * @param what the text, for messages.
 * @throws PenstockError ERR_SOURCE: an absolute path, one with `..`, a link that leads out, or no file there.
 */
export function fileInside(folder: string, path: string, what: string): string {
  const parts = path.split('/')
  // Windows reads \ and a drive as well, and a NUL ends a path.
  const isPlain = path !== '' && !/[\\\0]|^[A-Za-z]:/.test(path) && parts.every((part) => part !== '' && part !== '..')
  if (!isPlain) throw sourceError(`Expected ${what} to be a path below ${folder} but received ${JSON.stringify(path)}`)
  const file = join(folder, path)
  try {
    if (!realpathSync(file).startsWith(realpathSync(folder) + sep))
      throw sourceError(`${what} is ${path}, which is a link out of ${folder}. Nothing outside is read`)
    if (!statSync(file).isFile()) throw new Error('it is no file')
  } catch (error) {
    if (isPenstockError(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw sourceError(`${what} is ${path}, which cannot be read: ${reason}`, { cause: error })
  }
  return file
}

/** The text of such a file of at most `bytesMax` bytes. */
export function textInside(folder: string, path: string, what: string, bytesMax: number): string {
  const file = fileInside(folder, path, what)
  const { size } = statSync(file)
  if (size > bytesMax) throw sourceError(`${file} has ${size} bytes; such files end at ${bytesMax}`)
  return readFileText(file)
}
