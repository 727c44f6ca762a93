import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chosenComparedCriteria } from './compare.js'
import { openCheckout } from './checkout.js'

const products = ['dist/src/cli/main.js', 'dist/src/index.js', 'build/Release/addon']
const said: string[] = []
let root = ''

beforeEach(() => {
  said.length = 0
  root = realpathSync(mkdtempSync(join(tmpdir(), 'penstock-checkout-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const open = () => openCheckout(root, (what) => void said.push(what))

describe('two builds: the other checkout', () => {
  it('refuses a folder that is none of Penstock', async () => {
    await expect(open()).rejects.toThrow(/--against to be the folder of a checkout of Penstock but there is no package/)
    await expect(openCheckout('', () => undefined)).rejects.toThrow(/checkout of Penstock/)
    put('package.json', '{"name":"another"}')
    await expect(open()).rejects.toThrow(/but .*package\.json is of another/)
    put('package.json', '{')
    await expect(open()).rejects.toThrow(/is of no package/)
  })

  it('refuses one that is not built and has nothing to build it', async () => {
    put('package.json', '{"name":"penstock"}')
    await expect(open()).rejects.toThrow(/has no dist\/src\/cli\/main\.js, and no tools\/setup\/setup\.mjs/)
  })

  it('refuses one that cannot be built, with what its setup said', async () => {
    put('package.json', '{"name":"penstock"}')
    put('tools/setup/setup.mjs', 'console.error("penstock: there is no compiler"); process.exitCode = 1')
    await expect(open()).rejects.toThrow(/setup\.mjs ended with 1:\npenstock: there is no compiler/)
    expect(said).toEqual([expect.stringMatching(/is not built/), 'penstock: there is no compiler'])
    put('tools/setup/setup.mjs', '')
    await expect(open()).rejects.toThrow(/has no dist\/src\/cli\/main\.js although its tools\/setup\/setup\.mjs ran/)
  })

  it('builds one that is not built, and says so', async () => {
    put('package.json', '{"name":"penstock"}')
    put(
      'tools/setup/setup.mjs',
      `import { cpSync, mkdirSync } from 'node:fs'
      import { dirname } from 'node:path'
      for (const path of ${JSON.stringify(products)}) {
        mkdirSync(dirname(path), { recursive: true })
        cpSync('package.json', path)
      }
      console.error('penstock: compile TypeScript took 1 s')`,
    )
    expect(await open()).toEqual({
      root,
      commit: expect.any(String),
      build: 'built just now by its own tools/setup/setup.mjs',
    })
    expect(existsSync(join(root, 'dist/src/index.js'))).toBe(true)
    expect(said.at(-1)).toBe('penstock: compile TypeScript took 1 s')
  })

  it('takes one that is built as it is', async () => {
    put('package.json', '{"name":"penstock"}')
    for (const path of [...products, 'tools/setup/setup.mjs']) put(path, '')
    expect(await open()).toMatchObject({ root, build: '' })
    expect(said).toEqual([])
  })
})

describe('two builds: the criteria', () => {
  it('chosenComparedCriteria: criteria 1, 2, 3 and 8, or those that are named', () => {
    const numbers = (only?: string) => chosenComparedCriteria(only).map(({ number }) => number)
    expect(numbers()).toEqual([1, 2, 3, 8])
    expect(numbers('17,2')).toEqual([2, 17])
    for (const only of ['4', '1,99', '', 'x']) expect(() => numbers(only), only).toThrow(/beside --against/)
  })
})
