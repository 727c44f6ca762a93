/** `penstock model reconcile`: gives the registry what the watched places have of a model, now. */
import { Command } from 'commander'
import type { ReconciliationAnswer } from '../../protocol/answers/generated/answers.js'
import { MissedError } from '../shared/failures.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Examples:
  $ penstock model reconcile wine

Versions that are missing are added and aliases point where the places say, also those that somebody moved by hand. Nothing is
removed. What failed before is tried again at once. What cannot be taken is printed, and the command ends with 1.`

export function modelReconcileCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('reconcile'))
    .summary('take what watched places have of a model now')
    .description('Looks at the places that the server watches, and gives the registry what they have of a model.')
    .argument('<model>', 'name of the model')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, options: ServerOptions) => {
      const server = serverOf(options)
      const answer = await withProgress(
        terminal,
        () => `reconciling ${model}`,
        () => server.reconcile(model),
      )
      const { reconciliations } = answer
      terminal.print(
        options.json === true ? JSON.stringify(answer) : reconciliations.map(describeReconciled).join('\n'),
      )
      const count = reconciliations.flatMap(({ problems }) => problems).length
      if (count > 0) throw new MissedError(`${count} of what the places have of ${model} could not be taken.`)
    })
}

export function describeReconciled({ model, place, added, moved, problems }: ReconciliationAnswer): string {
  const lines = [
    ...added.map(({ version, source }) => `${model}@${version} was taken from ${source}`),
    ...moved.map(
      ({ alias, from, to }) => `${model}@${alias} is version ${to}${from === null ? '' : `, was version ${from}`}`,
    ),
  ]
  if (lines.length === 0 && problems.length === 0) return `${model} is as ${place} has it`
  return [...lines, ...problems].join('\n')
}
