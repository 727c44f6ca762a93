/** `penstock tokenizer show`: one version of a tokenizer. */
import { Command } from 'commander'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { describeTokenizer, REFERENCE_ARGUMENT, referenceOf, tokenizerCalls } from './source.js'

const EXAMPLES = `
Examples:
  $ penstock tokenizer show minilm                the newest version
  $ penstock tokenizer show minilm@2 --json`

export function tokenizerShowCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('show'))
    .summary('show a tokenizer')
    .description('Shows one version of a tokenizer: its model, its vocabulary and what it puts around each text.')
    .argument('<tokenizer>', REFERENCE_ARGUMENT)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: ServerOptions) => {
      const { name, version } = referenceOf(source)
      const calls = await tokenizerCalls(options)
      // A tokenizer without versions is not listed.
      const number = version ?? (await calls.getTokenizer(name)).versions.at(-1)?.version ?? 1
      const found = await calls.getTokenizerVersion(name, number)
      terminal.print(options.json === true ? JSON.stringify(found) : describeTokenizer(found))
    })
}
