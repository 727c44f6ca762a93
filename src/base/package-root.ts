/**
 * Where this package is installed, and which release it is: the package refers to itself by name, so that the answer is the
 * same from dist/, from src/ (unit tests) and from wherever a bundler puts the caller.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const root = dirname(require.resolve('penstock/package.json'))

/** From its package.json. */
export const { version: release } = require('penstock/package.json') as { version: string }

/** @param segments below the package's folder, for example `'examples'`. */
export function packagePath(...segments: readonly string[]): string {
  return join(root, ...segments)
}
