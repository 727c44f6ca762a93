/** `penstock pipeline undeploy`: takes a pipeline out of service; its versions stay. */
import { Command } from 'commander'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Example:
  $ penstock pipeline undeploy wine`

export function pipelineUndeployCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('undeploy'))
    .summary('take a pipeline out of service')
    .description('Takes a pipeline out of service once the requests under way have finished. Its versions stay.')
    .argument('<pipeline>', 'name of the pipeline')
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, options: ServerOptions) => {
      const answer = await serverOf(options).undeployPipeline(pipeline)
      terminal.print(options.json === true ? JSON.stringify(answer) : `${pipeline} is not deployed any more`)
    })
}
