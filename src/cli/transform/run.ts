/** `penstock transform run`: a table through operations. */
import { Command, Option } from 'commander'
import { fileFormats, formatOf, outputFormatOf, outputFormats } from '../../files/formats.js'
import type { TransformedRows } from '../../files/tables/transform-file.js'
import type { Terminal } from '../shared/terminal.js'
import { readOpsFile } from './ops-file.js'

interface RunOptions {
  readonly table: string
  readonly tableFormat?: string
  readonly ops: string
  readonly out?: string
  readonly outFormat?: string
  readonly skipFailed?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock transform run --table wine.csv --ops fitted.json --out features.parquet
  $ penstock transform run --table rows.ndjson --ops fitted.json | head
  $ penstock transform run --table rows.csv --ops fitted.json --out good.csv --skip-failed`

export function transformRunCommand(terminal: Terminal): Command {
  return new Command('run')
    .summary('run operations over a table')
    .description('Runs fitted operations over the columns of a table in a file.')
    .requiredOption('--table <path>', 'a .csv, .json, .ndjson, .jsonl, .arrow or .parquet file, of any size')
    .requiredOption('--ops <path>', 'a JSON file: the operations, or a transform step')
    .option('--out <path>', 'where the columns go, by its ending (default: a record a line on stdout)')
    .option('--skip-failed', 'leave out rows that fail, instead of ending at the first')
    .addOption(new Option('--table-format <format>', 'of --table, if its ending does not tell').choices(fileFormats))
    .addOption(new Option('--out-format <format>', 'of --out, if its ending does not tell').choices(outputFormats))
    .addHelpText('after', EXAMPLES)
    .action(async (options: RunOptions) => {
      const { ops } = await readOpsFile(options.ops)
      const format = options.out === undefined ? null : outputFormatOf(options.out, options.outFormat)
      const { compileOps, openTable, recordPieces, Transform, transformedTables, writeOutput } = await loaded()
      const table = await openTable(options.table, formatOf(options.table, options.tableFormat))
      const told: TransformedRows = { rows: 0, failedRows: 0, firstFailure: null }
      const transform = new Transform(compileOps(ops, table.columns))
      const tables = transformedTables(transform, table, options.skipFailed === true, told)
      if (options.out !== undefined && format !== null) await writeOutput(options.out, format, tables)
      else
        for await (const part of tables)
          for (const piece of recordPieces(part, { separator: '.', isLines: true }))
            if (piece !== '') terminal.print(piece.trimEnd())
      tell(terminal, told, options.out)
    })
}

function tell(terminal: Terminal, { rows, failedRows, firstFailure }: TransformedRows, out: string | undefined): void {
  if (out !== undefined) terminal.note(`${(rows - failedRows).toLocaleString('en')} rows → ${out}`)
  if (firstFailure !== null)
    terminal.note(
      `${failedRows.toLocaleString('en')} of ${rows.toLocaleString('en')} rows failed and were left out. The first: ${firstFailure}`,
    )
}

/** The addon and the Arrow library, for this command alone. */
async function loaded() {
  const [{ compileOps }, { openTable }, { recordPieces }, { Transform }, { transformedTables }, { writeOutput }] =
    await Promise.all([
      import('../../transforms/program/compile.js'),
      import('../../files/tables/column-table.js'),
      import('../../formats/write-records.js'),
      import('../../transforms/program/transform.js'),
      import('../../files/tables/transform-file.js'),
      import('../../files/write-output.js'),
    ])
  return { compileOps, openTable, recordPieces, Transform, transformedTables, writeOutput }
}
