/** The release of this package, from its package.json, wherever it is installed. */
import { readFileSync } from 'node:fs'

export const release = readRelease()

function readRelease(): string {
  // dist/src/cli/ when built, src/cli/ in unit tests.
  for (const path of ['../../../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: unknown
        version?: unknown
      }
      if (name === 'penstock' && typeof version === 'string') return version
    } catch {
      // The other place.
    }
  }
  return 'unknown'
}
