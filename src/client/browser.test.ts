/**
 * `penstock/client` runs in browsers: nothing that it imports, however far down, may be Node's or the engine's. A walk
 * over the sources' static imports; what a bundler would follow.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

/** Loaded by name, when there is no global WebSocket; the one place where a walk for browsers ends. */
const nodeOnly = './node-socket.js'
const source = fileURLToPath(new URL('../', import.meta.url))

/** Specifiers that stay in the JavaScript: imports of types alone are erased. */
function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true }
  const { outputText } = ts.transpileModule(text, { compilerOptions })
  return ts.preProcessFile(outputText).importedFiles.map(({ fileName }) => fileName)
}

function walk(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const pending = [entry]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (files.has(path)) continue
    files.add(path)
    for (const specifier of importsOf(path)) {
      if (specifier === nodeOnly) continue
      if (specifier.startsWith('.')) pending.push(join(dirname(path), specifier.replace(/\.js$/, '.ts')))
      else packages.add(specifier)
    }
  }
  return { files, packages }
}

describe('client: in browsers', () => {
  const graph = walk(join(source, 'client/index.ts'))

  it('client: imports no package but flatbuffers, and nothing of Node', () => {
    expect([...graph.packages]).toEqual(['flatbuffers'])
  })

  it('client: what is only for Node is loaded when it is needed, not before', () => {
    const texts = [...graph.files].map((path) => readFileSync(path, 'utf8')).filter((text) => text.includes(nodeOnly))
    expect(texts.length).toBe(1)
    expect(texts[0]).toMatch(/await import\('\.\/node-socket\.js'\)/)
    expect(texts[0]).not.toMatch(/from '\.\/node-socket\.js'/)
  })

  it('client: imports only client, protocol, tensor and base', () => {
    const folders = new Set([...graph.files].map((path) => relative(source, path).split('/')[0]))
    expect([...folders].sort()).toEqual(['base', 'client', 'protocol', 'tensor'])
    expect(graph.files.size).toBeGreaterThan(20)
  })

  it('client: uses no global that only Node has', () => {
    const used = [...graph.files].filter((path) =>
      /\b(?:Buffer|process|setImmediate|__dirname|require)\b\s*[.(]/.test(readFileSync(path, 'utf8')),
    )
    expect(used).toEqual([])
  })

  it('client: the walk notices a file that imports Node', () => {
    const { packages } = walk(join(source, '../tools/codegen/flatbuffers.mjs'))
    expect([...packages].some((name) => name.startsWith('node:'))).toBe(true)
  })
})
