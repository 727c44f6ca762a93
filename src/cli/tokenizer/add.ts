/** `penstock tokenizer add`: stores a tokenizer.json as the next version of a tokenizer. */
import { Command } from 'commander'
import { readFileSync, statSync } from 'node:fs'
import { TOKENIZER_BYTES_MAX } from '../../base/limits/text-limits.js'
import { UsageError } from '../shared/failures.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { describeTokenizer, tokenizerCalls } from './source.js'

const EXAMPLES = `
Examples:
  $ penstock tokenizer add minilm tokenizer.json
  $ penstock tokenizer add minilm tokenizer.json --json | jq .vocabulary_size

The file is the tokenizer.json that stands beside a model of Hugging Face. The bytes of the newest version are that version.`

export function tokenizerAddCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('add'))
    .summary('store a tokenizer.json as the next version of a tokenizer')
    .description(
      'Stores a tokenizer.json of Hugging Face, for the steps of type tokenise. The server loads it once before.',
    )
    .argument('<name>', 'name of the tokenizer')
    .argument('<file>', 'the tokenizer.json')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, file: string, options: ServerOptions) => {
      const added = await (await tokenizerCalls(options)).addTokenizer(name, readTokenizer(file))
      terminal.print(options.json === true ? JSON.stringify(added) : describeTokenizer(added))
    })
}

function readTokenizer(file: string): Uint8Array {
  try {
    const { size } = statSync(file)
    if (size <= TOKENIZER_BYTES_MAX) return readFileSync(file)
    throw new UsageError(`Expected ${file} to have at most ${TOKENIZER_BYTES_MAX} bytes but received ${size}.`)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`Could not read ${file}: ${error instanceof Error ? error.message : String(error)}.`)
  }
}
