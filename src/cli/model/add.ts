/** `penstock model add`: uploads an .onnx file as the next version of a model. */
import { Command, Option } from 'commander'
import { basename } from 'node:path'
import type { UploadedVersionAnswer } from '../../protocol/answers/generated/answers.js'
import { isPenstockError } from '../../base/errors.js'
import { matchDatasetReference } from '../../base/dataset-reference.js'
import { readLineage, type Lineage } from '../../base/lineage.js'
import { repeatedArgument } from '../shared/arguments.js'
import { UsageError } from '../shared/failures.js'
import { parseJson, readFileText } from '../shared/input-data.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { describeAdded, uploadModel } from './upload.js'

interface AddOptions extends ServerOptions {
  readonly name?: string
  readonly alias?: string
  readonly tag: readonly string[]
  readonly provider?: string
  readonly device?: string
  readonly batching?: string
  readonly lineage?: string
  readonly dataset: readonly string[]
}

const EXAMPLES = `
Examples:
  $ penstock model add ccfraud.onnx
  $ penstock model add resnet50.onnx --provider cuda
  $ penstock model add ccfraud.onnx --lineage run.json
  $ penstock model add wine.onnx --dataset train=wine@1 --dataset test=wine-test@1
  $ penstock model add out/model.onnx --name ccfraud --alias champion --tag keras --tag 2026-11

Data files that the model names are taken from beside it and put into the stored model.
The same bytes as the newest version are that version: adding a file twice changes nothing.`

export function modelAddCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('add'))
    .summary('upload an .onnx file as the next version of a model')
    .description('Uploads an .onnx file. The server inspects it, runs it once and stores it as the next version.')
    .argument('<file>', 'the .onnx file')
    .option('--name <name>', "name of the model (default: the file's name without its extension)")
    .option('--alias <alias>', 'point this alias to the new version')
    .option('--tag <tag>', 'attach a tag; may be given several times', repeatedArgument, [])
    .option('--provider <list>', 'what it runs on: cpu, cuda, or cuda,cpu (the CPU may stand in)')
    .option('--device <number>', 'the GPU it runs on, with cuda (default: 0)')
    .addOption(
      new Option(
        '--batching <mode>',
        'rows: rows share batches whatever the inspection finds; journalled as your word',
      ).choices(['rows']),
    )
    .option(
      '--lineage <file>',
      'JSON that says where it comes from: source, run_id, created_from, metrics, params, dataset_digest, datasets',
    )
    .option(
      '--dataset <use=dataset>',
      'a dataset that it was made with, such as train=wine@1; may be given several times',
      repeatedArgument,
      [],
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: AddOptions) => {
      const added = await addModel(terminal, file, options)
      terminal.print(options.json === true ? JSON.stringify(added) : describeAdded(added))
    })
}

function addModel(terminal: Terminal, file: string, options: AddOptions): Promise<UploadedVersionAnswer> {
  const { alias, tag: tags, device, batching } = options
  const providers = options.provider === undefined ? [] : [options.provider]
  const name = options.name ?? nameOf(file)
  // A mistake in it is reported before a large file is sent.
  const lineage = withDatasets(options.lineage === undefined ? undefined : lineageOf(options.lineage), options.dataset)
  const query = { alias, tags, providers, device, batching }
  return uploadModel(terminal, serverOf(options), { name, file, query, lineage })
}

function withDatasets(lineage: Lineage | undefined, pairs: readonly string[]): Lineage | undefined {
  if (pairs.length === 0) return lineage
  const datasets = pairs.map((pair) => {
    const at = pair.indexOf('=')
    const reference = matchDatasetReference(pair.slice(at + 1))
    if (at < 1 || reference === null)
      throw new UsageError(
        `Expected --dataset to be what it was used for and a dataset, such as train=wine@1, but received ${JSON.stringify(pair)}.`,
      )
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return { ...lineage, datasets: { ...lineage?.datasets, ...Object.fromEntries(datasets) } }
}

function lineageOf(file: string): Lineage {
  try {
    return readLineage(file, parseJson(file, readFileText(file)))
  } catch (error) {
    if (isPenstockError(error)) throw new UsageError(`${error.message}.`, { cause: error })
    throw error
  }
}

function nameOf(file: string): string {
  const name = basename(file).replace(/\.onnx$/i, '')
  if (/^[A-Za-z0-9_-]+$/.test(name)) return name
  throw new UsageError(
    `${JSON.stringify(name)} is no name for a model: letters, digits, hyphens and underscores only. Choose one with --name.`,
  )
}
