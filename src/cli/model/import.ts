/** `penstock model import`: uploads the models of a folder that another tool wrote. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { isPenstockError } from '../../base/errors.js'
import type { Contract } from '../../contract/contract.js'
import type { UploadedVersionAnswer } from '../../protocol/answers/generated/answers.js'
import { repeatedArgument } from '../shared/arguments.js'
import { asUsage, UsageError } from '../shared/failures.js'
import { writeFile } from '../shared/output-file.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import type { MlflowFolder } from '../../sources/imports/mlflow.js'
import { describeAdded, uploadModel } from './upload.js'

interface ImportOptions extends ServerOptions {
  readonly name?: string
  readonly alias?: string
  readonly tag: readonly string[]
  readonly contract?: string
  readonly only: readonly string[]
  readonly deploy?: boolean
  readonly trackingUri?: string
}

const EXAMPLES = `
Examples:
  $ penstock model import mlruns/1/models/m-0a1b/artifacts --name wine
  $ penstock model import downloaded-model --alias champion --contract wine.json
  $ penstock model import models:/wine@champion --tracking-uri http://127.0.0.1:5000
  $ penstock model import /models --only encoder --only ranker --deploy

What is read: folders of MLflow (MLmodel) with an onnx flavour, and model repositories of Triton (config.pbtxt) with models of
onnxruntime; an ensemble whose steps form a chain becomes a pipeline. Pickled models run code when they are loaded; they are refused.`

export function modelImportCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('import'))
    .summary('upload the models of a folder of MLflow or Triton')
    .description(
      'Uploads the .onnx files of a folder that MLflow saved or that Triton serves, with their data files, and keeps where they come from.',
    )
    .argument('<folder>', "the folder; or models:/name/3, models:/name@alias … of an MLflow server's registry")
    .option('--name <name>', "name of the model (default: its name in MLflow's registry, or the folder's)")
    .option('--alias <alias>', 'point this alias to the new version')
    .option('--tag <tag>', 'attach a tag; may be given several times', repeatedArgument, [])
    .option('--contract <file>', "write a draft of a contract, of the signature's columns, into this file")
    .option(
      '--only <model>',
      'of a repository of Triton, only this model; may be given several times',
      repeatedArgument,
      [],
    )
    .addOption(new Option('--tracking-uri <url>', 'the MLflow server that has models:/…').env('MLFLOW_TRACKING_URI'))
    .option('--deploy', 'deploy the pipelines that were ensembles')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, options: ImportOptions) => {
      if (folder.startsWith('models:/')) return asUsage(() => importFromServer(terminal, folder, options))
      expectFolder(folder)
      const mlflow = await import('../../sources/imports/mlflow.js')
      if (mlflow.isMlflowFolder(folder)) {
        if (options.only.length > 0 || options.deploy === true)
          throw new UsageError('--only and --deploy are for repositories of Triton; this is one model of MLflow.')
        return importMlflow(terminal, await asUsage(() => mlflow.readMlflowFolder(folder)), options)
      }
      return importRepository(terminal, folder, options)
    })
}

/** Downloads the version into a folder that is gone when the import ends. */
async function importFromServer(terminal: Terminal, uri: string, options: ImportOptions): Promise<void> {
  if (options.only.length > 0 || options.deploy === true)
    throw new UsageError('--only and --deploy are for repositories of Triton; this is one model of MLflow.')
  const tracking = options.trackingUri
  if (tracking === undefined)
    throw new UsageError(`Expected --tracking-uri or MLFLOW_TRACKING_URI: the MLflow server that has ${uri}.`)
  const [{ downloadVersion }, { readMlflowFolder }] = await Promise.all([
    import('../../sources/imports/mlflow-server.js'),
    import('../../sources/imports/mlflow.js'),
  ])
  const folder = mkdtempSync(join(tmpdir(), 'penstock-import-'))
  try {
    const work = () => downloadVersion(tracking, uri, folder)
    const { name, lineage } = await withProgress(terminal, () => `downloading ${uri}`, work)
    const read = readMlflowFolder(folder)
    await importMlflow(terminal, { ...read, name, lineage: { ...read.lineage, ...lineage } }, options)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function importRepository(terminal: Terminal, folder: string, options: ImportOptions): Promise<void> {
  const { isTritonRepository, readTritonRepository } = await import('../../sources/imports/triton.js')
  if (!isTritonRepository(folder))
    throw new UsageError(
      `Expected ${folder} to be a folder of MLflow, with a file called MLmodel, or a model repository of Triton, with a config.pbtxt in each model's folder.`,
    )
  if (options.name !== undefined || options.contract !== undefined)
    throw new UsageError('--name and --contract are for one model of MLflow; models of Triton keep their names.')
  const only = options.only.length === 0 ? undefined : options.only
  const repository = await asUsage(() => readTritonRepository(folder, only))
  const { importTriton } = await import('./import-triton.js')
  const { alias, tag: tags, deploy: isDeploying = false } = options
  const { lines, ...imported } = await importTriton(terminal, serverOf(options), repository, {
    alias,
    tags,
    isDeploying,
  })
  terminal.print(options.json === true ? JSON.stringify(imported) : lines.join('\n'))
}

async function importMlflow(terminal: Terminal, folder: MlflowFolder, options: ImportOptions): Promise<void> {
  const name = modelName(options.name ?? folder.name)
  if (options.contract !== undefined && folder.columns === null)
    throw new UsageError('The signature of the model has no named columns, of which --contract could draft a contract.')
  const { file, lineage } = folder
  const query = { alias: options.alias, tags: options.tag }
  const added = await uploadModel(terminal, serverOf(options), { name, file, query, lineage })
  if (options.contract !== undefined)
    writeFile(options.contract, `${JSON.stringify(await draftOf(folder, added), null, 2)}\n`)
  terminal.print(options.json === true ? JSON.stringify(added) : describeImported(folder, added, options.contract))
}

async function draftOf({ columns, example }: MlflowFolder, added: UploadedVersionAnswer): Promise<Contract> {
  const [{ readRecord }, { draftContract }, { columnContract }] = await Promise.all([
    import('../../protocol/answers/mapping.js'),
    import('../../contract/draft/infer.js'),
    import('../../contract/draft/mlflow-columns.js'),
  ])
  const { name } = added
  try {
    const drafted = draftContract({ name, signature: readRecord('UploadedVersion', added).signature }).fields
    return columnContract({ name, columns: columns ?? [], drafted, example })
  } catch (error) {
    if (!isPenstockError(error)) throw error
    const stored = `${name}@${added.version} is stored; a contract cannot be drafted`
    throw new UsageError(`${stored}: ${error.message}.`, { cause: error })
  }
}

function describeImported({ lineage, columns }: MlflowFolder, added: UploadedVersionAnswer, contract?: string): string {
  const lines = [describeAdded(added), `  source   ${lineage.source}`]
  if (lineage.runId !== undefined) lines.push(`  run      ${lineage.runId}`)
  if (contract !== undefined) lines.push(`  contract ${contract}: a draft, for you to finish`)
  else if (columns !== null) lines.push(`  columns  ${columns.map((column) => column.name).join(', ')}`)
  return lines.join('\n')
}

function modelName(name: string): string {
  if (/^[A-Za-z0-9_-]{1,128}$/.test(name)) return name
  throw new UsageError(
    `${JSON.stringify(name)} is no name for a model: letters, digits, hyphens and underscores only. Choose one with --name.`,
  )
}

function expectFolder(path: string): void {
  try {
    if (statSync(path).isDirectory()) return
  } catch (error) {
    throw new UsageError(`Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}.`, {
      cause: error,
    })
  }
  throw new UsageError(`Expected ${path} to be a folder. A file is added with \`penstock model add\`.`)
}
