/**
 * A folder of tables that lookup steps may read: files in it by their relative names, nothing outside of it, whatever links
 * say. A table is read and packed on a thread of its own, for the size of a file is nothing that requests should wait for.
 */
import { readdir, realpath, stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { Worker } from 'node:worker_threads'
import { PenstockError } from '../../base/errors.js'
import { didYouMean } from '../../base/suggest.js'
import { threadFile } from '../../base/thread-file.js'
import type { LookupSpec, PackedTable } from '../../lookup/packed.js'
import type { TableSource, TableStore } from '../../lookup/table-store.js'
import { formatOf, type FileFormat } from '../formats.js'
import type { PackRequest, PackReply } from './pack-messages.js'

/** Files that a refusal looks through for one of nearly the name. */
const candidatesMax = 1000

/**
 * The tables in a folder.
 * @param folder it need not exist yet.
 * @example Engine.open({ tables: tablesIn('./tables') })
 */
export function tablesIn(folder: string): TableStore {
  const root = resolve(folder)
  return { find: (name) => findTable(root, name) }
}

async function findTable(root: string, name: string): Promise<TableSource> {
  const path = resolve(root, name)
  if (!isInside(root, path) || name.split(/[/\\]/).some((part) => part.startsWith('.'))) throw outside(root, name)
  await realPathOf(root, path, name)
  const format = formatOf(name)
  return {
    name,
    revision: async () => {
      const { size, mtimeMs, ino } = await stat(path).catch((cause: unknown) => {
        throw new PenstockError('ERR_STORAGE', `Cannot read the table ${name}: ${(cause as Error).message}`, { cause })
      })
      return `${ino}-${size}-${mtimeMs}`
    },
    // Once more by its name: a file that was replaced may be a link by now.
    load: async (spec, bytesMax) => packFile(await realPathOf(root, path, name), name, format, spec, bytesMax),
  }
}

async function realPathOf(root: string, path: string, name: string): Promise<string> {
  let real: string
  try {
    real = await realpath(path)
  } catch (cause) {
    throw await missing(root, name, cause)
  }
  const [realRoot, { isFile }] = await Promise.all([
    realpath(root),
    stat(real).then((found) => ({ isFile: found.isFile() })),
  ])
  if (!isInside(realRoot, real)) throw outside(root, name)
  if (isFile) return real
  throw new PenstockError('ERR_PIPELINE_INVALID', `Expected the table ${name} to be a file but it is a folder`)
}

function isInside(root: string, path: string): boolean {
  const from = relative(root, path)
  return from !== '' && from !== '..' && !from.startsWith(`..${sep}`) && resolve(root, from) === path
}

function outside(root: string, name: string): PenstockError {
  return new PenstockError(
    'ERR_PIPELINE_INVALID',
    `Expected the table ${name} to lie in the folder of tables, ${root}, and to be called by a name inside of it; it leads out of it, or is hidden`,
  )
}

async function missing(root: string, name: string, cause: unknown): Promise<PenstockError> {
  const { code } = cause as NodeJS.ErrnoException
  if (code !== 'ENOENT' && code !== 'ENOTDIR')
    return new PenstockError('ERR_STORAGE', `Cannot read the table ${name}: ${(cause as Error).message}`, { cause })
  const files = await readdir(root, { recursive: true }).catch(() => [])
  const names = files.slice(0, candidatesMax)
  const near = didYouMean(name, names) || (names.length === 0 ? '. The folder is empty' : '')
  return new PenstockError('ERR_PIPELINE_INVALID', `There is no table ${name} in ${root}${near}`)
}

/** Reads and packs a table on a thread of its own. @throws PenstockError as TableSource.load. */
export async function packFile(
  path: string,
  name: string,
  format: FileFormat,
  spec: LookupSpec,
  bytesMax: number,
): Promise<PackedTable> {
  const request: PackRequest = { path, name, format, spec, bytesMax }
  const worker = new Worker(threadFile(new URL('./pack-worker.js', import.meta.url)), { workerData: request })
  worker.unref()
  const reply = await new Promise<PackReply>((reply) => {
    worker.once('message', reply)
    worker.once('error', (cause) => reply({ table: null, code: 'ERR_INTERNAL', message: cause.message }))
    worker.once('exit', () => reply({ table: null, code: 'ERR_INTERNAL', message: 'the thread that read it ended' }))
  })
  if (reply.table !== null) return reply.table
  throw new PenstockError(
    reply.code,
    reply.code === 'ERR_INTERNAL' ? `Cannot read the table ${name}: ${reply.message}` : reply.message,
  )
}
