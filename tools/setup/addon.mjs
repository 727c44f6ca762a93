/**
 * Builds build/Release/penstock.node with cmake-js when native/ changed. The build tree is build/addon, apart from the
 * product, because node-gyp (binding.gyp) puts its own Makefile into build/.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { join } from 'node:path'
import { checkCmake, checkCompiler, runStep } from './machine.mjs'
import { digestOf, isCurrent, writeStamp } from './stamp.mjs'

const jobsMax = 8
const inputs = ['native', 'CMakeLists.txt']

/** Whether it is to be built, without building it. */
export function isAddonStale(root) {
  return !existsSync(join(root, 'build', 'Release', 'penstock.node')) || !isCurrent(stampFileOf(root), digestNow(root))
}

/** @throws SetupError when the machine lacks CMake or a compiler. */
export function checkBuildTools() {
  checkCmake()
  checkCompiler()
}

export function buildAddon(root, isForced) {
  if (!isForced && !isAddonStale(root)) return
  checkBuildTools()
  const digest = digestNow(root)
  const isStrict = process.env.PENSTOCK_WERROR === '1'
  const cmakeJs = createRequire(join(root, 'package.json')).resolve('cmake-js/bin/cmake-js')
  const common = ['--directory', root, '--out', join(root, 'build', 'addon'), '--log-level', 'warn']
  const options = { cwd: root, wayOut: 'Fix the first error above; `rm -rf build` starts from nothing.' }
  const jobs = Math.max(2, Math.min(os.availableParallelism(), jobsMax))
  runStep(
    'configure the addon',
    process.execPath,
    [cmakeJs, 'configure', ...common, `--CDPENSTOCK_WERROR=${isStrict ? 'ON' : 'OFF'}`],
    { ...options, isQuiet: true },
  )
  runStep('build the addon', process.execPath, [cmakeJs, 'build', ...common, '--parallel', String(jobs)], options)
  writeStamp(stampFileOf(root), digest)
}

function stampFileOf(root) {
  return join(root, 'build', 'addon.stamp')
}

function digestNow(root) {
  const isInput = (path) => !path.startsWith(join('native', 'test'))
  return digestOf(root, inputs, isInput, `strict=${process.env.PENSTOCK_WERROR === '1'}`)
}
