/** `penstock contract diff`: what changed between two contracts, and for whom that breaks. */
import { Command, Option } from 'commander'
import type { ControlCalls } from '../../client/control/calls.js'
import { matchContractReference } from '../../contract/contract.js'
import type { ContractDiff, ContractUse, FailOn } from '../../contract/diff/diff.js'
import { type PipelineDefinition, modelReferences } from '../../pipeline/definition.js'
import { MissedError } from '../shared/failures.js'
import { isRecord } from '../shared/input-data.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { SOURCE_ARGUMENT, sourcedContract } from './source.js'

interface DiffOptions extends ServerOptions {
  readonly format: 'text' | 'markdown' | 'json'
  readonly failOn?: FailOn
}

const EXAMPLES = `
Examples:
  $ penstock contract diff wine@1 wine@2
  $ penstock contract diff wine wine.json --fail-on breaking
  $ penstock contract diff old.json new.json --format markdown

Breaking: a row that was taken is refused or means something else, or an answer lacks what it had. With a contract of the
server as the first, the pipelines that name a version of it, and their models, are listed.`

export function contractDiffCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('diff'))
    .summary('compare two contracts')
    .description(
      'Compares two contracts: what breaks callers, what does not, and which pipelines and models it reaches.',
    )
    .argument('<base>', SOURCE_ARGUMENT)
    .argument('<head>', 'the same: what takes its place')
    .addOption(
      new Option('--format <format>', 'how it is printed').choices(['text', 'markdown', 'json']).default('text'),
    )
    .addOption(new Option('--fail-on <level>', 'exit with 1 on such a difference').choices(['breaking', 'any']))
    .addHelpText('after', EXAMPLES)
    .action(async (base: string, head: string, options: DiffOptions) => {
      const [before, after] = [await sourcedContract(base, options), await sourcedContract(head, options)]
      const isStored = before.reference !== base || matchContractReference(base)?.version != null
      const uses = isStored ? await usesOf(serverOf(options), before.contract.contract.name) : []
      const { diffContracts, failsOn } = await import('../../contract/diff/diff.js')
      const diff = diffContracts(before.contract.contract, after.contract.contract, uses)
      terminal.print(await printed(`${before.reference} → ${after.reference}`, diff, options))
      if (options.failOn !== undefined && failsOn(diff, options.failOn))
        throw new MissedError(`${base} and ${head} differ, and --fail-on is ${options.failOn}`)
    })
}

async function printed(what: string, diff: ContractDiff, { format, json }: DiffOptions): Promise<string> {
  if (json === true || format === 'json') return JSON.stringify(diff)
  const { diffMarkdown, diffText } = await import('../../contract/diff/print.js')
  return format === 'markdown' ? diffMarkdown(what, diff) : diffText(what, diff)
}

/** Pipelines of which a version names the contract, the deployed one if it does, and their models. */
async function usesOf(server: ControlCalls, contract: string): Promise<ContractUse[]> {
  const { pipelines } = await server.listPipelines()
  const models = new Map<string, string[]>()
  const uses = pipelines.flatMap(({ name, versions, deployed_version: deployed }): ContractUse[] => {
    const naming = versions.flatMap((version) => {
      const named: unknown = isRecord(version) ? version['contract'] : undefined
      const reference = matchContractReference(named)
      return reference?.name === contract ? [{ ...version, named: String(named) }] : []
    })
    const shown = naming.find(({ version }) => version === deployed) ?? naming.at(-1)
    if (shown === undefined) return []
    for (const model of modelReferences({ name, steps: shown.steps } as PipelineDefinition))
      models.set(model, [...(models.get(model) ?? []), name])
    const state = shown.version === deployed ? ', deployed' : ''
    return [{ kind: 'pipeline', name, detail: `version ${shown.version}${state}, names ${shown.named}` }]
  })
  const behind = [...models].map(([name, users]): ContractUse => ({
    kind: 'model',
    name,
    detail: `of ${users.join(', ')}`,
  }))
  return [...uses, ...behind]
}
