/**
 * Decides whether a build is current: a digest over path, size and modification time of its inputs, kept beside the
 * product. Times alone would miss a deleted file, contents would cost reading them all.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** @param inputs files or folders, relative to root; a folder counts with every file in it that `isInput` takes. */
export function digestOf(root, inputs, isInput = () => true, extra = '') {
  const hash = createHash('sha256').update(extra)
  for (const path of inputs
    .flatMap((input) => filesOf(root, input))
    .filter(isInput)
    .sort()) {
    const { size, mtimeMs } = statSync(join(root, path))
    hash.update(`${path}:${size}:${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

export function isCurrent(stampFile, digest) {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === digest
}

export function writeStamp(stampFile, digest) {
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, digest)
}

function filesOf(root, path) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false })
  if (stat === undefined) return []
  if (stat.isFile()) return [path]
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) =>
    entry.name === 'node_modules' || entry.name === '__pycache__'
      ? []
      : entry.isDirectory() || entry.isFile()
        ? filesOf(root, join(path, entry.name))
        : [],
  )
}
