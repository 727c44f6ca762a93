/** `penstock contract put`: stores a contract as its next version. */
import { Command } from 'commander'
import { UsageError } from '../shared/failures.js'
import { isRecord, parseJson, readFileText } from '../shared/input-data.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { contractCalls } from './source.js'

interface PutOptions extends ServerOptions {
  readonly name?: string
}

const EXAMPLES = `
Examples:
  $ penstock contract put wine.json
  $ penstock contract infer --model wine-gbt | penstock contract put - --name wine

A contract equal to the newest version is that version. Pipelines that name an earlier one keep it.`

export function contractPutCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('put'))
    .summary('store a contract')
    .description('Stores the contract in a JSON file as its next version, with all its mistakes told at once.')
    .argument('<file>', 'the JSON file, or - for stdin')
    .option('--name <name>', "name of the contract (default: the document's own)")
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: PutOptions) => {
      const text = file === '-' ? terminal.readInput().toString('utf8') : readFileText(file)
      const json = parseJson(file === '-' ? 'stdin' : file, text)
      const { name: own, ...members } = isRecord(json) ? json : { fields: json }
      const name = options.name ?? own
      if (typeof name !== 'string')
        throw new UsageError('Expected the contract to have a name. Put "name" into the file or pass --name.')
      const answer = await contractCalls(options).putContract(name, members)
      terminal.print(
        options.json === true
          ? JSON.stringify(answer)
          : `${name}, version ${answer.version}, is stored as ${name}@${answer.version}`,
      )
    })
}
