/** `penstock dataset get`: the file of a version, byte for byte. */
import { Command } from 'commander'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import { writeFile } from '../shared/output-file.js'
import type { Terminal } from '../shared/terminal.js'
import { datasetCalls, referenceOf, versionOf } from '../shared/datasets.js'

interface GetOptions extends ServerOptions {
  readonly out: string
}

const EXAMPLES = `
Examples:
  $ penstock dataset get wine@1 --out wines.csv
  $ penstock dataset get wine@latest --out wines.csv --json`

export function datasetGetCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('get'))
    .summary('download a dataset')
    .description('Writes the file of a version as it was given, byte for byte.')
    .argument('<dataset>', 'name, name@version or name@latest')
    .requiredOption('--out <path>', 'where it goes')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: GetOptions) => {
      const calls = await datasetCalls(options)
      const { name, version, sha256 } = await versionOf(calls, referenceOf(source))
      const bytes = await calls.readDataset(name, version)
      writeFile(options.out, bytes)
      const written = { name, version, sha256, out: options.out }
      terminal.print(
        options.json === true
          ? JSON.stringify(written)
          : `${name}@${version} (sha256 ${sha256.slice(0, 12)}) → ${options.out}`,
      )
    })
}
