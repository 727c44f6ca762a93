/**
 * perf_analyzer of NVIDIA, from its wheel on PyPI. The wheel wants glibc 2.38, which pip would not install on an older one, so
 * it is fetched and unpacked by name; where the program does not start, a copy is prepared as older-glibc.cpp says.
 */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { interopPath, unpackWheel } from '../venv.js'

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
  if (!existsSync(original))
    await unpackWheel(python, `perf-analyzer==${version}`, folder, ['--platform', 'manylinux_2_38_x86_64'])
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

async function starts(path: string, preload: string): Promise<boolean> {
  const env = preload === '' ? process.env : { ...process.env, LD_PRELOAD: preload }
  // It says its version on standard error, and does not end with 0.
  const ended = await run(path, ['--version'], { env, timeout: 20_000 }).catch(
    (error: unknown) => error as { stderr?: string },
  )
  return ended.stderr?.includes('Perf Analyzer') === true
}
