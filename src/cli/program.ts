/** The command line as a table of contents; each command is a file of its own. */
import { Command } from 'commander'
import { benchCommand } from './bench/bench.js'
import { contractCheckCommand } from './contract/check.js'
import { contractDiffCommand } from './contract/diff.js'
import { contractInferCommand } from './contract/infer.js'
import { contractListCommand } from './contract/list.js'
import { contractPutCommand } from './contract/put.js'
import { contractRemoveCommand } from './contract/remove.js'
import { contractRowsCommand } from './contract/rows-command.js'
import { contractShowCommand } from './contract/show.js'
import { contractTypesCommand } from './contract/types.js'
import { datasetCreateCommand } from './dataset/create.js'
import { datasetGetCommand } from './dataset/get.js'
import { datasetListCommand } from './dataset/list.js'
import { datasetRemoveCommand } from './dataset/remove.js'
import { datasetShowCommand } from './dataset/show.js'
import { devCommand } from './dev/dev.js'
import { explainCommands } from './explain/explain.js'
import { inferCommand } from './infer/infer.js'
import { initCommand } from './init/init.js'
import { keysCreateCommand } from './keys/create.js'
import { keysListCommand } from './keys/list.js'
import { keysRevokeCommand } from './keys/revoke.js'
import { logsCommand } from './logs/logs.js'
import { modelAddCommand } from './model/add.js'
import { modelAliasCommand } from './model/alias.js'
import { modelImportCommand } from './model/import.js'
import { modelListCommand } from './model/list.js'
import { modelShowCommand } from './model/show.js'
import { modelRemoveCommand } from './model/remove.js'
import { modelReconcileCommand } from './model/reconcile.js'
import { modelSourcesCommand } from './model/sources.js'
import { modelTagCommand } from './model/tag.js'
import { pipelineApplyCommand } from './pipeline/apply.js'
import { pipelineDeployCommand } from './pipeline/deploy.js'
import { pipelineListCommand } from './pipeline/list.js'
import { pipelineRemoveCommand } from './pipeline/remove.js'
import { pipelineShowCommand } from './pipeline/show.js'
import { pipelineStatusCommand } from './pipeline/status.js'
import { pipelineTagCommand } from './pipeline/tag.js'
import { pipelineUndeployCommand } from './pipeline/undeploy.js'
import { promoteCommand } from './promote/promote.js'
import { release } from '../base/package-root.js'
import { serveCommand } from './serve/serve.js'
import { tagsCommand } from './tags/tags.js'
import { transformFitCommand } from './transform/fit.js'
import { transformRunCommand } from './transform/run.js'
import type { Terminal } from './shared/terminal.js'
import { tokenizerAddCommand } from './tokenizer/add.js'
import { tokenizerListCommand } from './tokenizer/list.js'
import { tokenizerRemoveCommand } from './tokenizer/remove.js'
import { tokenizerShowCommand } from './tokenizer/show.js'

const ENDING = `
Start with:
  $ penstock serve --examples

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no server at --url.`

export function buildProgram(terminal: Terminal): Command {
  const program = new Command('penstock')
    .description('High-throughput inference engine for ONNX models.')
    .version(release)
    // Otherwise --version of a subcommand would print the release.
    .enablePositionalOptions()
    .addHelpText('after', ENDING)
    .addCommand(serveCommand(terminal))
    .addCommand(initCommand(terminal))
    .addCommand(devCommand(terminal))
    .addCommand(modelCommands(terminal))
    .addCommand(pipelineCommands(terminal))
    .addCommand(contractCommands(terminal))
    .addCommand(datasetCommands(terminal))
    .addCommand(tokenizerCommands(terminal))
    .addCommand(promoteCommand(terminal))
    .addCommand(tagsCommand(terminal))
    .addCommand(inferCommand(terminal))
    .addCommand(explainCommands(terminal))
    .addCommand(logsCommand(terminal))
    .addCommand(benchCommand(terminal))
    .addCommand(transformCommands(terminal))
    .addCommand(keysCommands(terminal))
  forEachCommand(program, (command) => command.exitOverride().showHelpAfterError('(add --help for the usage)'))
  return program
}

function modelCommands(terminal: Terminal): Command {
  return new Command('model')
    .summary('add, import, list, alias, tag and remove models')
    .description('Models: immutable numbered versions and movable aliases.')
    .addCommand(modelAddCommand(terminal))
    .addCommand(modelImportCommand(terminal))
    .addCommand(modelListCommand(terminal))
    .addCommand(modelShowCommand(terminal))
    .addCommand(modelAliasCommand(terminal))
    .addCommand(modelTagCommand(terminal))
    .addCommand(modelRemoveCommand(terminal))
    .addCommand(modelSourcesCommand(terminal))
    .addCommand(modelReconcileCommand(terminal))
}

function pipelineCommands(terminal: Terminal): Command {
  return new Command('pipeline')
    .summary('apply, list, show, tag, deploy, undeploy and remove pipelines')
    .description('Pipelines: ordered steps, in immutable numbered versions, of which one serves.')
    .addCommand(pipelineApplyCommand(terminal))
    .addCommand(pipelineListCommand(terminal))
    .addCommand(pipelineShowCommand(terminal))
    .addCommand(pipelineStatusCommand(terminal))
    .addCommand(pipelineTagCommand(terminal))
    .addCommand(pipelineDeployCommand(terminal))
    .addCommand(pipelineUndeployCommand(terminal))
    .addCommand(pipelineRemoveCommand(terminal))
}

function datasetCommands(terminal: Terminal): Command {
  return new Command('dataset')
    .summary('create, list, show, get and remove datasets')
    .description('Datasets: immutable tables by name and version, kept byte for byte.')
    .addCommand(datasetCreateCommand(terminal))
    .addCommand(datasetListCommand(terminal))
    .addCommand(datasetShowCommand(terminal))
    .addCommand(datasetGetCommand(terminal))
    .addCommand(datasetRemoveCommand(terminal))
}

function contractCommands(terminal: Terminal): Command {
  return new Command('contract')
    .summary('infer, put, list, show, diff, check and remove contracts')
    .description('Contracts: the typed fields of rows and answers, in immutable numbered versions.')
    .addCommand(contractInferCommand(terminal))
    .addCommand(contractPutCommand(terminal))
    .addCommand(contractListCommand(terminal))
    .addCommand(contractShowCommand(terminal))
    .addCommand(contractDiffCommand(terminal))
    .addCommand(contractTypesCommand(terminal))
    .addCommand(contractCheckCommand(terminal))
    .addCommand(contractRowsCommand(terminal))
    .addCommand(contractRemoveCommand(terminal))
}

function tokenizerCommands(terminal: Terminal): Command {
  return new Command('tokenizer')
    .summary('add, list, show and remove tokenizers')
    .description('Tokenizers: tokenizer.json files of Hugging Face, in immutable numbered versions.')
    .addCommand(tokenizerAddCommand(terminal))
    .addCommand(tokenizerListCommand(terminal))
    .addCommand(tokenizerShowCommand(terminal))
    .addCommand(tokenizerRemoveCommand(terminal))
}

function transformCommands(terminal: Terminal): Command {
  return new Command('transform')
    .summary('fit and run operations on the columns of tables')
    .description('Transforms: operations on named columns, fitted over tables and run over them. No server is asked.')
    .addCommand(transformFitCommand(terminal))
    .addCommand(transformRunCommand(terminal))
}

function keysCommands(terminal: Terminal): Command {
  return new Command('keys')
    .summary('create, list and revoke API keys')
    .description('API keys, in the home of the server: run these on its machine.')
    .addCommand(keysCreateCommand(terminal))
    .addCommand(keysListCommand(terminal))
    .addCommand(keysRevokeCommand(terminal))
}

function forEachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command)
  for (const child of command.commands) forEachCommand(child, visit)
}
