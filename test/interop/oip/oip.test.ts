/**
 * The Open Inference Protocol as its own clients speak it: tritonclient (HTTP, aiohttp, gRPC), perf_analyzer, KServe's client,
 * MLServer's codecs. The cases are Python (test_*.py, run by pytest) against one server of ours; each of
 * them is a test here, so that this suite counts like the others.
 */
import { execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { interopPath, pythonWith, unpackWheel } from '../venv.js'
import { perfAnalyzer } from './perf-analyzer.js'

interface Outcome {
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly text: string
}

const here = fileURLToPath(new URL('.', import.meta.url))
const outcomes = await runCases()

describe('foreign clients', () => {
  it('have been run', () => {
    // pytest that collects nothing is no success.
    expect(outcomes.length).toBeGreaterThan(100)
  })

  for (const { name, outcome, text } of outcomes) {
    it(name, (context) => {
      if (outcome === 'skipped') context.skip(text)
      if (outcome === 'failed') throw new Error(text)
    })
  }
})

async function runCases(): Promise<Outcome[]> {
  const python = await pythonWith('python', join(here, 'requirements.txt'))
  const { path, preload } = await perfAnalyzer(python)
  // For the OpenAPI documents in it.
  const mlserver = join(interopPath, 'mlserver-1.7.1')
  if (!existsSync(join(mlserver, 'mlserver'))) await unpackWheel(python, 'mlserver==1.7.1', mlserver)
  const mlserverPython = await pythonWith('mlserver', join(here, 'requirements-mlserver.txt'))
  const server = spawn(process.execPath, [join(here, 'server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const ports = await firstLine(server.stdout)
    const report = join(interopPath, 'oip-report.jsonl')
    rmSync(report, { force: true })
    const env = {
      ...process.env,
      PENSTOCK_PORTS: ports,
      PENSTOCK_REPORT: report,
      MLSERVER: mlserver,
      MLSERVER_PYTHON: mlserverPython,
      PERF_ANALYZER: path,
      PERF_ANALYZER_PRELOAD: preload,
    }
    const pytest = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', here]
    const ended = await promisify(execFile)(python, pytest, { env, timeout: 600_000, maxBuffer: 2 ** 26 }).catch(
      (error: unknown) => error as { stdout: string; stderr: string },
    )
    return readReport(report, ended.stdout + ended.stderr)
  } finally {
    server.stdin.end()
    await new Promise((resolve) => server.once('exit', resolve))
  }
}

function readReport(path: string, output: string): Outcome[] {
  try {
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    return lines.map((line) => JSON.parse(line) as Outcome)
  } catch (cause) {
    throw new Error(`pytest left no report:\n${output}`, { cause })
  }
}

function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface(stream)
    lines.once('line', resolve)
    lines.once('close', () => reject(new Error('the server ended before it listened')))
  })
}
