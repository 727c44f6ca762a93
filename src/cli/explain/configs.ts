/** `penstock explain configs`, `define`, `forget`: the configurations that a pipeline keeps. */
import { Command } from 'commander'
import { isRecord, parseJson, readInputText } from '../shared/input-data.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

const CONFIGS_EXAMPLES = `
Examples:
  $ penstock explain configs wine
  $ penstock explain configs wine --json | jq '.configs[0]'`

const DEFINE_EXAMPLES = `
Examples:
  $ penstock explain define wine by-feature '{"method":"occlusion","baseline":"mean"}'
  $ penstock explain define wine importance '{"method":"permutation","repeats":10}'
  $ penstock explain define wine by-group @groups.json`

const FORGET_EXAMPLES = `
Example:
  $ penstock explain forget wine by-feature`

export function explainConfigsCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('configs'))
    .summary('list configurations')
    .description('Lists the configurations of explanations that a pipeline keeps.')
    .argument('<pipeline>', 'name of the pipeline')
    .addHelpText('after', CONFIGS_EXAMPLES)
    .action(async (pipeline: string, options: ServerOptions) => {
      const answer = await serverOf(options).listConfigs(pipeline)
      terminal.print(options.json === true ? JSON.stringify(answer) : describeConfigs(answer.configs))
    })
}

export function explainDefineCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('define'))
    .summary('store a configuration')
    .description('Stores a configuration with a pipeline, in place of one of the same name.')
    .argument('<pipeline>', 'name of the pipeline')
    .argument('<config>', 'name of the configuration')
    .argument('<json>', 'what it is: JSON, @file, or - for stdin')
    .addHelpText('after', DEFINE_EXAMPLES)
    .action(async (pipeline: string, config: string, source: string, options: ServerOptions) => {
      const body = parseJson('the configuration', readInputText(terminal, 'the configuration', source))
      const answer = await serverOf(options).putConfig(pipeline, config, body)
      terminal.print(options.json === true ? JSON.stringify(answer) : `${pipeline} keeps ${config}`)
    })
}

export function explainForgetCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('forget'))
    .summary('remove a configuration')
    .description('Removes a configuration. Explanations that were begun with it go on.')
    .argument('<pipeline>', 'name of the pipeline')
    .argument('<config>', 'name of the configuration')
    .addHelpText('after', FORGET_EXAMPLES)
    .action(async (pipeline: string, config: string, options: ServerOptions) => {
      const answer = await serverOf(options).removeConfig(pipeline, config)
      terminal.print(options.json === true ? JSON.stringify(answer ?? { removed: config }) : `removed ${config}`)
    })
}

function describeConfigs(configs: readonly unknown[]): string {
  if (configs.length === 0) return 'There are no configurations yet. Store one with `penstock explain define`.'
  const rows = configs.filter(isRecord).map(({ name, method, ...others }) => [
    String(name),
    String(method),
    Object.entries(others)
      .map(([key, value]) => `${key} ${Array.isArray(value) ? `${value.length} of them` : JSON.stringify(value)}`)
      .join(', ') || '-',
  ])
  return formatTable([{ title: 'config' }, { title: 'method' }, { title: 'settings' }], rows)
}
