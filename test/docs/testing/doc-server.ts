/**
 * What the examples of the documentation run against: the built `penstock serve --examples` as a child process on a free
 * port, and a working directory that looks like a clone (examples/, .penstock/ and the server's log as serve.log).
 * Addresses of the pages (127.0.0.1:8080) become the real one, and back again in what the examples print.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Example } from './doc-examples.js'

export const projectPath = fileURLToPath(new URL('../../../', import.meta.url))
const PRINTED_ADDRESS = '127.0.0.1:8080'
const cliFile = join(projectPath, 'dist/src/cli/main.js')

export class DocServer {
  readonly #child: ChildProcess
  readonly #directory: string
  readonly #address: string
  readonly #ended: Promise<number | null>
  /** An example has sent the signal: a second one would cut the drain off. */
  #isDraining = false

  private constructor(child: ChildProcess, directory: string, address: string, ended: Promise<number | null>) {
    this.#child = child
    this.#directory = directory
    this.#address = address
    this.#ended = ended
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#isDraining ||= chunk.includes('SIGTERM: draining')
    })
  }

  /** Resolves when the server has greeted; rejects with its output when it ends before. */
  static async start(): Promise<DocServer> {
    const directory = mkdtempSync(join(tmpdir(), 'penstock-docs-'))
    for (const name of ['examples', 'dist', 'test', 'node_modules'])
      symlinkSync(join(projectPath, name), join(directory, name))
    const child = spawn(process.execPath, [cliFile, 'serve', '--examples', '--port', '0'], {
      cwd: directory,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stderr.pipe(createWriteStream(join(directory, 'serve.log')))
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    let output = ''
    const address = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        const found = /listening on http:\/\/(\S+)/.exec(output)?.[1]
        if (found !== undefined) resolve(found)
      })
      void ended.then((code) => reject(new Error(`penstock serve ended with ${code}: ${output}`)))
    })
    return new DocServer(child, directory, address, ended)
  }

  /** Runs one example as a reader would; resolves with what it printed on either stream. */
  async run({ code }: Pick<Example, 'code'>): Promise<{ exitCode: number | null; output: string }> {
    const isShell = code.language === 'sh' || code.language === 'bash'
    const text = code.text.replaceAll(PRINTED_ADDRESS, this.#address).replaceAll('npx penstock', `node ${cliFile}`)
    // Standard input resolves 'penstock' from the working directory: the project itself.
    const [command, values] = isShell
      ? (['bash', ['-euo', 'pipefail', '-c', `exec 2>&1\n${text}`]] as const)
      : ([process.execPath, ['--input-type=module', '-']] as const)
    const child = spawn(command, values, {
      cwd: isShell ? this.#directory : projectPath,
      env: { ...environment(), PENSTOCK_URL: `http://${this.#address}` },
      stdio: [isShell ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      timeout: 20_000,
    })
    child.stdin?.end(text)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    }
    const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { exitCode, output: output.replaceAll(this.#address, PRINTED_ADDRESS) }
  }

  /** Ends the server, unless an example has; resolves with its exit status. */
  async stop(): Promise<number | null> {
    if (!this.#isDraining) this.#child.kill('SIGTERM')
    const exitCode = await this.#ended
    rmSync(this.#directory, { recursive: true, force: true })
    return exitCode
  }
}

/** This process's, without what would change the product's defaults. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PENSTOCK_'))
  // The pages show what does not depend on the machine.
  return { ...Object.fromEntries(kept), PENSTOCK_CALIBRATION: 'off' }
}
