/**
 * A model in a directory, as SageMaker unpacks its archive: one .onnx file, and the data files that it names beside it. Callers name
 * directories of this machine, so that nothing outside of the one that the operator allows is opened, or told of: what a path leads
 * to is decided after its links are followed.
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { PenstockError } from '../../../../base/errors.js'
import { argumentError } from '../../../../base/expect.js'
import { MODEL_BYTES_MAX } from '../../../../base/limits/limits.js'
import { dataFilePath, externalFiles, readOnnx } from '../../../../onnx/index.js'

export interface ModelFiles {
  readonly path: string
  readonly sizeBytes: number
}

/**
 * Finds the model that `url` means, without reading it.
 * @param root absolute: what lies below it may be loaded.
 * @throws PenstockError ERR_ARGUMENT: not below `root`, nothing there, not one model; the sentence says nothing of what lies outside.
 */
export async function findModel(root: string, url: string): Promise<ModelFiles> {
  const outside = (): PenstockError => argumentError('url', `a path of a model below ${root}`, url.slice(0, 200))
  const wanted = resolve(url)
  if (!isAbsolute(url) || !isBelow(root, wanted)) throw outside()
  const [realRoot, real] = await Promise.all([realpath(root).catch(() => null), realpath(wanted).catch(() => null)])
  if (realRoot === null || real === null || !isBelow(realRoot, real)) throw outside()
  const file = (await stat(real)).isDirectory() ? join(real, await onlyModel(real, url)) : real
  const entry = await stat(file)
  const isOutside = !isBelow(realRoot, await realpath(file))
  if (isOutside || !entry.isFile() || entry.size > MODEL_BYTES_MAX) throw outside()
  return { path: file, sizeBytes: entry.size }
}

function isBelow(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep)
}

async function onlyModel(folder: string, url: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.onnx')).sort()
  const [only, ...others] = names
  if (only !== undefined && others.length === 0) return only
  const received = only === undefined ? 'none' : names.slice(0, 5).join(', ')
  throw new PenstockError(
    'ERR_ARGUMENT',
    `Expected ${url.slice(0, 200)} to hold one .onnx file but it holds ${received}`,
  )
}

/** @throws PenstockError ERR_MODEL_INVALID: data files that are not there, or lie elsewhere. */
export async function readModel({
  path,
}: ModelFiles): Promise<{ bytes: Buffer; externalData: Map<string, Uint8Array> }> {
  const bytes = await readFile(path)
  const folder = dirname(path)
  const externalData = new Map<string, Uint8Array>()
  for (const location of locationsOf(bytes)) {
    const name = dataFilePath(location)
    const real = await realpath(join(folder, name)).catch(() => null)
    if (real === null || !isBelow(await realpath(folder), real))
      throw new PenstockError(
        'ERR_MODEL_INVALID',
        `Expected the data file ${name} beside the model but it is not there`,
      )
    externalData.set(name, await readFile(real))
  }
  return { bytes, externalData }
}

/** A file that is no model has none: the engine says better what it is. */
function locationsOf(bytes: Uint8Array): readonly string[] {
  try {
    return [...externalFiles(readOnnx(bytes)).keys()]
  } catch {
    return []
  }
}
