/**
 * Reads source text well enough for the rules: comments blanked (lines keep their numbers), strings kept, imports
 * listed. Not a parser: a regular expression literal that contains quotes or slashes may confuse it, which shows as a
 * wrong finding, never as a silent pass of the canaries.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join, posix } from 'node:path'

export interface Import {
  readonly line: number
  readonly specifier: string
  /** `import type` or `export type`: gone after compilation. */
  readonly isType: boolean
}

/** Folders whose name begins with a dot are tools' (.git, .venv), but for this one. */
const dotFolder = '.ci'
const ignoredFolders = new Set(['node_modules', 'dist', 'build', 'coverage', '__pycache__'])
const textFile = /\.(ts|mjs|js|cpp|hpp|py|sh|md|json|ya?ml|txt|fbs|gyp|cmake)$|^(run|\.npmrc)$/
const fileBytesMax = 2_000_000

/** Every text file of the project by its path from `root`, with forward slashes. */
export function readTree(root: string): Map<string, string> {
  const files = new Map<string, string>()
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name)
      const isIgnored = ignoredFolders.has(entry.name) || (entry.name.startsWith('.') && entry.name !== dotFolder)
      if (entry.isDirectory() && !isIgnored) visit(path)
      if (!entry.isFile() || !textFile.test(entry.name)) continue
      const text = readFileSync(join(root, path), 'utf8')
      if (text.length <= fileBytesMax) files.set(path, text)
    }
  }
  visit('')
  return files
}

/** `text` with comments replaced by spaces; line breaks stay. */
export function withoutComments(text: string): string {
  const token = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return text.replace(token, (match) =>
    match.startsWith('//') || match.startsWith('/*') ? match.replace(/[^\n]/g, ' ') : match,
  )
}

/** Static and dynamic imports, re-exports, and module addresses in `new URL(…, import.meta.url)`. */
export function importsOf(text: string): Import[] {
  const source = withoutComments(text)
  const pattern =
    /\b(import|export)\s+(type\s+)?[\w*{][^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?<!['"])\bimport\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]|new URL\(\s*['"](\.[^'"]+\.js)['"]/g
  return [...source.matchAll(pattern)].map((match) => ({
    line: source.slice(0, match.index).split('\n').length,
    specifier: match[3] ?? match[4] ?? match[5] ?? match[6] ?? '',
    isType: match[2] !== undefined,
  }))
}

/** The project path that a relative specifier means: `./x.js` in src/a/b.ts → src/a/x.ts. */
export function resolveImport(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts')
}
