/** Runs a folder of Python cases with pytest; its conftest.py writes each outcome to PENSTOCK_REPORT, a line of JSON each. */
import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { promisify } from 'node:util'

export interface Outcome {
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly text: string
}

/** @param report path of the report; @param env what the cases are to know. @throws Error with pytest's words when there is no report. */
export async function runPytest(
  python: string,
  folder: string,
  report: string,
  env: Readonly<Record<string, string>>,
): Promise<Outcome[]> {
  rmSync(report, { force: true })
  const environment = { ...process.env, ...env, PENSTOCK_REPORT: report }
  const pytest = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', folder]
  const ended = await promisify(execFile)(python, pytest, {
    env: environment,
    timeout: 600_000,
    maxBuffer: 2 ** 26,
  }).catch((error: unknown) => error as { stdout: string; stderr: string })
  try {
    return readFileSync(report, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Outcome)
  } catch (cause) {
    throw new Error(`pytest left no report:\n${ended.stdout}${ended.stderr}`, { cause })
  }
}
