/** `penstock explain`: why a pipeline answers as it does. The group of commands. */
import { Command } from 'commander'
import { explainConfigsCommand, explainDefineCommand, explainForgetCommand } from './configs.js'
import { explainCancelCommand, explainListCommand, explainShowCommand } from './jobs.js'
import { explainRunCommand } from './run.js'
import type { Terminal } from '../shared/terminal.js'

export function explainCommands(terminal: Terminal): Command {
  return new Command('explain')
    .summary('explain answers: what each input adds, how much each matters')
    .description('Explanations by occlusion and permutation: jobs in the background of a running server.')
    .addCommand(explainRunCommand(terminal))
    .addCommand(explainListCommand(terminal))
    .addCommand(explainShowCommand(terminal))
    .addCommand(explainCancelCommand(terminal))
    .addCommand(explainConfigsCommand(terminal))
    .addCommand(explainDefineCommand(terminal))
    .addCommand(explainForgetCommand(terminal))
}
