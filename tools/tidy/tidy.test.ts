/**
 * Runs the house rules over the tree, and every rule over its canary: a gate that cannot refuse is no gate.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { outputs, staleOutputs } from '../codegen/generate.mjs'
import { flowExamples, flowRule } from './flow.js'
import { layerExamples, layerRule } from './layers.js'
import { fileLinesMax, longFiles, ratchetFindings, rules, type Finding } from './rules.js'
import { importGraph, ringFindings, ringsOf, roomGraph } from './rings.js'
import { crowdedRooms, roomSourcesMax, unexplainedRooms } from './rooms.js'
import { importsOf, readTree, withoutComments } from './source.js'
import { deadModules, undeclaredPackages, unlistedNativeSources, unusedPackages } from './tree.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const files = readTree(root)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Parameters<typeof unusedPackages>[1]
const ratchet = JSON.parse(readFileSync(join(root, 'tools/tidy/ratchet.json'), 'utf8')) as Record<string, number>

function print(findings: readonly Finding[]): string {
  return findings.map(({ path, line, message }) => `${path}${line === 0 ? '' : `:${line}`}: ${message}`).join('\n')
}

describe('tidy: the tree', () => {
  it('reading the tree: finds the sources', () => {
    for (const path of [
      'package.json',
      'src/base/errors.ts',
      'native/CMakeLists.txt',
      'tools/tidy/rules.ts',
      '.ci/run',
    ]) {
      expect(files.has(path), path).toBe(true)
    }
  })

  it.each(rules)('$name', (rule) => {
    const findings = [...files].filter(([path]) => rule.applies(path)).flatMap(([path, text]) => rule.check(path, text))
    expect(print(findings)).toBe('')
  })

  it('every rule: applies to some file of the tree', () => {
    for (const rule of rules) expect([...files.keys()].some(rule.applies), rule.name).toBe(true)
  })

  it(`no file grows beyond ${fileLinesMax} lines`, () => {
    expect(print(ratchetFindings(longFiles(files), ratchet))).toBe('')
  })

  it('modules import each other in no ring, types included', () => {
    expect(print(ringFindings(importGraph(files)))).toBe('')
  })

  it('rooms import each other in no ring', () => {
    expect(print(ringFindings(roomGraph(importGraph(files))))).toBe('')
  })

  it(`no room holds more than ${roomSourcesMax} sources`, () => {
    expect(print(crowdedRooms(files))).toBe('')
  })

  it('every room says what lives there', () => {
    expect(print(unexplainedRooms(files))).toBe('')
  })

  it('every module is imported', () => {
    expect(print(deadModules(files))).toBe('')
  })

  it('CMake lists every native source', () => {
    expect(print(unlistedNativeSources(files))).toBe('')
  })

  it('every imported package is declared', () => {
    expect(print(undeclaredPackages(files, manifest))).toBe('')
  })

  it('every declared package is imported', () => {
    expect(print(unusedPackages(files, manifest))).toBe('')
  })

  it('generated code is current', () => {
    expect(staleOutputs(root).map(({ target }: { target: string }) => target)).toEqual([])
  })

  it('the lock file names no host', () => {
    // A folder of this tree is none.
    const resolved = /"resolved": "(?!tools\/)/
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(resolved)
    expect('"resolved": "https://registry.example/a.tgz"').toMatch(resolved)
  })
})

describe('tidy: the canaries', () => {
  it.each(rules)('$name: refuses its canary and passes the neighbour', ({ applies, check, canary }) => {
    expect(applies(canary.path)).toBe(true)
    expect(check(canary.path, canary.bad)).toHaveLength(1)
    expect(check(canary.path, canary.good)).toEqual([])
  })

  it.each(layerExamples)('layers: $path, $line', ({ path, line, isRefused }) => {
    expect(layerRule.check(path, line)).toHaveLength(isRefused ? 1 : 0)
  })

  it.each(flowExamples)('clocks: $path, $line', ({ path, line, isRefused }) => {
    expect(flowRule.check(path, line)).toHaveLength(isRefused ? 1 : 0)
  })

  it('ratchet: refuses new excess, growth of old excess, and entries that are no longer needed', () => {
    const tree = new Map([
      ['src/a.ts', '\n'.repeat(fileLinesMax + 1)],
      ['src/b.ts', '\n'.repeat(fileLinesMax)],
      ['src/generated/c.ts', '\n'.repeat(5000)],
      ['src/d.test.ts', '\n'.repeat(fileLinesMax)],
      ['src/e.test.ts', '\n'.repeat(fileLinesMax + 1)],
    ])
    expect([...longFiles(tree).keys()]).toEqual(['src/a.ts', 'src/e.test.ts'])
    tree.delete('src/e.test.ts')
    expect(ratchetFindings(longFiles(tree), {})).toHaveLength(1)
    expect(ratchetFindings(longFiles(tree), { 'src/a.ts': fileLinesMax + 1 })).toEqual([])
    expect(ratchetFindings(new Map(), { 'src/a.ts': 500 })).toHaveLength(1)
  })

  it('rings: finds one of types, one of three files, and none in a chain', () => {
    const tree = new Map([
      ['src/a/one.ts', "import type { B } from './two.js'"],
      ['src/a/two.ts', "import { A } from './one.js'"],
      ['src/b/x.ts', "import { y } from './y.js'"],
      ['src/b/y.ts', "export * from './z.js'"],
      ['src/b/z.ts', "const m = await import('./x.js')"],
      ['src/c/top.ts', "import { one } from '../a/one.js'\nimport fs from 'node:fs'"],
    ])
    expect(ringsOf(importGraph(tree)).map((ring) => ring.length)).toEqual([2, 3])
    expect(ringFindings(importGraph(tree)).map(({ path }) => path)).toEqual(['src/a/one.ts', 'src/b/x.ts'])
    tree.delete('src/a/two.ts')
    tree.delete('src/b/z.ts')
    expect(ringsOf(importGraph(tree))).toEqual([])
  })

  it('rings of rooms: refuses two that need each other, but not a room and its parent, nor tests', () => {
    const tree = new Map([
      ['src/a/one.ts', "import { two } from '../b/two.js'"],
      ['src/b/other.ts', "import { three } from '../a/three.js'"],
      ['src/a/three.ts', "import { inner } from './inside/inner.js'"],
      ['src/b/two.ts', ''],
      ['src/a/inside/inner.ts', "import { four } from '../four.js'"],
      ['src/a/four.ts', ''],
      ['src/b/two.test.ts', "import { one } from '../a/one.js'"],
    ])
    expect(ringsOf(importGraph(tree))).toEqual([])
    expect(ringsOf(roomGraph(importGraph(tree)))).toEqual([['src/a', 'src/b']])
    tree.delete('src/b/other.ts')
    expect(ringsOf(roomGraph(importGraph(tree)))).toEqual([])
  })

  it('rooms: refuses a crowded one and one that says nothing of itself', () => {
    const sources = Array.from({ length: roomSourcesMax + 1 }, (_, index) => [`src/a/${index}.ts`, ''] as const)
    const tree = new Map<string, string>([
      ...sources,
      ['src/b/b.ts', ''],
      ['src/b/README.md', ''],
      ['src/b/c/d.ts', ''],
    ])
    expect(crowdedRooms(tree).map(({ path }) => path)).toEqual(['src/a'])
    expect(unexplainedRooms(tree).map(({ path }) => path)).toEqual(['src/a', 'src/b/c'])
    tree.delete('src/a/0.ts')
    tree.set('src/a/0.test.ts', '').set('src/b/README.md', 'Here is `c/`.').set('src/a/README.md', '')
    expect([...crowdedRooms(tree), ...unexplainedRooms(tree)]).toEqual([])
  })

  it('dead modules: refuses a module that only its test imports', () => {
    const tree = new Map([
      ['src/index.ts', "export { a } from './a.js'"],
      ['src/a.ts', "export const a = new URL('./worker.js', import.meta.url)"],
      ['src/worker.ts', ''],
      ['src/dead.ts', ''],
      ['src/dead.test.ts', "import './dead.js'"],
    ])
    expect(deadModules(tree).map(({ path }) => path)).toEqual(['src/dead.ts'])
  })

  it('CMake: refuses a source and a test that are not listed', () => {
    const tree = new Map([
      ['native/CMakeLists.txt', 'set(A\n  queue/a.cpp\n)\nset(T\n  a_test)\n'],
      ['native/queue/a.cpp', ''],
      ['native/queue/xa.cpp', ''],
      ['native/test/a_test.cpp', ''],
      ['native/test/b_test.cpp', ''],
    ])
    expect(unlistedNativeSources(tree).map(({ path }) => path)).toEqual([
      'native/queue/xa.cpp',
      'native/test/b_test.cpp',
    ])
  })

  it('packages: refuses a development package in the product, an undeclared one and an unused one', () => {
    const tree = new Map([
      ['src/a.ts', "import { x } from 'vitest'\nimport fs from 'node:fs'\nimport y from '@scope/y/deep'"],
      ['src/a.test.ts', "import { x } from 'vitest'\nimport z from 'left-pad'"],
    ])
    const declared = {
      name: 'penstock',
      dependencies: { '@scope/y': '1', idle: '1' },
      devDependencies: { vitest: '4' },
    }
    expect(undeclaredPackages(tree, declared).map(({ path, line }) => `${path}:${line}`)).toEqual([
      'src/a.ts:1',
      'src/a.test.ts:2',
    ])
    expect(unusedPackages(tree, declared).map(({ message }) => message.split(' ')[0])).toEqual(['idle'])
  })

  it('generated code: a changed source makes another text', () => {
    for (const { source, make } of outputs as { source: string; make: (text: string, source: string) => string }[]) {
      const text = readFileSync(join(root, source), 'utf8')
      const changed = text
        .replaceAll('"code": 1,', '"code": 99,')
        .replace('"native": 1,', '"native": 99,')
        .replace('request:uint;', 'request_number:uint;')
      expect(make(changed, source), source).not.toBe(make(text, source))
    }
  })

  it('source: comments are blanked, strings and line numbers stay', () => {
    expect(withoutComments("a // b\n'// c' /* d\n e */ f")).toBe("a     \n'// c'     \n      f")
    expect(
      importsOf("// import './no.js'\nimport type {\n A } from './a.js'\nexport * from './b.js'\nimport './c.js'"),
    ).toEqual([
      { line: 2, specifier: './a.js', isType: true },
      { line: 4, specifier: './b.js', isType: false },
      { line: 5, specifier: './c.js', isType: false },
    ])
    // A command's name, in quotes of its own.
    expect(importsOf("new Command('import').summary('upload')")).toEqual([])
  })
})
