/**
 * Compiles src, bindings and bench to dist/ when they changed, and removes from dist/ what has no source any more: a
 * module that was renamed must not stay importable under its old name.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { runStep } from './machine.mjs'
import { digestOf, isCurrent, writeStamp } from './stamp.mjs'
import { swaggerUiFolder } from './swagger-ui.mjs'

const inputs = ['src', 'bindings', 'bench', 'tsconfig.json', 'package-lock.json']

export function buildTypeScript(root, isForced) {
  const dist = join(root, 'dist')
  const stampFile = join(dist, 'typescript.stamp')
  const isInput = (path) => !path.endsWith('.test.ts') && (path.endsWith('.ts') || path.endsWith('.json'))
  const digest = digestOf(root, inputs, isInput)
  if (!isForced && isCurrent(stampFile, digest)) return

  removeOrphans(root, dist)
  const tsc = createRequire(join(root, 'package.json')).resolve('typescript/bin/tsc')
  runStep('compile TypeScript', process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], {
    cwd: root,
    wayOut: 'Fix the errors above.',
  })
  writeStamp(stampFile, digest)
}

/** Emitted files (x.js, x.js.map, x.d.ts) whose x.ts is gone. */
export function removeOrphans(root, dist) {
  if (!existsSync(dist)) return
  for (const entry of readdirSync(dist, { withFileTypes: true, recursive: true })) {
    const match = entry.isFile() ? /^(.*?)(\.js|\.js\.map|\.d\.ts)$/.exec(entry.name) : null
    if (match === null) continue
    const folder = entry.parentPath ?? entry.path
    // Copied, not compiled.
    if (relative(dist, folder) === swaggerUiFolder) continue
    if (!existsSync(join(root, relative(dist, folder), `${match[1]}.ts`))) rmSync(join(folder, entry.name))
  }
}
