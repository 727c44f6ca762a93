/** `penstock contract list`: the contracts of a server. */
import { Command } from 'commander'
import type { ContractRecordAnswer } from '../../protocol/answers/generated/answers.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'
import { contractCalls } from './source.js'

const EXAMPLES = `
Examples:
  $ penstock contract list
  $ penstock contract list --json | jq -r '.contracts[].name'`

const COLUMNS = [
  { title: 'contract' },
  { title: 'versions', align: 'right' },
  { title: 'newest', align: 'right' },
  { title: 'updated (utc)' },
  { title: 'rows have' },
  { title: 'answers have' },
] as const

export function contractListCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('list'))
    .summary('list contracts')
    .description('Lists the contracts, and what the newest version of each has as fields.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServerOptions) => {
      const answer = await contractCalls(options).listContracts()
      terminal.print(options.json === true ? JSON.stringify(answer) : describeContracts(answer.contracts))
    })
}

const answered: ReadonlySet<string> = new Set(['prediction', 'probability', 'modelVersion'])
const shownMax = 6

export function describeContracts(contracts: readonly ContractRecordAnswer[]): string {
  if (contracts.length === 0) return 'There are no contracts yet. Add one with `penstock contract put <file.json>`.'
  const rows = contracts.map(({ name, versions, updated_at: updatedAt }) => {
    const newest = versions.at(-1)
    const fields = newest?.contract.fields ?? []
    const isAnswer = ({ role = 'feature' }: { readonly role?: string }): boolean => answered.has(role)
    return [
      name,
      String(versions.length),
      String(newest?.version ?? '-'),
      formatTime(updatedAt),
      namesOf(fields.filter((field) => !isAnswer(field))),
      namesOf(fields.filter(isAnswer)),
    ]
  })
  return formatTable(COLUMNS, rows)
}

function namesOf(fields: readonly { readonly name: string }[]): string {
  const names = fields.slice(0, shownMax).map(({ name }) => name)
  if (fields.length > shownMax) names.push(`… (${fields.length})`)
  return names.join(', ') || '-'
}
