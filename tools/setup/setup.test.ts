/**
 * The parts of the setup that decide: what the machine lacks, whether node_modules is the lock file's, whether a build
 * is stale. The whole, from a fresh clone, is .ci/run's first gate.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { missingPackages } from './dependencies.mjs'
import { withLock } from './lock.mjs'
import { SetupError, checkCmake, checkCompiler, checkNode } from './machine.mjs'
import { checkPlatform, runtimeBinaries, socketBinaries, socketsNote } from './platform.mjs'
import { digestOf, isCurrent, writeStamp } from './stamp.mjs'
import { readPinned } from './swagger-ui.mjs'
import { removeOrphans } from './typescript.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'penstock-setup-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}

describe('setup: the machine', () => {
  it('Node: refuses 18, takes 20 and 24', () => {
    expect(() => checkNode('18.19.0')).toThrow(/Node\.js 20 or newer but this is 18\.19\.0/)
    for (const version of ['20.0.0', '24.1.0']) checkNode(version)
  })

  it('CMake: refuses none and an old one in one sentence with the way out', () => {
    expect(() => checkCmake('cmake version 3.10.2')).toThrow(/3\.15 or newer but found 3\.10\. Install/)
    for (const version of ['cmake version 3.15.0', 'cmake version 3.25.1', 'cmake version 4.0.1']) checkCmake(version)
  })

  it('compiler: refuses old ones, takes those of unknown version', () => {
    expect(() => checkCompiler('g++ (Debian 8.3.0-6) 8.3.0\nCopyright')).toThrow(/GCC 11 or newer but found 8/)
    expect(() => checkCompiler('Debian clang version 11.0.1')).toThrow(/Clang 14 or newer but found 11/)
    for (const output of [
      'g++ (Debian 12.2.0-14+deb12u1) 12.2.0',
      'Ubuntu clang version 18.1.3',
      'Apple clang version 13.0.0',
      'icpx 2024',
    ]) {
      checkCompiler(output)
    }
  })

  it('a machine without CMake and compiler: one sentence, no stack, exit 1', () => {
    const script = `import { checkCmake, checkCompiler, SetupError } from ${JSON.stringify(pathToFileURL(join(here, 'machine.mjs')).href)}
      for (const check of [checkCmake, checkCompiler]) try { check() } catch (error) { console.log(error instanceof SetupError, error.message) }`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { PATH: folder },
    })
    expect(stdout).toMatch(
      /^true Expected CMake 3\.15 or newer in PATH but found none\. .*\ntrue Expected a C\+\+20 compiler .* in PATH but found none\. .*\n$/,
    )
  })
})

describe('setup: what the platform will not do', () => {
  const debian12 = { node: '20', abi: '115', platform: 'linux', arch: 'x64', glibc: '2.36' }
  const modules = join(here, '..', '..', 'node_modules')

  it('sockets: nothing is said where they load', () => {
    expect(socketsNote(debian12)).toBe(null)
    expect(socketsNote({ ...debian12, node: '22', abi: '127', glibc: '2.38' })).toBe(null)
    expect(socketsNote({ ...debian12, node: '24', abi: '137', glibc: '2.41' })).toBe(null)
    expect(socketsNote({ ...debian12, node: '22', abi: '127', platform: 'darwin', glibc: undefined })).toBe(null)
  })

  it('sockets: one sentence where they do not: an old glibc, a Node without a binary', () => {
    expect(socketsNote({ ...debian12, node: '22', abi: '127' })).toBe(
      "uWebSockets.js for Node 22 wants glibc 2.38 and this system has 2.36 (for Node 20 it wants 2.27): the server will use Node's own sockets instead, which are slower; nothing else is affected",
    )
    expect(socketsNote({ ...debian12, node: '26', abi: '147' })).toMatch(
      /^uWebSockets\.js has no binary for Node 26 \(it has for 20, 21, 22, 24, 25\): the server will use Node's own sockets/,
    )
  })

  it('platforms: refuses musl and what ONNX Runtime has no binary for', () => {
    checkPlatform(debian12)
    expect(() => checkPlatform({ ...debian12, glibc: null })).toThrow(
      /Expected a Linux with glibc.*instead of Alpine\.$/,
    )
    expect(() => checkPlatform({ ...debian12, arch: 'riscv64' })).toThrow(
      /linux-x64, linux-arm64.*but this is linux-riscv64/,
    )
    expect(() => checkPlatform({ ...debian12, platform: 'freebsd' })).toThrow(/but this is freebsd-x64/)
  })

  it('the tables are those of the installed packages', () => {
    const runtime = join(modules, 'onnxruntime-node', 'bin', 'napi-v6')
    const found = readdirSync(runtime).map((platform) => [platform, readdirSync(join(runtime, platform)).sort()])
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Object.entries(runtimeBinaries).map(([platform, archs]) => [platform, [...archs].sort()])),
    )
    for (const [abi, glibc] of Object.entries(socketBinaries)) {
      for (const arch of ['x64', 'arm64']) {
        const text = readFileSync(join(modules, 'uWebSockets.js', `uws_linux_${arch}_${abi}.node`), 'latin1')
        const minors = [...text.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor))
        expect(`${abi} 2.${Math.max(...minors)}`).toBe(`${abi} ${glibc}`)
      }
    }
    for (const abi of [131, 142, 147])
      expect(existsSync(join(modules, 'uWebSockets.js', `uws_linux_x64_${abi}.node`))).toBe(false)
  })

  it('a machine without a compiler is refused before anything is downloaded', () => {
    const clone = join(folder, 'clone')
    for (const [path, text] of [
      ['package.json', '{"name":"penstock"}'],
      ['package-lock.json', JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } })],
      ['native/a.cpp', ''],
    ] as const)
      write(join('clone', path), text)
    cpSync(here, join(clone, 'tools', 'setup'), { recursive: true })
    const startedMs = performance.now()
    const { status, stderr } = spawnSync(process.execPath, [join(clone, 'tools', 'setup', 'setup.mjs')], {
      encoding: 'utf8',
      env: { PATH: folder },
    })
    expect(stderr).toMatch(/^penstock: Expected CMake 3\.15 or newer in PATH but found none\. Install it .*\n$/)
    expect(status).toBe(1)
    expect(performance.now() - startedMs).toBeLessThan(5000)
  })
})

describe('setup: dependencies', () => {
  const lock = (packages: object): string => JSON.stringify({ packages: { '': {}, ...packages } })

  it('node_modules absent: everything but optional packages is missing', () => {
    write(
      'package-lock.json',
      lock({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0', optional: true } }),
    )
    expect(missingPackages(folder)).toEqual(['a'])
  })

  it('node_modules as locked: nothing is missing; one other version is', () => {
    write('package-lock.json', lock({ 'node_modules/a': { version: '1.0.0' } }))
    write(
      'node_modules/.package-lock.json',
      lock({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/extra': { version: '9.0.0' } }),
    )
    expect(missingPackages(folder)).toEqual([])
    write('package-lock.json', lock({ 'node_modules/a': { version: '1.0.1' } }))
    expect(missingPackages(folder)).toEqual(['a'])
  })
})

describe('setup: staleness', () => {
  it('digest: sees an edit, a new file and a removed one, and nothing else', () => {
    write('src/a.ts', 'a')
    write('src/b.ts', 'b')
    const before = digestOf(folder, ['src', 'absent'])
    expect(digestOf(folder, ['src', 'absent'])).toBe(before)
    utimesSync(join(folder, 'src/a.ts'), new Date(1_000_000), new Date(1_000_000))
    const touched = digestOf(folder, ['src'])
    expect(touched).not.toBe(before)
    write('src/deep/c.ts', 'c')
    const added = digestOf(folder, ['src'])
    expect(added).not.toBe(touched)
    rmSync(join(folder, 'src/deep/c.ts'))
    expect(digestOf(folder, ['src'])).toBe(touched)
    expect(digestOf(folder, ['src'], () => true, 'other flags')).not.toBe(touched)
  })

  it('stamp: is current for its own digest only', () => {
    const stamp = join(folder, 'build/x.stamp')
    expect(isCurrent(stamp, 'one')).toBe(false)
    writeStamp(stamp, 'one')
    expect(isCurrent(stamp, 'one')).toBe(true)
    expect(isCurrent(stamp, 'two')).toBe(false)
  })

  it('dist: loses what has no source any more and keeps the rest', () => {
    write('src/kept.ts', '')
    for (const file of ['kept.js', 'kept.js.map', 'kept.d.ts', 'gone.js', 'gone.js.map', 'gone.d.ts', 'data.txt'])
      write(`dist/src/${file}`, file)
    removeOrphans(folder, join(folder, 'dist'))
    const left = ['kept.js', 'kept.js.map', 'kept.d.ts', 'gone.js', 'gone.js.map', 'gone.d.ts', 'data.txt'].filter(
      (file) => {
        try {
          return readFileSync(join(folder, 'dist/src', file), 'utf8') === file
        } catch {
          return false
        }
      },
    )
    expect(left).toEqual(['kept.js', 'kept.js.map', 'kept.d.ts', 'data.txt'])
  })
})

describe('setup: the lock', () => {
  it('two at once: the second waits for the first', async () => {
    const lock = join(folder, 'build/setup.lock')
    const script = `import { withLock } from ${JSON.stringify(pathToFileURL(join(here, 'lock.mjs')).href)}
      withLock(${JSON.stringify(lock)}, () => { console.log('in'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700) })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const begunMs = performance.now()
    withLock(lock, () => undefined)
    expect(performance.now() - begunMs).toBeGreaterThan(300)
  })

  it('an owner that is gone: its lock is taken over', () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    write('setup.lock/pid', String(pid))
    expect(withLock(join(folder, 'setup.lock'), () => 7)).toBe(7)
    write('setup.lock/no-pid-yet', '')
    expect(withLock(join(folder, 'setup.lock'), () => 8)).toBe(8)
  })

  it('a failing setup: leaves no lock behind', () => {
    const lock = join(folder, 'setup.lock')
    expect(() =>
      withLock(lock, () => {
        throw new SetupError('no')
      }),
    ).toThrow('no')
    expect(withLock(lock, () => 1)).toBe(1)
  })
})

describe('setup: the page of the API', () => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  const pins = { package: 'swagger-ui-dist', version: '1.2.3', copied: { 'ui.js': sha256('ui'), LICENSE: sha256('l') } }
  const install = (version: string, files: Readonly<Record<string, string>>): void => {
    write('package.json', JSON.stringify({ version }))
    for (const [name, text] of Object.entries(files)) write(name, text)
  }

  it('takes the pinned files, and nothing else of the package', () => {
    install('1.2.3', { 'ui.js': 'ui', LICENSE: 'l', 'more.js': 'm' })
    expect(readPinned(folder, pins).map(([name, bytes]) => [name, String(bytes)])).toEqual([
      ['ui.js', 'ui'],
      ['LICENSE', 'l'],
    ])
  })

  it.each([
    ['another release', '1.2.4', { 'ui.js': 'ui', LICENSE: 'l' }, /swagger-ui-dist to be 1\.2\.3 but it is 1\.2\.4/],
    [
      'other bytes',
      '1.2.3',
      { 'ui.js': 'uI', LICENSE: 'l' },
      /ui\.js of .* to have the SHA-256 [0-9a-f]{64} but it has/,
    ],
    ['a file less', '1.2.3', { 'ui.js': 'ui' }, /to have LICENSE but it has not\. Install the locked packages/],
  ])('%s: fails the build, and says so', (_what, version, files, words) => {
    install(version, files)
    expect(() => readPinned(folder, pins)).toThrow(words)
    expect(() => readPinned(folder, pins)).toThrow(SetupError)
  })

  it('keeps it when compiled modules without a source are removed', () => {
    write('dist/swagger-ui/page.js', '')
    write('dist/src/gone.js', '')
    removeOrphans(folder, join(folder, 'dist'))
    expect([existsSync(join(folder, 'dist/swagger-ui/page.js')), existsSync(join(folder, 'dist/src/gone.js'))]).toEqual(
      [true, false],
    )
  })

  it('what is installed has no analytics in it: their package is the stand-in, which does nothing', () => {
    const root = join(here, '..', '..')
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { resolved?: string; link?: boolean; hasInstallScript?: boolean }>
    }
    const places = Object.entries(packages).filter(([path]) => path.endsWith('@scarf/scarf'))
    expect(places).toEqual([['node_modules/@scarf/scarf', { resolved: 'tools/no-analytics', link: true }]])
    expect(packages['node_modules/swagger-ui-dist']?.hasInstallScript).toBe(undefined)
    expect(readdirSync(join(root, 'tools/no-analytics'))).toEqual(['package.json'])
    const standIn = JSON.parse(readFileSync(join(root, 'tools/no-analytics/package.json'), 'utf8')) as object
    expect(Object.keys(standIn)).not.toContain('scripts')
  })
})
