/** `penstock pipeline remove`: removes a pipeline with all its versions. */
import { Command } from 'commander'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Example:
  $ penstock pipeline undeploy wine && penstock pipeline remove wine

A deployed pipeline is refused. Its log stays on disk.`

export function pipelineRemoveCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('remove'))
    .summary('remove a pipeline')
    .description('Removes a pipeline with all its versions. It must not be deployed.')
    .argument('<pipeline>', 'name of the pipeline')
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, options: ServerOptions) => {
      const answer = await serverOf(options).removePipeline(pipeline)
      terminal.print(options.json === true ? JSON.stringify(answer ?? { removed: pipeline }) : `removed ${pipeline}`)
    })
}
