/** `penstock explain run`: begins an explanation, and waits for its result unless an option says otherwise. */
import { Command } from 'commander'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExplanationAnswer } from '../../protocol/answers/generated/answers.js'
import type { ControlCalls } from '../../client/control/calls.js'
import { describeJob } from './jobs.js'
import { RefusedError, UsageError } from '../shared/failures.js'
import { isRecord, parseJson, readInputText, readRequestData } from '../shared/input-data.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

interface RunOptions extends ServerOptions {
  readonly config: string
  readonly data?: string
  readonly targets?: string
  readonly meta?: string
  readonly wait: boolean
}

const EXAMPLES = `
Examples:
  $ penstock explain run wine --data @rows.json
  $ penstock explain run wine --config by-feature --data @rows.json
  $ penstock explain run wine --config '{"method":"permutation","metric":"r2"}' --data @rows.json --targets @quality.json
  $ penstock explain run wine --data @rows.json --no-wait

Data are columns, {"<input>": rows}, or records, [{"<input>": row}, …]. Ctrl-C leaves the explanation running:
\`penstock explain cancel\` ends it.`

const POLL_MS = 200
const OCCLUSION = '{"method":"occlusion","baseline":"mean"}'

export function explainRunCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('run'))
    .summary('explain rows')
    .description('Explains rows with the version of a pipeline that serves, in its background.')
    .argument('<pipeline>', 'name of the pipeline')
    .option('--config <config>', 'name of a stored configuration; or JSON, or @file', OCCLUSION)
    .option('--data <json>', 'the rows: JSON, @file, or - for stdin (default: stdin, unless it is a keyboard)')
    .option('--targets <json>', 'one number per row, for metrics that compare: JSON, or @file')
    .option('--meta <json>', 'routing keys: JSON, or @file')
    .option('--no-wait', 'do not wait for the result')
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, options: RunOptions) => {
      const body = requestOf(terminal, options)
      const server = serverOf(options)
      const begun = await server.startExplanation(pipeline, JSON.stringify(body))
      const job = options.wait ? await finished(terminal, server, begun) : begun
      terminal.print(options.json === true ? JSON.stringify(job) : describeJob(job))
    })
}

async function finished(
  terminal: Terminal,
  server: ControlCalls,
  begun: ExplanationAnswer,
): Promise<ExplanationAnswer> {
  let job = begun
  const describe = () => `explaining ${job.pipeline}: ${job.evaluated} of ${job.evaluations} rows run`
  await withProgress(terminal, describe, async () => {
    while (job.ended_at === null) {
      await sleep(POLL_MS)
      job = await server.getExplanation(job.pipeline, job.id)
    }
  })
  if (job.failure !== null) throw new RefusedError(job.failure.code, job.failure.message)
  return job
}

function requestOf(terminal: Terminal, options: RunOptions): Record<string, unknown> {
  const data = readRequestData(terminal, options.data, 'Pass --data \'{"<input>": rows}\' or --data @rows.json')
  const json = (name: string, source: string): unknown => parseJson(name, readInputText(terminal, name, source))
  return {
    config:
      /^[A-Za-z0-9-]+$/.test(options.config) && options.config !== '-'
        ? options.config
        : json('--config', options.config),
    inputs: columnsOf(parseJson('--data', data)),
    ...(options.targets === undefined ? {} : { targets: json('--targets', options.targets) }),
    ...(options.meta === undefined ? {} : { meta: json('--meta', options.meta) }),
  }
}

/** Records become columns of the first one's keys; what else there may be is the server's to refuse. */
export function columnsOf(data: unknown): unknown {
  if (isRecord(data)) return isRecord(data['inputs']) ? data['inputs'] : data
  if (!Array.isArray(data) || !data.every(isRecord) || data.length === 0)
    throw new UsageError('Expected --data to be an object of columns or an array of records.')
  const records = data as readonly Record<string, unknown>[]
  return Object.fromEntries(Object.keys(records[0] ?? {}).map((key) => [key, records.map((row) => row[key])]))
}
