/** `penstock pipeline status`: what a pipeline is doing now, and what it has done since it was deployed. */
import { Command } from 'commander'
import type { StatusAnswer } from '../../protocol/answers/generated/answers.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Examples:
  $ penstock pipeline status wine
  $ penstock pipeline status wine --json | jq .in_flight`

export function pipelineStatusCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('status'))
    .summary('show what a pipeline is doing')
    .description("Shows a pipeline's versions, its requests, its failures and the state of its models.")
    .argument('<pipeline>', 'name of the pipeline')
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, options: ServerOptions) => {
      const status = await serverOf(options).pipelineStatus(pipeline)
      terminal.print(options.json === true ? JSON.stringify(status) : describeStatus(status))
    })
}

export function describeStatus(status: StatusAnswer): string {
  const failures = Object.entries(status.failures).map(([code, count]) => `${code} ${count}`)
  const { state, failure } = status
  const lines = [
    `${status.name} ${status.version === null ? 'is not deployed' : `serves version ${status.version}`} (of ${status.versions.join(', ')})`,
    ...(state === 'starting' ? ['  a deploy is under way'] : []),
    ...(failure == null
      ? []
      : [`  the last deploy failed: version ${failure.version}: ${failure.message} (${failure.code})`]),
    `  requests  ${status.request_count}, ${status.in_flight} in flight`,
    `  rows      ${status.row_count}`,
    `  failures  ${failures.join(', ') || 'none'}`,
    ...(status.remotes ?? []).map(remoteLine),
  ]
  if (status.models.length === 0) return lines.join('\n')
  const columns = [
    { title: 'model' },
    { title: 'version', align: 'right' },
    { title: 'waiting rows', align: 'right' },
    { title: 'ready' },
    { title: 'runs on' },
  ] as const
  const rows = status.models.map((model) => [
    model.name,
    String(model.version),
    String(model.pending_rows),
    model.ready ? 'yes' : 'no',
    model.provider ?? '-',
  ])
  lines.push(
    ...(status.background ?? []).flatMap(backgroundLines),
    ...status.models.flatMap(batchingLines),
    ...status.models.flatMap(overdueLines),
  )
  return [...lines, '', formatTable(columns, rows), '', formatTable(runColumns, status.models.map(runRow))].join('\n')
}

function remoteLine(remote: NonNullable<StatusAnswer['remotes']>[number]): string {
  const { step, kind, url, breaker, calls, retries, failures, in_flight: inFlight, waiting } = remote
  const state = breaker === 'closed' ? '' : `, ${breaker === 'open' ? 'left alone after failures' : 'on trial'}`
  const counts = `${calls} calls, ${retries} of them retries, ${failures} failed; ${inFlight} in flight, ${waiting} waiting`
  return `  ${step}  remote ${kind} ${url}${state}: ${counts}`
}

/** Nothing where nothing was lost. */
function backgroundLines({
  model,
  shed_rows: shed,
  failures,
  last_failure: last,
}: NonNullable<StatusAnswer['background']>[number]): string[] {
  const lost = [
    ...(shed > 0 ? [`${shed} rows shed by a full queue`] : []),
    ...Object.entries(failures).map(([code, rows]) => `${rows} rows failed with ${code}`),
  ]
  if (lost.length === 0) return []
  const reason = last === null ? [] : [`             last, ${formatTime(last.at)}: ${last.message}`]
  return [`  background ${model}: ${lost.join('; ')}`, ...reason]
}

/** Nothing where nothing was seen: rows of most models share batches without a difference. */
function batchingLines({ name, version, batching }: StatusAnswer['models'][number]): string[] {
  if (batching === undefined) return []
  const { unbatched, row_checks, row_check_differences, shared_run_failures } = batching
  const seen = [
    ...(unbatched ? ['rows run one by one'] : []),
    ...(row_check_differences > 0
      ? [`${row_check_differences} of ${row_checks} checked rows got another answer by themselves`]
      : []),
    ...(shared_run_failures > 0 ? [`${shared_run_failures} shared runs failed whose requests ran by themselves`] : []),
  ]
  return seen.length === 0 ? [] : [`  batching  ${name}@${version}: ${seen.join('; ')}`]
}

/** Nothing where every run ended in time. */
function overdueLines({
  name,
  version,
  overdue_runs: overdue = 0,
  stuck_runs: stuck = 0,
}: StatusAnswer['models'][number]): string[] {
  if (overdue === 0) return []
  return [`  too long  ${name}@${version}: ${overdue} runs past their limit, ${stuck} of which hold a worker now`]
}

const runColumns = [
  { title: 'model' },
  { title: 'plan' },
  { title: 'runs at a time', align: 'right' },
  { title: 'threads', align: 'right' },
  { title: 'alone', align: 'right' },
  { title: 'rows a run', align: 'right' },
  { title: 'rows a batch', align: 'right' },
  { title: '1 row', align: 'right' },
  { title: 'full batch', align: 'right' },
  { title: 'rows/s', align: 'right' },
  { title: 'measured' },
] as const

function runRow({ name, version, run_plan: plan }: StatusAnswer['models'][number]): string[] {
  // A server of an earlier release does not say.
  if (plan === undefined) return [`${name}@${version}`, ...runColumns.slice(1).map(() => '-')]
  const { calibration } = plan
  return [
    `${name}@${version}`,
    plan.state,
    String(plan.instances),
    threadsText(plan),
    threadsText(plan.alone ?? plan),
    String(plan.run_rows_max),
    String(plan.batch_rows_max),
    calibration === null ? '-' : milliseconds(calibration.row_us),
    calibration === null ? '-' : milliseconds(calibration.batch_us),
    calibration === null ? '-' : String(Math.round(calibration.rows_per_s)),
    calibration === null
      ? '-'
      : `${calibration.measured_at} on ${calibration.conditions.cpu}, ${calibration.conditions.cores} cores`,
  ]
}

const threadsText = ({ intra_op_threads: threads, spinning }: { intra_op_threads: number; spinning: boolean }) =>
  `${threads}${spinning ? ' (spin)' : ''}`

const milliseconds = (us: number): string => `${us < 1000 ? (us / 1000).toPrecision(2) : (us / 1000).toFixed(1)} ms`
