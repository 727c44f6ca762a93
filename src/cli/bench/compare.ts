/** `penstock bench compare`: two recordings side by side. */
import { Command } from 'commander'
import { basename } from 'node:path'
import { readFileText } from '../shared/input-data.js'
import { writeFile } from '../shared/output-file.js'
import { formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

interface CompareOptions {
  readonly report?: string
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock bench compare before.ndjson after.ndjson
  $ penstock bench compare before.ndjson after.ndjson --report change.html

The ratio is the second over the first. Warns when machine, transport or load differ: then it says little.`

export function benchCompareCommand(terminal: Terminal): Command {
  return new Command('compare')
    .summary('compare two recordings')
    .description('Compares two recordings that `penstock bench --save` wrote.')
    .argument('<first>', 'the recording that the ratios refer to')
    .argument('<second>', 'the other one')
    .option('--report <file>', 'write an HTML report')
    .option('--json', 'print JSON, and errors as JSON on stderr')
    .addHelpText('after', EXAMPLES)
    .action(async (first: string, second: string, options: CompareOptions) => {
      const [{ compareRecordings, ratioText }, { parseRecording }, { writeComparisonReport }] = await Promise.all([
        import('../../loadtest/report/compare.js'),
        import('../../loadtest/recording/recording.js'),
        import('../../loadtest/report/comparison-report.js'),
      ])
      const read = (path: string) => parseRecording(path, readFileText(path))
      const recordings = [read(first), read(second)] as const
      const names = namesOf(first, second)
      const comparison = compareRecordings(...recordings)
      if (options.report !== undefined) writeFile(options.report, writeComparisonReport(recordings, names, comparison))
      for (const warning of comparison.warnings) terminal.note(`warning: ${warning}`)
      const columns = ['', ...names, 'ratio'].map((title, index) =>
        index === 0 ? { title } : { title, align: 'right' as const },
      )
      const rows = comparison.figures.map(({ name, left, right, ratio }) => [name, left, right, ratioText(ratio)])
      terminal.print(options.json === true ? JSON.stringify(comparison) : formatTable(columns, rows))
      if (options.report !== undefined) terminal.note(`wrote ${options.report}`)
    })
}

/** File names without folders, unless that makes them equal. */
function namesOf(first: string, second: string): readonly [string, string] {
  const [left, right] = [basename(first, '.ndjson'), basename(second, '.ndjson')]
  return left === right ? [first, second] : [left, right]
}
