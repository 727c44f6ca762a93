/** `penstock contract rows`: made-up rows of a contract, valid or broken, a line each. */
import { Command } from 'commander'
import { seededRandom } from '../../base/random.js'
import { countArgument, integerArgument } from '../shared/arguments.js'
import { UsageError } from '../shared/failures.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { SOURCE_ARGUMENT, sourcedContract } from './source.js'

interface RowsOptions extends ServerOptions {
  readonly count: number
  readonly seed: number
  readonly invalid?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock contract rows wine@2 --count 1000 > rows.ndjson
  $ penstock contract rows wine.json --invalid --seed 7

The same seed makes the same rows. With --invalid each row breaks one rule, which stands beside it.`

export function contractRowsCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('rows'))
    .summary('make up rows of a contract')
    .description(
      'Prints rows that are made up: within bounds, accepted values and patterns; or ones that break a rule.',
    )
    .argument('<contract>', SOURCE_ARGUMENT)
    .option('--count <count>', 'how many', integerArgument, 10)
    .option('--seed <seed>', 'of the numbers that they are made of', countArgument, 1)
    .option('--invalid', 'rows that break one rule each: {"row": …, "field": …, "rule": …}')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: RowsOptions) => {
      const { reference, contract } = await sourcedContract(source, options)
      const { RowGenerator } = await import('../../contract/derived/generate.js')
      const made = new RowGenerator(contract, seededRandom(options.seed))
      for (let index = 0; index < options.count; index++) {
        const row = options.invalid === true ? made.invalid() : made.valid()
        if (row === null)
          throw new UsageError(`Expected a contract with rules that can be broken but received ${reference}.`)
        terminal.print(JSON.stringify(row))
      }
    })
}
