/**
 * Another checkout of Penstock, to be compared with this one. Only what stays from version to version is taken of it: its
 * command line, its HTTP and its package's entry; its internals may lie elsewhere. Its own tools/setup builds it, which
 * does nothing when dist/ and the addon are current: a stale build would be compared under the name of its commit.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { commitOf, projectRoot } from '../../harness/project.js'

export interface Checkout {
  readonly root: string
  readonly commit: string
  /** What was done to have it built: '' when nothing was. */
  readonly build: string
}

const setup = join('tools', 'setup', 'setup.mjs')
/** What is run of it; the addon lies in the last. */
const products = [join('dist', 'src', 'cli', 'main.js'), join('dist', 'src', 'index.js'), join('build', 'Release')]
const buildLimitMs = 1_800_000
const outputCharactersMax = 4096

export const ownCheckout = (): Checkout => ({ root: projectRoot, commit: commitOf(projectRoot), build: '' })

/**
 * Opens the checkout at `path`, and has it built when it is not.
 * @param say gets a line when a build begins.
 * @throws Error when there is no checkout of Penstock, or one that is not built and cannot be.
 */
export async function openCheckout(path: string, say: (what: string) => void): Promise<Checkout> {
  const root = expectCheckout(path)
  const build = root === realpathSync(projectRoot) ? '' : await buildOf(root, say)
  const missing = products.find((product) => !existsSync(join(root, product)))
  if (missing !== undefined)
    throw new Error(
      `Expected --against to be a checkout that is built but ${root} has no ${missing}` +
        (existsSync(join(root, setup)) ? ` although its ${setup} ran` : `, and no ${setup} that would build it`),
    )
  return { root, commit: commitOf(root), build }
}

function expectCheckout(path: string): string {
  const expected = 'Expected --against to be the folder of a checkout of Penstock'
  const root = resolve(path)
  const manifest = join(root, 'package.json')
  if (path === '' || !existsSync(manifest)) throw new Error(`${expected} but there is no package.json in ${root}`)
  const name = nameIn(readFileSync(manifest, 'utf8'))
  if (name !== 'penstock') throw new Error(`${expected} but ${manifest} is of ${name ?? 'no package'}`)
  return realpathSync(root)
}

function nameIn(manifest: string): string | undefined {
  try {
    const { name } = JSON.parse(manifest) as { name?: unknown }
    return typeof name === 'string' ? name : undefined
  } catch {
    return undefined
  }
}

/** Setup says nothing when there was nothing to do. */
async function buildOf(root: string, say: (what: string) => void): Promise<string> {
  if (!existsSync(join(root, setup))) return ''
  if (products.some((product) => !existsSync(join(root, product)))) say(`${root} is not built: its ${setup} builds it`)
  const output = await runSetup(root, say)
  return output === '' ? '' : `built just now by its own ${setup}`
}

/** @returns what it said, the last of it. */
function runSetup(root: string, say: (what: string) => void): Promise<string> {
  const child = spawn(process.execPath, [join(root, setup)], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), buildLimitMs)
  let output = ''
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      output = `${output}${line}\n`.slice(-outputCharactersMax)
      if (line.startsWith('penstock: ')) say(line)
    })
  }
  return new Promise((resolvePromise, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolvePromise(output.trim())
      else
        reject(
          new Error(`Expected ${root} to be built but its ${setup} ended with ${code ?? signal}:\n${output.trim()}`),
        )
    })
  })
}
