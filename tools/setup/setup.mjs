#!/usr/bin/env node
/**
 * Makes a fresh clone runnable: `npm start` and `npm test` call it first. Plain Node, no dependencies.
 *
 *   1 checks Node's version                        always
 *   2 says what this machine lacks or will not do  before anything long: a fresh clone, or native/ changed
 *   3 npm ci                                       when node_modules does not hold what the lock file says
 *   4 builds the addon                             when native/ changed since the last build
 *   5 tsc                                          when TypeScript changed since the last build
 *   6 copies Swagger UI, for the page at /docs     when its package, or the page, changed
 *
 * Goals: nothing to do costs a few stat calls (< 0.5 s); one clear sentence and exit 1 when the machine lacks
 * something; progress lines for long work; two at once wait for each other; no download but from the npm registry.
 * Non-goals: watching, packaging, installing compilers.
 *
 * `--force` builds addon and dist whatever the stamps say. PENSTOCK_WERROR=1 turns warnings into errors (CI does; a
 * newcomer's newer compiler must not fail on a warning it has just learnt).
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAddon, checkBuildTools, isAddonStale } from './addon.mjs'
import { installDependencies, missingPackages } from './dependencies.mjs'
import { withLock } from './lock.mjs'
import { SetupError, checkNode } from './machine.mjs'
import { checkPlatform, socketsNote } from './platform.mjs'
import { copySwaggerUi } from './swagger-ui.mjs'
import { buildTypeScript } from './typescript.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

function main(isForced) {
  checkNode(process.versions.node)
  withLock(join(root, 'build', 'setup.lock'), () => {
    sayBefore(root, isForced)
    installDependencies(root)
    // All, even if one fails: tsc emits despite errors, and work on one part needs the others.
    const failures = [buildAddon, buildTypeScript, copySwaggerUi].flatMap((build) =>
      failureOf(() => build(root, isForced)),
    )
    if (failures.length > 0) throw new SetupError(failures.map((failure) => failure.message).join('\npenstock: '))
  })
}

/** What would otherwise be found out minutes later. */
function sayBefore(root, isForced) {
  const willBuild = isForced || isAddonStale(root)
  if (!willBuild && missingPackages(root).length === 0) return
  checkPlatform()
  if (willBuild) checkBuildTools()
  const note = socketsNote()
  if (note !== null) console.error(`penstock: ${note}`)
}

function failureOf(work) {
  try {
    work()
    return []
  } catch (error) {
    if (error instanceof SetupError) return [error]
    throw error
  }
}

try {
  main(process.argv.includes('--force'))
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(`penstock: ${error.message}`)
  process.exitCode = 1
}
