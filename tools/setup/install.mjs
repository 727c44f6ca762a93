#!/usr/bin/env node
/**
 * The package's install script, and what binding.gyp runs. Where penstock is somebody's dependency it builds the addon,
 * because the published package has sources only; in a clone it does nothing: `npm start`, `npm test` and
 * `npm run build` build what is needed, and `npm ci` must work without a compiler. `--addon` builds in any case.
 */
import { existsSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAddon } from './addon.mjs'
import { SetupError, checkNode } from './machine.mjs'
import { checkPlatform } from './platform.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const isDependency = basename(dirname(root)) === 'node_modules' && !existsSync(join(root, 'tsconfig.json'))

try {
  checkNode(process.versions.node)
  checkPlatform()
  if (isDependency || process.argv.includes('--addon')) buildAddon(root, false)
  // Nobody compiles a dependency a second time.
  if (isDependency) rmSync(join(root, 'build', 'addon'), { recursive: true, force: true })
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(`penstock: ${error.message}`)
  process.exitCode = 1
}
