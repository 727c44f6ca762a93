/**
 * Puts the page at /docs together in dist/swagger-ui: Swagger UI's files from its npm package, and ours beside them. Which
 * of them, from which release and with which bytes, src/transport/dialects/penstock/docs/swagger-ui.json says; the build
 * fails on any other. Nothing is fetched, here or by the page.
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { SetupError } from './machine.mjs'
import { digestOf, isCurrent, writeStamp } from './stamp.mjs'

const source = 'src/transport/dialects/penstock/docs'
const pinsFile = `${source}/swagger-ui.json`
/** Below dist/; removeOrphans leaves it alone. */
export const swaggerUiFolder = 'swagger-ui'

export function copySwaggerUi(root, isForced) {
  const target = join(root, 'dist', swaggerUiFolder)
  const stampFile = join(root, 'dist', `${swaggerUiFolder}.stamp`)
  const digest = digestOf(root, [source, 'package-lock.json'], (path) => !path.endsWith('.ts'))
  if (!isForced && existsSync(target) && isCurrent(stampFile, digest)) return

  const pins = JSON.parse(readFileSync(join(root, pinsFile), 'utf8'))
  const packageFile = createRequire(join(root, 'package.json')).resolve(`${pins.package}/package.json`)
  const files = readPinned(dirname(packageFile), pins)
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(target, name), bytes)
  cpSync(join(root, source, 'page'), target, { recursive: true })
  writeStamp(stampFile, digest)
}

/**
 * @param {string} folder of the installed package.
 * @param {{ package: string, version: string, copied: Record<string, string> }} pins file → SHA-256 in hex.
 * @returns {[name: string, bytes: Buffer][]}
 * @throws SetupError naming the first file that is absent or has other bytes.
 */
export function readPinned(folder, pins) {
  const wayOut = `Install the locked packages again (npm ci); after a deliberate update, write its hashes into ${pinsFile}.`
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (version !== pins.version)
    throw new SetupError(`Expected ${pins.package} to be ${pins.version} but it is ${version}. ${wayOut}`)
  return Object.entries(pins.copied).map(([name, pinned]) => {
    const path = join(folder, name)
    if (!existsSync(path)) throw new SetupError(`Expected ${pins.package} to have ${name} but it has not. ${wayOut}`)
    const bytes = readFileSync(path)
    const hash = createHash('sha256').update(bytes).digest('hex')
    if (hash !== pinned)
      throw new SetupError(
        `Expected ${name} of ${pins.package} ${version} to have the SHA-256 ${pinned} but it has ${hash}. ${wayOut}`,
      )
    return [name, bytes]
  })
}
