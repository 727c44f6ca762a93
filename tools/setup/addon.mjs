/**
 * Builds build/Release/penstock.node with cmake-js when native/ changed. The build tree is build/addon, apart from the
 * product, because node-gyp (binding.gyp) puts its own Makefile into build/.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { checkCmake, checkCompiler, runStep } from './machine.mjs'
import { digestOf, isCurrent, writeStamp } from './stamp.mjs'

const jobsMax = 8
const inputs = ['native', 'CMakeLists.txt']

export function buildAddon(root, isForced) {
  const product = join(root, 'build', 'Release', 'penstock.node')
  const stampFile = join(root, 'build', 'addon.stamp')
  const isStrict = process.env.PENSTOCK_WERROR === '1'
  const isInput = (path) => !path.startsWith(join('native', 'test'))
  const digest = digestOf(root, inputs, isInput, `strict=${isStrict}`)
  if (!isForced && existsSync(product) && isCurrent(stampFile, digest)) return

  checkCmake()
  checkCompiler()
  const cmakeJs = createRequire(join(root, 'package.json')).resolve('cmake-js/bin/cmake-js')
  const common = ['--directory', root, '--out', join(root, 'build', 'addon'), '--log-level', 'warn']
  const options = { cwd: root, wayOut: 'Fix the first error above; `rm -rf build` starts from nothing.' }
  const jobs = Math.max(2, Math.min(availableParallelism(), jobsMax))
  runStep(
    'configure the addon',
    process.execPath,
    [cmakeJs, 'configure', ...common, `--CDPENSTOCK_WERROR=${isStrict ? 'ON' : 'OFF'}`],
    { ...options, isQuiet: true },
  )
  runStep('build the addon', process.execPath, [cmakeJs, 'build', ...common, '--parallel', String(jobs)], options)
  writeStamp(stampFile, digest)
}
