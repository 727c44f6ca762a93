/** `penstock dataset remove`: removes a version of a dataset, or all of it. */
import { Command } from 'commander'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { datasetCalls, referenceOf } from '../shared/datasets.js'

interface RemoveOptions extends ServerOptions {
  readonly force?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock dataset remove wine@1           one version
  $ penstock dataset remove wine             all of them
  $ penstock dataset remove wine@1 --force   though a model was trained on it

What the lineage of a model names is refused without --force.`

export function datasetRemoveCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('remove'))
    .summary('remove a dataset or a version of it')
    .description('Removes a version of a dataset, or the dataset with all its versions.')
    .argument('<dataset>', 'name, or name@version')
    .option('--force', 'though the lineage of a model names it')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: RemoveOptions) => {
      const { name, version } = referenceOf(source)
      const calls = await datasetCalls(options)
      const isForced = options.force === true
      await (version === null
        ? calls.removeDataset(name, isForced)
        : calls.removeDatasetVersion(name, version, isForced))
      terminal.print(options.json === true ? JSON.stringify({ removed: source }) : `removed ${source}`)
    })
}
