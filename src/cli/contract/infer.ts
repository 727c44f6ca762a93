/** `penstock contract infer`: drafts a contract out of a model of a server, the rows of a file, or both. */
import { Command } from 'commander'
import type { ModelSignature } from '../../engine/api/api.js'
import { UsageError } from '../shared/failures.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { DATASET_PREFIX } from '../../base/dataset-reference.js'
import type { DraftTable } from '../../contract/draft/infer.js'
import { TABLE_ARGUMENT, withTable } from '../shared/datasets.js'
import { fileName } from './source.js'

interface InferOptions extends ServerOptions {
  readonly model?: string
  readonly table?: string
  readonly format?: string
  readonly name?: string
  readonly target?: string
  readonly entity?: string
  readonly bounds?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock contract infer --table wines.parquet --target quality > wine.json
  $ penstock contract infer --model wine-gbt@champion --name wine
  $ penstock contract infer --model wine-gbt --table wines.csv --bounds | penstock contract put -

A draft is for a person to finish. Ranges that were seen are comments, unless --bounds makes them rules.`

export function contractInferCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('infer'))
    .summary('draft a contract')
    .description(
      "Drafts a contract of a model's inputs and outputs, of a table's columns, or of both, and prints it as JSON.",
    )
    .option('--model <model>', 'a model on the server, with @version or @alias')
    .option('--table <file>', `rows: JSON, NDJSON, CSV, Arrow or Parquet, ${TABLE_ARGUMENT}`)
    .option('--format <format>', "the file's format, where its name does not say it")
    .option('--name <name>', 'name of the contract (default: that of the model or file)')
    .option('--target <column>', 'column of the table that is the truth')
    .option('--entity <column>', 'column of the table that says whom a row is about')
    .option('--bounds', 'make the ranges that were seen bounds')
    .addHelpText('after', EXAMPLES)
    .action(async (options: InferOptions) => {
      if (options.model === undefined && options.table === undefined)
        throw new UsageError('Expected --model, --table or both.')
      const { draftContract } = await import('../../contract/draft/infer.js')
      const contract = draftContract({
        name: options.name ?? fileName(options.model?.split('@')[0] ?? tableName(options.table ?? '')),
        signature: options.model === undefined ? undefined : await signatureOf(options.model, options),
        table: options.table === undefined ? undefined : await tableOf(options.table, options),
        target: options.target,
        entity: options.entity,
        hasBounds: options.bounds,
      })
      terminal.print(JSON.stringify(contract, null, 2))
    })
}

/** Gives the name of a dataset, or the path as it is. */
function tableName(source: string): string {
  return source.startsWith(DATASET_PREFIX) ? source.slice(DATASET_PREFIX.length).replace(/@.*/, '') : source
}

async function tableOf(source: string, options: InferOptions): Promise<DraftTable> {
  const { readTable } = await import('./rows.js')
  return withTable(source, options.format, options, readTable)
}

async function signatureOf(reference: string, options: ServerOptions): Promise<ModelSignature> {
  const { readRecord } = await import('../../protocol/answers/mapping.js')
  return readRecord('UploadedVersion', await serverOf(options).resolveModel(reference)).signature
}
