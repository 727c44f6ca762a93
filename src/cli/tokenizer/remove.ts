/** `penstock tokenizer remove`: removes a version of a tokenizer, or all of it. */
import { Command } from 'commander'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { REFERENCE_ARGUMENT, referenceOf, tokenizerCalls } from './source.js'

const EXAMPLES = `
Examples:
  $ penstock tokenizer remove minilm@1            one version
  $ penstock tokenizer remove minilm              all of them

What a deployed pipeline names is refused.`

export function tokenizerRemoveCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('remove'))
    .summary('remove a tokenizer or a version of it')
    .description('Removes a version of a tokenizer, or the tokenizer with all its versions.')
    .argument('<tokenizer>', REFERENCE_ARGUMENT)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: ServerOptions) => {
      const { name, version } = referenceOf(source)
      const calls = await tokenizerCalls(options)
      await (version === null ? calls.removeTokenizer(name) : calls.removeTokenizerVersion(name, version))
      terminal.print(options.json === true ? JSON.stringify({ removed: source }) : `removed ${source}`)
    })
}
