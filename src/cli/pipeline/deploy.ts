/** `penstock pipeline deploy`: makes a version of a pipeline serve, without losing a request to the one before. */
import { Command } from 'commander'
import type { DescriptionAnswer, StatusAnswer } from '../../protocol/answers/generated/answers.js'
import { integerArgument } from '../shared/arguments.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatField } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

interface DeployOptions extends ServerOptions {
  readonly version?: number
  readonly wait: boolean
}

const EXAMPLES = `
Examples:
  $ penstock pipeline deploy wine                  the newest version
  $ penstock pipeline deploy wine --version 2      for example to go back
  $ penstock pipeline deploy wine --no-wait        \`penstock pipeline status wine\` tells how it goes`

export function pipelineDeployCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('deploy'))
    .summary('make a version of a pipeline serve')
    .description('Loads the models of a version and makes it serve. Requests under way finish on the version before.')
    .argument('<pipeline>', 'name of the pipeline')
    .option('--version <version>', 'number of the version (default: the newest)', integerArgument)
    .option('--no-wait', 'do not wait until it serves')
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, options: DeployOptions) => {
      const server = serverOf(options)
      const { version, wait } = options
      const work = (): Promise<DescriptionAnswer | StatusAnswer> =>
        wait ? server.deployPipeline(pipeline, version) : server.beginDeploy(pipeline, version)
      const answer = await withProgress(terminal, () => `deploying ${pipeline}`, work)
      terminal.print(options.json === true ? JSON.stringify(answer) : describe(answer))
    })
}

function describe(answer: DescriptionAnswer | StatusAnswer): string {
  if ('inputs' in answer) return describeDeployed(answer)
  return `${answer.name} is being deployed; \`penstock pipeline status ${answer.name}\` tells how it goes`
}

function describeDeployed(answer: DescriptionAnswer): string {
  return [
    `${answer.name} serves version ${answer.version}`,
    `  inputs   ${answer.inputs.map(formatField).join(', ')}`,
    `  outputs  ${answer.outputs.map(formatField).join(', ')}`,
    `  models   ${answer.models.map(({ name, version }) => `${name}@${version}`).join(', ')}`,
  ].join('\n')
}
