/**
 * What will and will not work on this platform, known before anything is installed: ONNX Runtime's binaries decide whether
 * Penstock runs at all, those of uWebSockets.js only how fast its sockets are. The tables are facts of the packages that
 * package-lock.json pins; setup.test.ts compares them with the files.
 */
import { SetupError } from './machine.mjs'

/** By platform, the architectures that onnxruntime-node brings. */
export const runtimeBinaries = { darwin: ['arm64'], linux: ['x64', 'arm64'], win32: ['x64', 'arm64'] }
/** The binaries of uWebSockets.js: by Node's ABI, the glibc that they want on Linux. */
export const socketBinaries = { 115: '2.27', 120: '2.27', 127: '2.38', 137: '2.38', 141: '2.38' }

const nodeOfAbi = { 115: '20', 120: '21', 127: '22', 137: '24', 141: '25' }

/**
 * @typedef {{ node: string | undefined, abi: string, platform: string, arch: string, glibc: string | null | undefined }} Machine
 *   `glibc`: its version, null where the C library is another, undefined where Node cannot say quickly.
 */

/** @param {Machine} machine @throws SetupError where ONNX Runtime has no binary. */
export function checkPlatform(machine = thisMachine()) {
  const { platform, arch, glibc } = machine
  if (runtimeBinaries[platform]?.includes(arch) !== true) {
    const known = Object.entries(runtimeBinaries).flatMap(([name, archs]) => archs.map((known) => `${name}-${known}`))
    throw new SetupError(
      `Expected a platform that onnxruntime-node has a binary for (${known.join(', ')}) but this is ${platform}-${arch}. Use one of those.`,
    )
  }
  if (platform === 'linux' && glibc === null)
    throw new SetupError(
      'Expected a Linux with glibc, which ONNX Runtime needs, but this one has another C library. Use Debian, Ubuntu or the like instead of Alpine.',
    )
}

/** @param {Machine} machine @returns {string | null} one sentence where the fast sockets will not load; null where they will. */
export function socketsNote(machine = thisMachine()) {
  const { node, abi, platform, glibc } = machine
  const wanted = socketBinaries[abi]
  const outcome = "the server will use Node's own sockets instead, which are slower; nothing else is affected"
  if (wanted === undefined) {
    const have = Object.values(nodeOfAbi).join(', ')
    return `uWebSockets.js has no binary for Node ${node} (it has for ${have}): ${outcome}`
  }
  if (platform !== 'linux' || typeof glibc !== 'string' || isAtLeast(glibc, wanted)) return null
  return `uWebSockets.js for Node ${node} wants glibc ${wanted} and this system has ${glibc} (for Node 20 it wants 2.27): ${outcome}`
}

function isAtLeast(version, wanted) {
  const [major, minor] = version.split('.').map(Number)
  const [wantedMajor, wantedMinor] = wanted.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

/** @returns {Machine} */
function thisMachine() {
  const { platform, arch, versions, report } = process
  const machine = { node: versions.node.split('.')[0], abi: versions.modules, platform, arch, glibc: undefined }
  // The report's network part asks the name server; a Node that cannot leave it out is older than any that needs the
  // answer.
  if (platform !== 'linux' || !('excludeNetwork' in report)) return machine
  report.excludeNetwork = true
  return { ...machine, glibc: report.getReport().header.glibcVersionRuntime ?? null }
}
