/**
 * Loads the C++ addon: the one place that knows the .node file. Callers import `addon` and the types from here.
 *
 * The file is found from this module upwards (it runs from bindings/ under vitest and from dist/bindings/ once built):
 * the first folder whose package.json is penstock's own is the root, and the addon is build/Release/penstock.node in it.
 * Loaded at import, once per isolate; worker threads load the same library and share its process-wide state.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import type { NativeAddon } from './native-addon.js'
import type { NativeContracts } from './native-contracts.js'
import type { NativeKernels } from './native-kernels.js'
import type { NativeLimits } from './native-limits.js'
import type { NativeLogs } from './native-logs.js'
import type { NativeNet } from './native-net.js'
import type { NativeSessions } from './native-sessions.js'
import type { NativeTransforms } from './native-transforms.js'
import type { NativeTrees } from './native-trees.js'

export type * from './native-addon.js'
export type * from './native-contracts.js'
export type * from './native-handles.js'
export type * from './native-kernels.js'
export type * from './native-limits.js'
export type * from './native-logs.js'
export type * from './native-net.js'
export type * from './native-plan.js'
export type * from './native-sessions.js'
export type * from './native-transforms.js'
export type * from './native-trees.js'

export type Native = NativeAddon &
  NativeContracts &
  NativeKernels &
  NativeLimits &
  NativeLogs &
  NativeNet &
  NativeSessions &
  NativeTransforms &
  NativeTrees

export const addon: Native = loadAddon(dirname(fileURLToPath(import.meta.url)))

// process.exit joins the worker threads, and those wait inside take: wake them first or the exit never ends.
if (isMainThread) process.once('exit', () => addon.closeRuntimes())

/**
 * Loads the addon that belongs to the package around `startFolder`.
 * @param startFolder an absolute path inside the package.
 * @throws Error in one sentence, with the way out, when the addon is not built or does not load on this machine.
 */
export function loadAddon(startFolder: string): Native {
  const root = packageRoot(startFolder)
  if (root === undefined) throw new Error(`Expected ${startFolder} to be inside the penstock package`)
  const file = join(root, 'build', 'Release', 'penstock.node')
  if (!existsSync(file)) {
    throw new Error(
      `Expected the native addon at ${file} but there is none. Run \`npm run build\` in ${root} to build it.`,
    )
  }
  try {
    return createRequire(import.meta.url)(file) as Native
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `The native addon at ${file} does not load: ${reason}. Run \`npm run build\` in ${root} to rebuild it.`,
      {
        cause,
      },
    )
  }
}

function packageRoot(startFolder: string): string | undefined {
  for (let folder = startFolder; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown }).name === 'penstock')
      return folder
    if (dirname(folder) === folder) return undefined
  }
}
