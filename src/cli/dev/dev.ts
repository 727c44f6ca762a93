/**
 * `penstock dev`: a server of what stands in a project's folder, which follows it: what is saved serves a moment later, and
 * what is broken is reported while the version before goes on serving. State is kept in the project's .penstock/.
 */
import { Command } from 'commander'
import { join, resolve } from 'node:path'
import type { Project, ProjectResult } from '../../project/project.js'
import { serve } from '../serve/serve.js'
import { type ServeOptions, withServeOptions } from '../serve/serve-options.js'
import type { Terminal } from '../shared/terminal.js'

/** Editors write a file in several steps, and people save several files: one look for all of them. */
const QUIET_MS = 100
const WATCHED = ['contracts', 'models', 'pipelines', 'scripts', 'transforms'] as const
const EXAMPLES = `
Examples:
  $ penstock init wine-service && cd wine-service && penstock dev
  $ penstock dev services/wine --port 9000

contracts/<name>.json, models/<name>/model.onnx (as champion) and pipelines/<name>.json are served; scripts/ and transforms/
hold what pipelines name. Scripts are allowed. All options of \`penstock serve\` are taken.`

export function devCommand(terminal: Terminal): Command {
  return withServeOptions(new Command('dev'))
    .summary('serve a project, and what is saved there')
    .description('Serves what stands in a folder, and follows it: what is saved is served, what is broken is reported.')
    .argument('[directory]', 'the project', '.')
    .addHelpText('after', EXAMPLES)
    .action(async (directory: string, options: ServeOptions) => {
      const folder = resolve(directory)
      const home = options.home ?? process.env['PENSTOCK_HOME'] ?? join(folder, '.penstock')
      await serve(terminal, { ...options, home, allowScripts: true }, async (engine) => {
        const { Project } = await import('../../project/project.js')
        const project = new Project(engine, folder)
        const follower = new Follower(project, terminal)
        await follower.look()
        return { start: () => follower.watch(folder), close: () => follower.close() }
      })
    })
}

/** Looks at the project when something has changed, one look at a time. */
class Follower {
  readonly #project: Project
  readonly #terminal: Terminal
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  #closeWatcher: () => Promise<void> = () => Promise.resolve()
  #told = ''
  #isClosed = false

  constructor(project: Project, terminal: Terminal) {
    this.#project = project
    this.#terminal = terminal
  }

  async look(): Promise<void> {
    this.#tell(await this.#project.apply())
  }

  async watch(folder: string): Promise<void> {
    const { watch } = await import('chokidar')
    const watcher = watch(
      WATCHED.map((name) => join(folder, name)),
      { ignoreInitial: true },
    )
    this.#closeWatcher = () => watcher.close()
    watcher.on('all', () => this.#soon())
    watcher.on('error', (error) => this.#terminal.note(`The project cannot be watched: ${String(error)}`))
    await new Promise<void>((resolve) => watcher.once('ready', resolve))
    // What was saved while the server started.
    this.#soon()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#closeWatcher()
    await this.#looking
  }

  #soon(): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#looking = this.#looking
        .then(() => (this.#isClosed ? undefined : this.look()))
        .catch((error: unknown) => this.#terminal.note(error instanceof Error ? error.message : String(error)))
    }, QUIET_MS)
  }

  /** What is wrong is reported once, and that it is not any more. */
  #tell({ changes, problems }: ProjectResult): void {
    for (const change of changes) this.#terminal.print(change)
    const told = problems.map(({ file, error }) => `${file}: ${error.message} (${error.code})`).join('\n')
    if (told !== this.#told) this.#terminal.print(told === '' ? 'No file is broken any more' : told)
    this.#told = told
  }
}
