/** `penstock transform fit`: learns the constants of operations from a table. */
import { Command, Option } from 'commander'
import { fileFormats, formatOf } from '../../files/formats.js'
import { writeFile } from '../shared/output-file.js'
import type { Terminal } from '../shared/terminal.js'
import { TABLE_ARGUMENT, withTable } from '../shared/datasets.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import { readOpsFile } from './ops-file.js'

interface FitOptions extends ServerOptions {
  readonly table: string
  readonly tableFormat?: string
  readonly ops: string
  readonly out?: string
}

const EXAMPLES = `
Examples:
  $ penstock transform fit --table wine.csv --ops ops.json --out fitted.json
  $ penstock transform fit --table dataset:wine@1 --ops ops.json
  $ penstock transform fit --table train.parquet --ops step.json > fitted.json

What is there already stays: mean, scale, categories … are learnt where they are left out. Operations are fitted in
their order, each on the rows as those before it make them. Nothing is learnt of the order of the rows.`

export function transformFitCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('fit'))
    .summary('learn the constants of operations from a table')
    .description('Learns the constants that operations lack, such as means and categories, from a table in a file.')
    .requiredOption(
      '--table <path>',
      `a .csv, .json, .ndjson, .jsonl, .arrow or .parquet file, of any size: ${TABLE_ARGUMENT}`,
    )
    .requiredOption('--ops <path>', 'a JSON file: the operations, or a transform step')
    .option('--out <path>', 'where the fitted operations go (default: stdout)')
    .addOption(new Option('--table-format <format>', 'of --table, if its ending does not tell').choices(fileFormats))
    .addHelpText('after', EXAMPLES)
    .action(async (options: FitOptions) => {
      const { table, tableFormat, ops: opsPath, out } = options
      const file = await readOpsFile(opsPath)
      const { fitOps, openTable } = await loaded()
      const fitted = await withTable(table, tableFormat, options, async (path, format) =>
        file.print(await fitOps(file.ops, await openTable(path, formatOf(path, format)))),
      )
      if (out === undefined) return terminal.print(fitted.trimEnd())
      writeFile(out, fitted)
      terminal.note(`${file.ops.length} operations → ${out}`)
    })
}

/** The addon and the Arrow library, for this command alone. */
async function loaded() {
  const [{ fitOps }, { openTable }] = await Promise.all([
    import('../../transforms/fit/fit.js'),
    import('../../files/tables/column-table.js'),
  ])
  return { fitOps, openTable }
}
