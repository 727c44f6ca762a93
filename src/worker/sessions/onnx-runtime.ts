/**
 * The library of ONNX Runtime that onnxruntime-node ships: where its file lies, and whether the addon can call it. This file
 * must not import onnxruntime-node: its binding would load the library on the thread that answers requests.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { addon } from '../../../bindings/native.js'

const LIBRARIES: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
}

/**
 * Opens the library for the process, unless it is.
 * @returns '' or a clause that says why it cannot be used here.
 */
export async function openOnnxRuntime(): Promise<string> {
  const library = LIBRARIES[process.platform]
  if (library === undefined) return `there is no library for ${process.platform}`
  const { resolve } = createRequire(import.meta.url)
  const manifest = resolve('onnxruntime-node/package.json')
  const { version } = createRequire(import.meta.url)(manifest) as { version: string }
  const path = join(dirname(manifest), 'bin', 'napi-v6', process.platform, process.arch, library)
  if (!existsSync(path)) return `there is no file ${path}`
  return addon.openOnnxRuntime(path, version)
}
