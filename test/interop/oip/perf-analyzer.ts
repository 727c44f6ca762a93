/**
 * perf_analyzer of NVIDIA, from its wheel on PyPI. The wheel wants glibc 2.38, which pip would not install on an older one, so
 * it is fetched and unpacked by name; where the program does not start, a copy is prepared as older-glibc.cpp says.
 */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { interopPath } from '../venv.js'

const run = promisify(execFile)
const version = '2.60.0'
const here = fileURLToPath(new URL('.', import.meta.url))

export interface PerfAnalyzer {
  readonly path: string
  /** What LD_PRELOAD must name; '' for nothing. */
  readonly preload: string
}

/** @param python with pip. */
export async function perfAnalyzer(python: string): Promise<PerfAnalyzer> {
  const folder = join(interopPath, `perf-analyzer-${version}`)
  const original = join(folder, 'perf_analyzer', 'bin', 'perf_analyzer')
  if (!existsSync(original)) await fetchWheel(python, folder)
  chmodSync(original, 0o755)
  if (await starts(original, '')) return { path: original, preload: '' }
  const copy = join(folder, 'perf_analyzer-older-glibc')
  const preload = join(folder, 'older-glibc.so')
  if (!existsSync(copy) || !existsSync(preload)) {
    await run('c++', ['-O1', '-shared', '-fPIC', '-o', preload, join(here, 'older-glibc.cpp')])
    await run(python, [join(here, 'newer_symbols.py'), original, copy])
    chmodSync(copy, 0o755)
  }
  if (await starts(copy, preload)) return { path: copy, preload }
  throw new Error(`perf_analyzer ${version} does not start on this machine, neither as it is nor with older-glibc.cpp`)
}

async function fetchWheel(python: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const platform = ['--platform', 'manylinux_2_38_x86_64', '--only-binary', ':all:', '--no-deps']
  await run(python, ['-m', 'pip', 'download', '--quiet', ...platform, '-d', folder, `perf-analyzer==${version}`])
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw new Error('pip downloaded no wheel of perf-analyzer')
  await run(python, ['-m', 'zipfile', '-e', join(folder, wheel), folder])
}

async function starts(path: string, preload: string): Promise<boolean> {
  try {
    const env = preload === '' ? process.env : { ...process.env, LD_PRELOAD: preload }
    const { stdout } = await run(path, ['--version'], { env, timeout: 20_000 })
    return stdout.includes('Perf Analyzer')
  } catch {
    return false
  }
}
