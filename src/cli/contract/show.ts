/** `penstock contract show`: one version of a contract, a line a field. */
import { Command } from 'commander'
import type { ResolvedContract, ResolvedField } from '../../contract/resolve.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'
import { SOURCE_ARGUMENT, sourcedContract } from './source.js'

const EXAMPLES = `
Examples:
  $ penstock contract show wine                   the newest version
  $ penstock contract show wine@2
  $ penstock contract show wine@2 --json > wine.json`

const COLUMNS = [
  { title: 'field' },
  { title: 'role' },
  { title: 'dtype' },
  { title: 'rules' },
  { title: 'invalid' },
] as const

export function contractShowCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('show'))
    .summary('show a contract')
    .description('Shows one version of a contract; with --json the document as it is stored.')
    .argument('<contract>', SOURCE_ARGUMENT)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: ServerOptions) => {
      const { reference, contract } = await sourcedContract(source, options)
      terminal.print(
        options.json === true ? JSON.stringify(contract.contract, null, 2) : describeContract(reference, contract),
      )
    })
}

export function describeContract(reference: string, { contract, extra, inputs, outputs }: ResolvedContract): string {
  const { description, contacts = [] } = contract
  const rows = [...inputs, ...outputs].map((field) => [
    field.name,
    field.role,
    `${field.source.dtype}${field.shape.length === 0 ? '' : JSON.stringify(field.shape.map((dim) => dim ?? '?')).replaceAll('"', '')}`,
    rulesText(field) || '-',
    inputs.includes(field) ? field.onInvalid : '-',
  ])
  return [
    `${reference}  extra members: ${extra}`,
    ...(description === undefined ? [] : [`  ${description}`]),
    ...(contacts.length === 0 ? [] : [`  contacts: ${contacts.join(', ')}`]),
    '',
    formatTable(COLUMNS, rows),
  ].join('\n')
}

const valuesShownMax = 8

function rulesText({
  bounds,
  values,
  pattern,
  minLength,
  maxLength,
  isUnique,
  isRequired,
  role,
  impute,
  source,
}: ResolvedField): string {
  const shown = [...(values ?? [])].slice(0, valuesShownMax).map(String)
  const more = (values?.size ?? 0) > shown.length ? ` … (${values?.size})` : ''
  return [
    ...bounds.map(({ rule, value }) => `${rule} ${value}`),
    values === null ? '' : `one of ${shown.join(' ')}${more}`,
    pattern === null ? '' : `matches ${pattern.text}`,
    minLength > 0 ? `length ≥ ${minLength}` : '',
    maxLength < Infinity ? `length ≤ ${maxLength}` : '',
    isUnique ? 'unique' : '',
    isRequired || role === 'target' ? '' : 'optional',
    impute === undefined ? '' : `missing: ${JSON.stringify(impute)}`,
    source.class === undefined ? '' : `of ${source.class}`,
    source.from === undefined
      ? ''
      : `from ${[source.from.output, source.from.column].filter((one) => one !== undefined).join('.')}`,
  ]
    .filter((text) => text !== '')
    .join(', ')
}
