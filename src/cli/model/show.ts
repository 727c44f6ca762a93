/** `penstock model show`: one model, what its versions take and give, and whether and why their rows share batches. */
import { Command } from 'commander'
import type {
  LineageAnswer,
  ModelVersionAnswer,
  UploadedVersionAnswer,
} from '../../protocol/answers/generated/answers.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { classesText, formatBytes, formatField, formatTime, placementText } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Examples:
  $ penstock model show ccfraud                   the newest version
  $ penstock model show ccfraud@2
  $ penstock model show ccfraud@champion
  $ penstock model show ccfraud --json | jq .batching_proof`

export function modelShowCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('show'))
    .summary('show a model, and why its rows share batches or do not')
    .description(
      'Shows one version of a model: its fields, and whether rows of all callers share its batches, and why.',
    )
    .argument(
      '<model>',
      'name of the model, with @version, @alias or @stage, or models:/…; without: the newest version',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (reference: string, options: ServerOptions) => {
      const version = await serverOf(options).resolveModel(reference)
      terminal.print(options.json === true ? JSON.stringify(version) : describeVersion(version))
    })
}

/** The human form. */
export function describeVersion(version: UploadedVersionAnswer): string {
  const { name, aliases = [] } = version
  const lines = [
    `${name}@${version.version}  sha256 ${version.sha256.slice(0, 12)}  ${formatBytes(version.size_bytes)}  created ${formatTime(version.created_at)}`,
    `  inputs    ${(version.inputs ?? []).map(formatField).join(', ')}`,
    `  outputs   ${(version.outputs ?? []).map(formatField).join(', ')}`,
  ]
  for (const { name: output, classes } of version.outputs ?? [])
    if (classes !== undefined) lines.push(`  classes   ${output}: ${classesText(classes)}`)
  if (aliases.length > 0) lines.push(`  aliases   ${aliases.join(', ')}`)
  if ((version.tags ?? []).length > 0) lines.push(`  tags      ${version.tags?.join(', ')}`)
  if (version.providers !== undefined) lines.push(`  runs on   ${placementText(version)}`)
  lines.push(...lineageLines(version.lineage))
  for (const change of version.uploaded?.changes ?? []) lines.push(`  changed   ${change}`)
  lines.push(...batchingLines(version), ...runnerLines(version))
  if (version.remark !== undefined && version.remark !== '') lines.push(`  remark    ${version.remark}`)
  return lines.join('\n')
}

function lineageLines(lineage: LineageAnswer = {}): string[] {
  const { source, run_id: run, created_from: origin, dataset_digest: digest, metrics = {}, params = {} } = lineage
  const texts = { source, run, from: origin, dataset: digest }
  const lines = Object.entries(texts).flatMap(([title, text]) => (text === undefined ? [] : [lineOf(title, text)]))
  for (const [use, reference] of Object.entries(lineage.datasets ?? {})) lines.push(lineOf(use, `dataset ${reference}`))
  for (const [name, value] of Object.entries(metrics)) lines.push(lineOf('metric', `${name} ${value}`))
  for (const [name, value] of Object.entries(params)) lines.push(lineOf('param', `${name} ${value}`))
  return lines
}

function lineOf(title: string, text: string): string {
  return `  ${title.padEnd(10)}${text}`
}

/** Fields of strings go from JavaScript to the model, past what gathers rows, whatever the inspection found. */
function modeText({ batching = '-', inputs = [], outputs = [] }: ModelVersionAnswer): string {
  const hasStrings = [...inputs, ...outputs].some(({ dtype }) => dtype === 'string')
  return modes[batching === 'rows' && hasStrings ? 'whole' : batching] ?? 'unknown'
}

const modes: Readonly<Record<string, string>> = {
  rows: 'rows of all callers share runs',
  row: 'each row is a run of its own',
  whole: 'each request is a run of its own',
}

function batchingLines(version: ModelVersionAnswer): string[] {
  const { batching = '-', batching_proof: proof, copied_outputs: copied = [] } = version
  const lines = [`  batching  ${batching}: ${modeText(version)}`]
  if (proof === undefined)
    return [...lines, '  proof     none of this release: the model is inspected again when it is next deployed']
  const { basis, culprit, comparisons, difference, untried, override, found } = proof
  lines.push(`  proof     ${proofText(basis, comparisons)}`)
  if (override !== undefined) lines.push(`  override  by ${override.operator} at ${override.at}`)
  if (culprit !== null) {
    const node = culprit.node === '' ? '' : ` (node ${culprit.node})`
    lines.push(`  culprit   ${culprit.operator === '' ? '' : `${culprit.operator}${node}: `}${culprit.reason}`)
  }
  if (difference !== '') lines.push(`  seen      ${difference}`)
  for (const kinds of untried) lines.push(`  untried   ${kinds}: the model refuses such values`)
  if (found !== undefined)
    lines.push(
      `  found     at ${found.at} a row got another answer in a shared batch (output ${found.output}): rows run one by one`,
    )
  if (copied.length > 0)
    lines.push(`  copied    ${copied.join(', ')}: ONNX Runtime puts these elsewhere than it is told`)
  return lines
}

function runnerLines({ runner }: ModelVersionAnswer): string[] {
  if (runner === undefined) return []
  const { name, reason, rows } = runner
  const why = name === 'native-trees' ? `answers of ONNX Runtime, bit for bit, on ${rows} rows` : reason
  return [`  runner    ${name}: ${why}`]
}

function proofText(basis: string, comparisons: number): string {
  const tried = `${comparisons} row${comparisons === 1 ? '' : 's'} compared with runs by themselves`
  if (basis === 'graph') return `the graph keeps rows apart; ${tried}`
  if (basis === 'trial') return `by trial alone; ${tried} without a difference`
  if (basis === 'override') return `an operator's word; ${tried}`
  return 'none'
}
