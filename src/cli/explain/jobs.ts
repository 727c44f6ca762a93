/** `penstock explain list`, `show`, `cancel`: jobs that were begun. */
import { Command } from 'commander'
import type { ExplanationAnswer } from '../../protocol/answers/generated/answers.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { type Column, formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

const LIST_EXAMPLES = `
Example:
  $ penstock explain list wine`

const SHOW_EXAMPLES = `
Examples:
  $ penstock explain show wine 5d2f3a1c-x1
  $ penstock explain show wine 5d2f3a1c-x1 --json | jq .result.contributions`

const CANCEL_EXAMPLES = `
Example:
  $ penstock explain cancel wine 5d2f3a1c-x1`

export function explainListCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('list'))
    .summary('list explanations')
    .description('Lists the explanations of a pipeline that the server remembers, oldest first.')
    .argument('<pipeline>', 'name of the pipeline')
    .addHelpText('after', LIST_EXAMPLES)
    .action(async (pipeline: string, options: ServerOptions) => {
      const answer = await serverOf(options).listExplanations(pipeline)
      terminal.print(options.json === true ? JSON.stringify(answer) : describeJobs(answer.explanations))
    })
}

export function explainShowCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('show'))
    .summary('show an explanation')
    .description('Shows how an explanation goes, and its result when it is done.')
    .argument('<pipeline>', 'name of the pipeline')
    .argument('<explanation>', 'its id')
    .addHelpText('after', SHOW_EXAMPLES)
    .action(async (pipeline: string, id: string, options: ServerOptions) => {
      const answer = await serverOf(options).getExplanation(pipeline, id)
      terminal.print(options.json === true ? JSON.stringify(answer) : describeJob(answer))
    })
}

export function explainCancelCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('cancel'))
    .summary('end an explanation')
    .description('Ends an explanation that waits or runs.')
    .argument('<pipeline>', 'name of the pipeline')
    .argument('<explanation>', 'its id')
    .addHelpText('after', CANCEL_EXAMPLES)
    .action(async (pipeline: string, id: string, options: ServerOptions) => {
      const answer = await serverOf(options).cancelExplanation(pipeline, id)
      terminal.print(options.json === true ? JSON.stringify(answer) : describeJob(answer))
    })
}

function describeJobs(jobs: readonly ExplanationAnswer[]): string {
  if (jobs.length === 0) return 'There are no explanations. Begin one with `penstock explain run`.'
  const columns = ['id', 'version', 'config', 'method', 'state', 'done', 'begun (utc)'].map((title) => ({ title }))
  const rows = jobs.map((job) => [
    job.id,
    String(job.pipeline_version),
    job.config.name,
    job.config.method,
    job.state,
    `${Math.floor((100 * job.evaluated) / job.evaluations)} %`,
    formatTime(job.created_at),
  ])
  return formatTable(columns, rows)
}

export function describeJob(job: ExplanationAnswer): string {
  const { id, pipeline, pipeline_version: version, state, evaluated, evaluations, failure, result } = job
  const head = `${id}: ${pipeline}, version ${version}, ${job.config.method}, ${state}`
  if (failure !== null) return `${head}\n  ${failure.message} (${failure.code})`
  if (result == null) return `${head}, ${evaluated} of ${evaluations} rows run`
  return `${head}\n\n${describeResult(result)}`
}

/** Groups by importance; of an occlusion the first rows' contributions beside it. */
function describeResult(result: NonNullable<ExplanationAnswer['result']>): string {
  const shownRows = result.method === 'occlusion' ? result.contributions.slice(0, ROWS_SHOWN) : []
  const deviations = result.method === 'permutation' ? result.deviations : undefined
  const columns: Column[] = [
    { title: 'group' },
    { title: result.method === 'occlusion' ? 'mean |change|' : 'importance', align: 'right' },
    ...(deviations === undefined ? [] : [{ title: '±', align: 'right' } as const]),
    ...shownRows.map((_, row) => ({ title: `row ${row}`, align: 'right' }) as const),
  ]
  const order = result.groups.map((_, group) => group)
  order.sort((a, b) => (result.importances[b] ?? 0) - (result.importances[a] ?? 0))
  const rows = order.map((group) => [
    result.groups[group] ?? '?',
    digits(result.importances[group]),
    ...(deviations === undefined ? [] : [digits(deviations[group])]),
    ...shownRows.map((row) => digits(row[group])),
  ])
  return formatTable(columns, rows)
}

const ROWS_SHOWN = 3

function digits(value: number | undefined): string {
  return value === undefined ? '-' : String(Number(value.toPrecision(4)))
}
