/** `penstock tokenizer list`: the tokenizers of a server. */
import { Command } from 'commander'
import type { TokenizerRecordAnswer } from '../../protocol/answers/generated/answers.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatBytes, formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'
import { tokenizerCalls } from './source.js'

const EXAMPLES = `
Examples:
  $ penstock tokenizer list
  $ penstock tokenizer list --json | jq -r '.tokenizers[].name'`

const COLUMNS = [
  { title: 'tokenizer' },
  { title: 'versions', align: 'right' },
  { title: 'newest', align: 'right' },
  { title: 'model' },
  { title: 'tokens', align: 'right' },
  { title: 'size', align: 'right' },
  { title: 'updated (utc)' },
] as const

export function tokenizerListCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('list'))
    .summary('list tokenizers')
    .description('Lists the tokenizers, and what the newest version of each is.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServerOptions) => {
      const answer = await (await tokenizerCalls(options)).listTokenizers()
      terminal.print(options.json === true ? JSON.stringify(answer) : describeTokenizers(answer.tokenizers))
    })
}

export function describeTokenizers(tokenizers: readonly TokenizerRecordAnswer[]): string {
  if (tokenizers.length === 0)
    return 'There are no tokenizers yet. Add one with `penstock tokenizer add <name> <tokenizer.json>`.'
  const rows = tokenizers.map(({ name, versions, updated_at: updatedAt }) => {
    const newest = versions.at(-1)
    return [
      name,
      String(versions.length),
      String(newest?.version ?? '-'),
      newest?.model ?? '-',
      String(newest?.vocabulary_size ?? '-'),
      newest === undefined ? '-' : formatBytes(newest.size_bytes),
      formatTime(updatedAt),
    ]
  })
  return formatTable(COLUMNS, rows)
}
