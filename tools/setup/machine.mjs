/**
 * What the machine must have, one clear sentence each when it has not, and the running of long commands with a line
 * before and after.
 */
import { spawnSync } from 'node:child_process'

/** Something the user can act on: printed as one sentence, without a stack. */
export class SetupError extends Error {}

export const nodeMajorMin = 20
export const cmakeMin = [3, 15]

export function checkNode(version) {
  const major = Number(version.split('.')[0])
  if (!(major >= nodeMajorMin))
    throw new SetupError(
      `Expected Node.js ${nodeMajorMin} or newer but this is ${version}. Install it from https://nodejs.org.`,
    )
}

/** @param output what `cmake --version` printed, or undefined when there is none. */
export function checkCmake(output = firstOutput(['cmake'], ['--version'])) {
  const wayOut = `Install it (Debian: apt install cmake · macOS: brew install cmake) and try again.`
  const wanted = cmakeMin.join('.')
  if (output === undefined) throw new SetupError(`Expected CMake ${wanted} or newer in PATH but found none. ${wayOut}`)
  const match = /version (\d+)\.(\d+)/.exec(output)
  const [major, minor] = match === null ? [0, 0] : [Number(match[1]), Number(match[2])]
  if (major < cmakeMin[0] || (major === cmakeMin[0] && minor < cmakeMin[1])) {
    throw new SetupError(`Expected CMake ${wanted} or newer but found ${major}.${minor}. ${wayOut}`)
  }
}

/** @param output what the compiler's `--version` printed, or undefined when there is none. */
export function checkCompiler(output = firstOutput([process.env.CXX, 'c++', 'g++', 'clang++'], ['--version'])) {
  const wayOut =
    'Install one (Debian: apt install g++ make · macOS: xcode-select --install) or name it in CXX, and try again.'
  if (output === undefined)
    throw new SetupError(`Expected a C++20 compiler (GCC 11, Clang 14 or newer) in PATH but found none. ${wayOut}`)
  const gcc = /\(.*\) (\d+)\.\d+\.\d+/.exec(output.split('\n')[0])
  const clang = /clang version (\d+)/.exec(output)
  if (clang === null && gcc !== null && Number(gcc[1]) < 11)
    throw new SetupError(`Expected GCC 11 or newer but found ${gcc[1]}. ${wayOut}`)
  if (clang !== null && !output.includes('Apple') && Number(clang[1]) < 14) {
    throw new SetupError(`Expected Clang 14 or newer but found ${clang[1]}. ${wayOut}`)
  }
}

/**
 * Runs a command; says what it is and how long it took. Its output is shown as it comes, or, when `isQuiet`, only if it
 * fails. @throws SetupError with `wayOut` when it fails.
 */
export function runStep(title, command, args, { cwd, env = {}, wayOut, isQuiet = false }) {
  const startMs = performance.now()
  console.error(`penstock: ${title} …`)
  const stdio = isQuiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2]
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio,
    encoding: 'utf8',
  })
  if (isQuiet && status !== 0) console.error(`${stdout}${stderr}`)
  if (error !== undefined) throw new SetupError(`${title} could not start (${error.message}). ${wayOut}`)
  if (status !== 0) throw new SetupError(`${title} failed (exit ${status}; its output is above). ${wayOut}`)
  console.error(`penstock: ${title} took ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
}

function firstOutput(commands, args) {
  for (const command of commands) {
    if (command === undefined || command === '') continue
    const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    if (status === 0) return stdout
  }
  return undefined
}
