/** `penstock dataset create`: stores a table as the next version of a dataset. */
import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { DATASET_FORMATS } from '../../base/dataset-reference.js'
import { formatOf } from '../../files/formats.js'
import { UsageError } from '../shared/failures.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { describeVersion } from './show.js'
import { datasetCalls } from '../shared/datasets.js'

interface CreateOptions extends ServerOptions {
  readonly split?: string
  readonly format?: string
}

const EXAMPLES = `
Examples:
  $ penstock dataset create wine wines.csv --split train
  $ penstock logs sql 'SELECT "in", out FROM wine' --format csv | penstock dataset create wine-log - --format csv

The file is kept byte for byte. The newest version again, in bytes, format and split, is that version.`

export function datasetCreateCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('create'))
    .summary('store a table as the next version of a dataset')
    .description('Stores a table as the next version of a dataset: immutable, with its schema, rows and SHA-256.')
    .argument('<name>', 'name of the dataset: letters, digits and hyphens')
    .argument('<file>', 'a CSV, JSON, NDJSON, Arrow or Parquet file, or - for stdin')
    .option('--split <name>', 'what part of the data it is: train, test …')
    .addOption(new Option('--format <format>', 'of the file, if its ending does not tell').choices(DATASET_FORMATS))
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, file: string, options: CreateOptions) => {
      if (file === '-' && options.format === undefined)
        throw new UsageError('Expected --format with stdin, which has no ending that tells.')
      const format = options.format ?? formatOf(file)
      const bytes = file === '-' ? terminal.readInput() : await bytesOf(file)
      const answer = await (
        await datasetCalls(options)
      ).createDataset(name, { bytes }, { format, split: options.split })
      terminal.print(options.json === true ? JSON.stringify(answer) : describeVersion(answer))
    })
}

async function bytesOf(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    throw new UsageError(`Cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}.`, { cause })
  })
}
