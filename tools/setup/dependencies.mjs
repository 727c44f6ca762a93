/**
 * Installs the dependencies when node_modules does not hold what package-lock.json says. The comparison is version by
 * version against npm's own record of what it installed, so a clone that somebody installed by hand is left alone.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runStep } from './machine.mjs'

export function installDependencies(root) {
  const missing = missingPackages(root)
  if (missing.length === 0) return
  console.error(
    `penstock: node_modules lacks ${missing.length} of the locked packages (${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ' …' : ''})`,
  )
  // No package needs its scripts; onnxruntime-node's would download CUDA libraries from outside the npm registry.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const [command, prefix] = npmCommand()
  runStep('npm ci (about 700 MB, once)', command, [...prefix, ...args], {
    cwd: root,
    env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
    wayOut: 'Check the connection to the npm registry and try again.',
  })
}

/** Paths of the lock file whose version is not installed. Optional ones may be absent: they are other platforms' binaries. */
export function missingPackages(root) {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'))
  return Object.entries(wanted)
    .filter(([path, { version, optional, devOptional }]) => {
      if (path === '') return false
      const found = installed[path]
      return found === undefined ? optional !== true && devOptional !== true : found.version !== version
    })
    .map(([path]) => path.replace(/^node_modules\//, ''))
}

function readPackages(file) {
  if (!existsSync(file)) return {}
  return JSON.parse(readFileSync(file, 'utf8')).packages ?? {}
}

/** The npm that started us, so that a user's own version stays in charge; otherwise the one in PATH. */
function npmCommand() {
  const path = process.env.npm_execpath
  return path !== undefined && path.endsWith('.js') ? [process.execPath, [path]] : ['npm', []]
}
