/** `penstock promote`: points an alias to a version if its answers to the rows of a file are good enough. */
import { Command } from 'commander'
import type { ControlCalls } from '../../client/control/calls.js'
import type { PromotionAnswer } from '../../protocol/answers/generated/answers.js'
import { integerArgument, repeatedArgument } from '../shared/arguments.js'
import { MissedError } from '../shared/failures.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { TABLE_ARGUMENT, withTable } from '../shared/datasets.js'
import { formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

interface PromoteOptions extends ServerOptions {
  readonly to: string
  readonly version?: number
  readonly data?: string
  readonly format?: string
  readonly require: readonly string[]
  readonly betterThan?: string
  readonly by?: string
  readonly pipeline?: string
  readonly prediction?: string
}

const EXAMPLES = `
Examples:
  $ penstock promote wine --to champion --data holdout.csv --require "rmse<0.7" --better-than champion
  $ penstock promote spam --version 4 --to champion --data mails.parquet --require "recall(spam)>=0.95" --require "agreement>=0.9"

The rows have the names of the pipeline's contract, and what was true of them in its fields with the role target. They are answered
by the version and by the one it is compared with, beside what serves. Metrics of classes: accuracy, precision, recall, f1, roc-auc,
where one(class) is of that class alone; of numbers: mae, rmse, max-error, r2; of both versions: agreement.

Exit code 1: a requirement is not met, and the alias stays where it is.`

export function promoteCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('promote'))
    .summary('point an alias to a version that is good enough')
    .description(
      'Points an alias of a model to a version if its answers meet every requirement; requests lose nothing.',
    )
    .argument('<model>', 'name of the model')
    .requiredOption('--to <alias>', 'the alias that is moved')
    .option('--version <version>', 'the version; the newest unless given', integerArgument)
    .option('--data <file>', `rows that it is judged by: JSON, NDJSON, CSV, Arrow or Parquet, ${TABLE_ARGUMENT}`)
    .option('--format <format>', "the file's format, where its name does not say it")
    .option(
      '--require <requirement>',
      'a metric and its bound, such as "accuracy>=0.9"; repeatable',
      repeatedArgument,
      [],
    )
    .option('--better-than <version>', 'an alias or version that has to be beaten')
    .option('--by <metric>', 'the metric by which; the first that is required unless given')
    .option('--pipeline <name>', 'the pipeline that answers the rows, where several follow the alias')
    .option('--prediction <field>', 'the field that is judged, where the contract has several predictions')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, options: PromoteOptions) => {
      const server = serverOf(options)
      const work = async (): Promise<PromotionAnswer> => {
        const version = options.version ?? (await server.getModel(model)).versions.at(-1)?.version
        return server.promote(model, { version, ...(await requestOf(server, model, options)) })
      }
      const answer = await withProgress(terminal, () => `judging ${model}`, work)
      terminal.print(options.json === true ? JSON.stringify(answer) : describePromotion(answer))
      if (!answer.promoted)
        throw new MissedError(`${model}@${options.to} stays at version ${answer.previous ?? 'none'}`)
    })
}

/** The request beside the version; a file's rows are read first, so that a bad one asks the server nothing. */
async function requestOf(server: ControlCalls, model: string, options: PromoteOptions): Promise<object> {
  const { to, data, format, require, betterThan, by, pipeline, prediction } = options
  const common = {
    to,
    ...(require.length === 0 ? {} : { require }),
    better_than: betterThan === undefined ? undefined : versionOrAlias(betterThan),
    by,
    pipeline,
    prediction,
  }
  if (data === undefined) return common
  const { contractOfFollower, plainRows } = await import('./rows.js')
  const contract = await contractOfFollower(server, { model, alias: to, pipeline })
  const rows = await withTable(data, format, options, (path, known) => plainRows(path, known, contract))
  return { ...common, rows }
}

function versionOrAlias(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text
}

export function describePromotion(answer: PromotionAnswer): string {
  const { model, version, alias, previous, promoted, pipeline, rows, judged_rows, metrics, requirements } = answer
  const lines = [
    promoted
      ? `${model}@${alias} is version ${version}${previous === null || previous === version ? '' : `, and was ${previous}`}`
      : `${model}@${alias} is not moved to version ${version}`,
  ]
  if (pipeline === null) return lines.join('\n')
  lines.push(`${judged_rows} of ${rows} rows judged, answered by ${pipeline}`)
  if (requirements.length > 0) lines.push('', formatTable(requirementColumns, requirements.map(requirementCells)))
  if (metrics.length > 0) {
    const baseline = answer.baseline === null ? '' : `version ${answer.baseline}`
    const columns = [
      { title: 'metric' },
      { title: `version ${version}`, align: 'right' },
      ...(baseline === '' ? [] : [{ title: baseline, align: 'right' } as const]),
    ] as const
    const cells = metrics.map((metric) => [
      metric.name,
      shown(metric.candidate),
      ...(baseline === '' ? [] : [metric.name === 'agreement' ? '' : shown(metric.baseline)]),
    ])
    lines.push('', formatTable(columns, cells))
  }
  return lines.join('\n')
}

const requirementColumns = [{ title: 'requirement' }, { title: 'found', align: 'right' }, { title: 'met' }] as const

function requirementCells({ requirement, value, met }: PromotionAnswer['requirements'][number]): string[] {
  return [requirement, shown(value), met ? 'yes' : 'no']
}

function shown(value: number | null): string {
  return value === null ? '-' : String(Number(value.toPrecision(6)))
}
