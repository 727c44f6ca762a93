/** The check of a version's number that the control calls share. */
import { expectInteger } from '../../base/expect.js'

export function expectVersion(version: unknown): number {
  return expectInteger('version', version, 1, 2 ** 31 - 1)
}
