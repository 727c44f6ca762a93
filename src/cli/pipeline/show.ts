/** `penstock pipeline show`: one version of a pipeline, as steps, as its models, or as the definition that `apply` takes. */
import { Command, Option } from 'commander'
import type {
  PipelineAnswer,
  PipelineModelAnswer,
  PipelineVersionAnswer,
} from '../../protocol/answers/generated/answers.js'
import type { ControlCalls } from '../../client/control/calls.js'
import { integerArgument } from '../shared/arguments.js'
import { describeStep } from './list.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatField, formatTable, formatTime, placementText } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

interface ShowOptions extends ServerOptions {
  readonly version?: number
  readonly models?: boolean
  readonly definition?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock pipeline show wine
  $ penstock pipeline show wine --version 2 --models
  $ penstock pipeline show wine --version 2 --definition > wine.json && penstock pipeline apply wine.json`

export function pipelineShowCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('show'))
    .summary('show a version of a pipeline')
    .description('Shows the versions of a pipeline and the steps of one: of the one that serves, else of the newest.')
    .argument('<pipeline>', 'name of the pipeline')
    .option('--version <version>', 'number of the version', integerArgument)
    .option('--models', 'show the models of its steps, and how each is fed')
    .addOption(new Option('--definition', 'print its definition, as `pipeline apply` takes it').conflicts('models'))
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, options: ShowOptions) => {
      terminal.print(await show(serverOf(options), pipeline, options))
    })
}

async function show(server: ControlCalls, pipeline: string, options: ShowOptions): Promise<string> {
  const answer = await server.getPipeline(pipeline)
  const version = await chosenVersion(server, pipeline, answer, options.version)
  if (options.definition === true) return JSON.stringify(definitionOf(answer.name, version), null, 2)
  if (options.models !== true) {
    const { deployed_version: deployed } = answer
    if (options.json === true)
      return JSON.stringify({ name: answer.name, ...version, deployed: deployed === version.version })
    return describeVersion(answer, version)
  }
  const models = await server.pipelineModels(pipeline, version.version)
  return options.json === true ? JSON.stringify(models) : describeModelsOf(models.models)
}

async function chosenVersion(
  server: ControlCalls,
  pipeline: string,
  { versions, deployed_version: deployed }: PipelineAnswer,
  wanted: number | undefined,
): Promise<PipelineVersionAnswer> {
  const version = wanted ?? deployed ?? versions.at(-1)?.version
  const found = versions.find((candidate) => candidate.version === version)
  // The server has the words for a version that is not there.
  return found ?? server.getPipelineVersion(pipeline, version ?? 1)
}

/** Everything of a version but what the server has added. */
export function definitionOf(name: string, answer: PipelineVersionAnswer): Record<string, unknown> {
  const { version: _version, created_at: _createdAt, ...definition } = answer
  return { name, ...definition }
}

export function describeVersion(pipeline: PipelineAnswer, version: PipelineVersionAnswer): string {
  const { name, deployed_version: deployed, versions, tags = [] } = pipeline
  const numbers = versions.map((candidate) => candidate.version).join(', ')
  return [
    `${name}, version ${version.version}${deployed === version.version ? ', which serves' : ''} (of ${numbers})`,
    `  stored   ${formatTime(version.created_at)}`,
    `  changed  ${formatTime(pipeline.updated_at ?? '-')}`,
    `  tags     ${tags.join(', ') || 'none'}`,
    ...('contract' in version ? [`  contract ${String(version.contract)}`] : []),
    '',
    ...version.steps.map((step, index) => `${String(index).padStart(3)}  ${describeStep(step)}`),
  ].join('\n')
}

const MODEL_COLUMNS = [
  { title: 'step', align: 'right' },
  { title: 'reference' },
  { title: 'version', align: 'right' },
  { title: 'fed as' },
  { title: 'inputs' },
  { title: 'outputs' },
  { title: 'runs on' },
] as const

function describeModelsOf(models: readonly PipelineModelAnswer[]): string {
  const rows = models.map(({ step, reference, model, tensor_fields: tensorFields }) => [
    String(step),
    reference,
    String(model?.version ?? '-'),
    tensorFields?.join(', ') ?? '-',
    model?.inputs?.map(formatField).join(', ') ?? '-',
    model?.outputs?.map(formatField).join(', ') ?? '-',
    model === null ? '-' : placementText(model),
  ])
  return formatTable(MODEL_COLUMNS, rows)
}
