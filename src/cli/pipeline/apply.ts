/** `penstock pipeline apply`: stores a pipeline's definition as its next version, and deploys it on demand. */
import { Command } from 'commander'
import { dirname } from 'node:path'
import type { StoredVersionAnswer } from '../../protocol/answers/generated/answers.js'
import { UsageError } from '../shared/failures.js'
import { isRecord, parseJson, readFileText } from '../shared/input-data.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

interface ApplyOptions extends ServerOptions {
  readonly name?: string
  readonly deploy?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock pipeline apply wine.json --deploy
  $ echo '{"name":"wine","steps":[{"type":"model","model":"wine-gbt@champion"}]}' | penstock pipeline apply -

The file of a script step, and operations of a transform step that are the name of a file, are read beside the definition.
A definition equal to the newest version is that version; otherwise it becomes the next one. Without --deploy the
version that serves does not change.`

export function pipelineApplyCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('apply'))
    .summary("store a pipeline's definition, and deploy it")
    .description(
      'Stores the definition in a JSON file, {"name": …, "contract": …, "steps": […], "log": {…}}, as the next version of the pipeline.',
    )
    .argument('<file>', 'the JSON file, or - for stdin')
    .option('--name <name>', "name of the pipeline (default: the definition's own)")
    .option('--deploy', 'deploy the version at once')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: ApplyOptions) => {
      const text = file === '-' ? terminal.readInput().toString('utf8') : readFileText(file)
      const { readDefinitionFiles } = await import('../../project/definition-files.js')
      const json = parseJson(file === '-' ? 'stdin' : file, text)
      // Relative to the definition; of stdin, to where the command runs.
      const read = await readDefinitionFiles(json, file === '-' ? '.' : dirname(file))
      const { name, ...definition } = readDefinition(read, options.name)
      const isDeployed = options.deploy === true
      const server = serverOf(options)
      const answer = await withProgress(
        terminal,
        () => `${isDeployed ? 'deploying' : 'storing'} ${name}`,
        () => server.applyPipeline(name, definition, isDeployed),
      )
      terminal.print(options.json === true ? JSON.stringify(answer) : describeApplied(answer))
    })
}

/** Takes `{"name", "steps"}`, or with --name also a bare array of steps. What the steps hold is the server's to check. */
export function readDefinition(
  value: unknown,
  nameOption: string | undefined,
): { name: string; steps: unknown; contract?: unknown; log?: unknown } {
  const name = nameOption ?? (isRecord(value) ? value['name'] : undefined)
  const steps = isRecord(value) ? value['steps'] : value
  if (typeof name !== 'string')
    throw new UsageError('Expected the definition to have a name. Put "name" into the file or pass --name.')
  if (!Array.isArray(steps))
    throw new UsageError('Expected the definition to have an array of steps: {"name": …, "steps": […]}.')
  const { contract, log } = isRecord(value) ? value : {}
  return { name, steps, ...(contract === undefined ? {} : { contract }), ...(log === undefined ? {} : { log }) }
}

function describeApplied(answer: StoredVersionAnswer): string {
  const state = answer.deployed ? 'is deployed' : 'is stored; deploy it with `penstock pipeline deploy`'
  return `${answer.name}, version ${answer.version}, ${state}`
}
