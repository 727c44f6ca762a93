/**
 * Starts the native load generator (build/Release/penstock-load), sends it the plan and passes on what it emits. A
 * program of its own because on a shared machine a JavaScript generator would cost more CPU than the server it measures,
 * and because its CPU time is then counted apart from everybody else's.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { LoadStatus } from '../../base/generated/boundary.js'
import { errorTable, PenstockError } from '../../base/errors.js'
import { packagePath } from '../../base/package-root.js'
import type { FinishedEvent, IntervalEvent, LoadEvent, LoadPhase, LoadPlan, RequestKind } from './load-plan.js'

type Generator = ChildProcessByStdio<Writable, Readable, Readable>

const DRAIN_SECONDS = 5
const BACKLOG_REQUESTS_MAX = 1_048_576
const STDERR_CHARACTERS_MAX = 4096

/**
 * Runs a plan to its end.
 * @param onInterval called with every interval as it ends, warm-ups included.
 * @param signal ends the generator early.
 * @returns what was counted. Failed requests and wrong answers are in it; they do not reject.
 * @throws PenstockError ERR_ARGUMENT when the plan or a bodies file is wrong; ERR_CONNECTION_LOST when the target is not
 *   there or refuses the connection or the pipeline; ERR_ABORTED after `signal`.
 */
export async function runLoad(
  plan: LoadPlan,
  onInterval: (event: IntervalEvent) => void = () => undefined,
  signal?: AbortSignal,
): Promise<FinishedEvent> {
  const text = planText(plan)
  throwIfAborted(signal)
  const child = spawn(generatorPath(), [], { stdio: ['pipe', 'pipe', 'pipe'] })
  const abort = () => child.kill('SIGKILL')
  // Whoever ends this process ends its load.
  process.once('exit', abort)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    return await eventsOf(child, text, onInterval)
  } catch (error) {
    throwIfAborted(signal)
    throw error
  } finally {
    abort()
    process.removeListener('exit', abort)
    signal?.removeEventListener('abort', abort)
  }
}

async function eventsOf(
  child: Generator,
  text: string,
  onInterval: (event: IntervalEvent) => void,
): Promise<FinishedEvent> {
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    complaint = (complaint + part).slice(0, STDERR_CHARACTERS_MAX)
  })
  // A generator that ends before it has read its plan says why on stderr; the broken pipe adds nothing.
  child.stdin.on('error', () => undefined)
  child.stdin.end(text)
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) => reject(new Error('The load generator could not be started', { cause })))
    child.once('close', resolve)
  })
  ended.catch(() => undefined)
  let finished: FinishedEvent | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as LoadEvent
    if (event.kind === 'interval') onInterval(event)
    else finished = event
  }
  const status = await ended
  if (status === 0 && finished !== undefined) return finished
  const sentence = complaint.trim()
  if (status === LoadStatus.target) throw new PenstockError('ERR_CONNECTION_LOST', sentence)
  if (status === LoadStatus.plan) throw new PenstockError('ERR_ARGUMENT', sentence)
  throw new Error(`The load generator ended with status ${status} before its plan did. ${sentence}`)
}

/** The plan as native/load/plan/plan.hpp reads it. @throws PenstockError ERR_ARGUMENT when a text spans lines. */
export function planText(plan: LoadPlan): string {
  const { target } = plan
  const lines = [
    'penstock-load 1',
    `transport ${target.transport}`,
    `host ${target.host}`,
    `port ${target.port}`,
    `server-pid ${target.serverPid}`,
    ...Object.entries(target.headers).map(([name, value]) => `header ${name}: ${value}`),
    `connections ${plan.connections}`,
    ...(plan.requestsPerFrame === undefined ? [] : [`requests-per-frame ${plan.requestsPerFrame}`]),
    `threads ${plan.threads ?? 1}`,
    `seed ${plan.seed}`,
    `interval-seconds ${plan.intervalSeconds}`,
    `drain-seconds ${plan.drainSeconds ?? DRAIN_SECONDS}`,
    `backlog-max ${plan.backlogMax ?? BACKLOG_REQUESTS_MAX}`,
    ...plan.requests.flatMap(requestLines),
    ...plan.phases.map(phaseLine),
    'end',
  ]
  // A line break in a name or header would be read as a line of the plan.
  const broken = lines.find((line) => /[\r\n]/.test(line))
  if (broken !== undefined)
    throw new PenstockError(
      'ERR_ARGUMENT',
      `Expected names, paths and headers of a load plan to be of one line each but received ${JSON.stringify(broken)}`,
    )
  return `${lines.join('\n')}\n`
}

function requestLines(request: RequestKind): string[] {
  const { expect } = request
  const status = expect.kind === 'answer' ? 0 : expect.status
  return [
    `request ${request.name}`,
    `weight ${request.weight}`,
    `rows ${request.rows}`,
    `bodies ${request.bodiesPath}`,
    ...(request.pipeline === null ? [] : [`pipeline ${request.pipeline}`]),
    ...(request.path === null ? [] : [`path ${request.path}`]),
    ...(request.contentType === null ? [] : [`content-type ${request.contentType}`]),
    `expect-status ${status}`,
    ...Object.entries(errorTable).flatMap(([code, { http }]) => (http === status ? [`expect-code ${code}`] : [])),
  ]
}

function phaseLine(phase: LoadPhase): string {
  const span = phase.isWarmup ? 'warmup' : 'measured'
  return phase.kind === 'closed'
    ? `phase ${span} closed ${phase.seconds} ${phase.inFlight} ${phase.thinkMs}`
    : `phase ${span} open ${phase.seconds} ${phase.ratePerSecond} ${phase.endRatePerSecond}`
}

/** Beside the addon. @throws Error when it is not built. */
function generatorPath(): string {
  const path = packagePath('build', 'Release', 'penstock-load')
  if (existsSync(path)) return path
  throw new Error(
    process.platform === 'linux'
      ? `Expected the load generator at ${path} but there is none. Run \`npm run build\` to build it.`
      : `The load generator runs on Linux only, and this is ${process.platform}`,
  )
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new PenstockError('ERR_ABORTED', 'The load was ended before its plan', { cause: signal.reason })
}
