/** `penstock model list`: models, versions, aliases and signatures. */
import { Command } from 'commander'
import type { ModelAnswer, ModelVersionAnswer } from '../../protocol/answers/generated/answers.js'
import { aliasesOf } from '../../pipeline/model-reference.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { type Column, formatBytes, formatField, formatTable, formatTime, placementText } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

interface ListOptions extends ServerOptions {
  readonly versions?: boolean
  readonly search?: string
}

const EXAMPLES = `
Examples:
  $ penstock model list
  $ penstock model list --versions
  $ penstock model list --search keras             names and tags with "keras" in them
  $ penstock model list --json | jq -r '.models[].name'`

const COLUMNS: readonly Column[] = [
  { title: 'model', isKept: true },
  { title: 'version', align: 'right', isKept: true },
  { title: 'aliases' },
  { title: 'size', align: 'right', isKept: true },
  // Only the day, where the time has no room.
  { title: 'created (utc)', isKept: true, short: { title: 'created', of: (time) => time.slice(0, 10) } },
  { title: 'inputs' },
  { title: 'outputs' },
]

export function modelListCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('list'))
    .summary('list models')
    .description('Lists the models with their aliases, and the newest version of each.')
    .option('--versions', 'list every version, not only the newest and those with an alias')
    .option('--search <text>', 'only models with this text in their name, and versions with it in a tag')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ListOptions) => {
      const answer = await serverOf(options).listModels(options.search)
      terminal.print(
        options.json === true ? JSON.stringify(answer) : describeListed(answer.models, options, terminal.printColumns),
      )
    })
}

/** All versions that a search has found are shown. */
function describeListed(models: readonly ModelAnswer[], { versions, search }: ListOptions, width = 0): string {
  if (models.length === 0 && search !== undefined) return `No model has ${JSON.stringify(search)} in its name or tags.`
  return describeModels(models, versions === true || search !== undefined, width)
}

/**
 * The human form; `isEvery` shows versions that are neither the newest nor have an alias.
 * @param width of the terminal; 0: lines of any length.
 */
export function describeModels(models: readonly ModelAnswer[], isEvery: boolean, width = 0): string {
  if (models.length === 0) return 'There are no models yet. Add one with `penstock model add <file.onnx>`.'
  const all = models.flatMap(({ versions }) => versions)
  // Most servers run everything on the CPU, and many models have no tags: no column then.
  const optional = [
    { title: 'runs on', cellOf: placementText },
    { title: 'tags', cellOf: (version: ModelVersionAnswer) => (version.tags ?? []).join(', ') || '-' },
  ].filter(({ cellOf }) => all.some((version) => cellOf(version) !== '-'))
  const rows = models.flatMap((model) => {
    const aliased = new Set([...Object.values(model.aliases), ...(model.archived ?? []).slice(-1)])
    const newest = model.versions.at(-1)?.version
    const isShown = ({ version }: ModelVersionAnswer) => isEvery || version === newest || aliased.has(version)
    return model.versions
      .filter(isShown)
      .map((version) => [...rowOf(model, version), ...optional.map(({ cellOf }) => cellOf(version))])
  })
  return formatTable([...COLUMNS, ...optional.map(({ title }) => ({ title }))], rows, width)
}

function rowOf(model: ModelAnswer, version: ModelVersionAnswer): string[] {
  const aliases = aliasesOf(model, version.version)
  return [
    model.name,
    String(version.version),
    aliases.join(', ') || '-',
    formatBytes(version.size_bytes),
    formatTime(version.created_at),
    (version.inputs ?? []).map(formatField).join(', ') || '-',
    (version.outputs ?? []).map(formatField).join(', ') || '-',
  ]
}
