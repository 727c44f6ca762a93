/**
 * `penstock init`: writes a small project that works: a contract, a pipeline of a transform, a model and a script, a test, a
 * load. Its files are those of examples/project of this package; names and release are filled in. No file is overwritten.
 */
import { Command } from 'commander'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { packagePath, release } from '../../base/package-root.js'
import { UsageError } from '../shared/failures.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Examples:
  $ penstock init wine-service
  $ cd wine-service && npm install && npm test && npm run dev

Without a directory it is written here. A file that is there already is left as it is, and nothing is written.`

/** From where the project has its model. */
const MODEL = ['examples', 'models', 'wine-mlp', 'model.onnx'] as const

export function initCommand(terminal: Terminal): Command {
  return new Command('init')
    .summary('write a small project that works')
    .description('Writes a project: a contract, a pipeline with a transform and a script, a model, a test and a load.')
    .argument('[directory]', 'where; made if it is not there', '.')
    .addHelpText('after', EXAMPLES)
    .action(async (directory: string) => {
      const target = resolve(directory)
      await writeProject(target)
      const into = directory === '.' ? '' : `cd ${directory}\n  `
      terminal.print(`A project is in ${target}. Go on with:\n  ${into}npm install\n  npm test\n  npm run dev`)
    })
}

/** @throws UsageError naming the files that are in the way; nothing has been written then. */
async function writeProject(target: string): Promise<void> {
  const template = packagePath('examples', 'project')
  const files = await filesOf(template)
  const written = new Map<string, string>([
    ['package.json', packageJson(basename(target))],
    ['.gitignore', 'node_modules/\n.penstock/\n'],
  ])
  const model = join('models', 'wine', 'model.onnx')
  const present = [...files, ...written.keys(), model].filter((file) => existsSync(join(target, file)))
  if (present.length > 0) {
    const shown = `${present.slice(0, 5).join(', ')}${present.length > 5 ? ` and ${present.length - 5} more` : ''}`
    throw new UsageError(
      `Expected ${target} to have none of the project's files but it has ${shown}. Name another directory.`,
    )
  }
  for (const file of files) await copy(join(template, file), join(target, file))
  await copy(packagePath(...MODEL), join(target, model))
  for (const [file, text] of written) await writeFile(join(target, file), text, { flag: 'wx' })
}

async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort()
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(join(to, '..'), { recursive: true })
  await cp(from, to, { errorOnExist: true, force: false })
}

function packageJson(folder: string): string {
  // What npm takes as a name; a folder may be called anything.
  const name =
    folder
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, '-')
      .replaceAll(/^-+|-+$/g, '') || 'wine-service'
  const json = {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    scripts: { dev: 'penstock dev', test: 'node --test', bench: 'penstock bench bench/wine.json' },
    dependencies: { penstock: `^${release}` },
  }
  return `${JSON.stringify(json, null, 2)}\n`
}
