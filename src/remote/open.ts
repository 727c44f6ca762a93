/**
 * Opens remote steps for a deployment: the operator's hosts, the environment's secrets, connections; and, before a plan is
 * compiled, what the metadata of their remotes say where a step leaves it to them.
 */
import type { Clock } from '../base/clock.js'
import type { PenstockError } from '../base/errors.js'
import { argumentError } from '../base/expect.js'
import {
  REMOTE_BACKOFF_MS,
  REMOTE_BODY_BYTES_MAX,
  REMOTE_BREAKER_FAILURES,
  REMOTE_BREAKER_OPEN_MS,
  REMOTE_CONCURRENCY,
  REMOTE_DISCOVERY_MS,
  REMOTE_RETRIES,
  REMOTE_ROWS_MAX,
  REMOTE_TIMEOUT_MS,
} from '../base/limits/remote-limits.js'
import type { RandomSource } from '../base/random.js'
import type { StageNotice, StageSegment } from '../pipeline/columns/stage.js'
import type { PipelineDefinition, Step } from '../pipeline/definition.js'
import type { RemoteSageMakerStep, RemoteStep } from '../pipeline/remote-step.js'
import type { TransformInput } from '../pipeline/transform-input.js'
import { formatShape } from '../tensor/shape.js'
import { RemoteClient } from './client.js'
import { answerColumns, sentColumn, type PreparedRemoteStep } from './compile.js'
import { RemoteConnection } from './connection.js'
import type { AnswerColumn } from './columns/read-columns.js'
import { discoverModel, type DiscoveredModel } from './discover.js'
import { RemoteFailures } from './failures.js'
import type { RemoteHosts } from './hosts.js'
import { httpKind } from './kinds/http.js'
import type { RemoteKind } from './kinds/kind.js'
import { mlflowKind } from './kinds/mlflow.js'
import { modelUrl, oipKind, type OipColumn } from './kinds/oip.js'
import { sageMakerKind, sageMakerUrl, type AwsCredentials } from './kinds/sagemaker.js'
import { Secrets, type Environment } from './secrets.js'
import { RemoteStage } from './stage.js'

/** What an engine lends its remote steps. */
export interface RemoteDependencies {
  readonly hosts: RemoteHosts
  readonly environment: Environment
  readonly clock: Clock
  readonly random: RandomSource
}

interface RemoteContext {
  readonly pipeline: string
  readonly onNotice: (notice: StageNotice) => void
}

/** @throws PenstockError ERR_FORBIDDEN: a host that is not allowed; ERR_PIPELINE_INVALID: a variable that is not set. */
export function openRemote(
  { where, step: given, takes }: Pick<StageSegment, 'where' | 'step' | 'takes'>,
  { pipeline, onNotice }: RemoteContext,
  dependencies: RemoteDependencies,
): RemoteStage {
  const step = given as PreparedRemoteStep
  const base = baseUrl(step)
  dependencies.hosts.expect(`${where}.url`, base)
  const secrets = new Secrets(dependencies.environment)
  const headers = headersOf(step, where, secrets)
  const sent = takes.map((column) => sentColumn(step, where, column))
  const outputs = answerColumns(step, where)
  const kind = kindOf(step, where, { base, sent, secrets, outputs, clock: dependencies.clock })
  const failures = new RemoteFailures(kind.url, secrets)
  const client = openClient(step, { url: kind.url, failures, dependencies, ...noticesOf(pipeline, where, onNotice) })
  return new RemoteStage({
    kind,
    client,
    failures,
    outputs,
    headers,
    sendsDeadline: step.kind === 'oip',
    timeoutMs: step.timeoutMs ?? REMOTE_TIMEOUT_MS,
    rowsMax: Math.min(step.maxRows ?? REMOTE_ROWS_MAX, kind.rowsMax ?? Infinity),
    concurrency: step.concurrency ?? REMOTE_CONCURRENCY,
    bodyBytesMax: step.bodyBytesMax ?? REMOTE_BODY_BYTES_MAX,
    clock: dependencies.clock,
  })
}

/**
 * The definition with what its remotes' metadata say, where its steps do not: nothing else changes, and a definition that
 * says everything asks nobody.
 * @param placed makes the error of a step out of what went wrong.
 * @throws PenstockError ERR_FORBIDDEN, ERR_PIPELINE_INVALID, ERR_REMOTE_FAILED, ERR_REMOTE_UNAVAILABLE, ERR_REMOTE_TIMEOUT.
 */
export async function prepareRemotes(
  definition: PipelineDefinition,
  dependencies: RemoteDependencies,
  placed: (error: unknown, where: string) => unknown = (error) => error,
): Promise<PipelineDefinition> {
  if (!definition.steps.some(isToDiscover)) return definition
  const first = definition.steps.findIndex(({ type }) => type !== 'check')
  const steps = await Promise.all(
    definition.steps.map(async (step, i) => {
      if (!isToDiscover(step)) return step
      const discovered = await discover(step, `steps[${i}]`, dependencies).catch((error: unknown) => {
        throw placed(error, `steps[${i}]`)
      })
      const isFirst = i === first && definition.contract === undefined && step.inputs === undefined
      const inputs = isFirst ? inputsOf(step, discovered, `steps[${i}]`) : undefined
      return { ...step, discovered, ...(inputs === undefined ? {} : { inputs }) }
    }),
  )
  return { ...definition, steps }
}

type OipStep = Extract<RemoteStep, { kind: 'oip' }>

/** Steps that leave their columns to the remote. */
function isToDiscover(step: Step): step is OipStep {
  if (step.type !== 'remote' || step.kind !== 'oip') return false
  return step.outputs === undefined || (step.inputs === undefined && step.send === undefined)
}

/** What callers send: the model's inputs, by the names of the columns that go there. */
function inputsOf(step: OipStep, { inputs }: DiscoveredModel, where: string): TransformInput[] {
  const names = new Map(Object.entries(step.send ?? {}).map(([name, as]) => [as, name] as const))
  return inputs.map(({ name, dtype, dims }) => {
    const shape = dims.filter((dim) => dim !== null)
    if (shape.length === dims.length) return { name: names.get(name) ?? name, dtype, shape }
    const wayOut = 'Declare what callers send: "inputs": [{"name": …, "dtype": …, "shape": […]}]'
    throw argumentError(
      where,
      'a step whose remote has rows of one shape',
      `${name} ${formatShape(dims, true)}`,
      wayOut,
      'ERR_PIPELINE_INVALID',
    )
  })
}

async function discover(step: OipStep, where: string, dependencies: RemoteDependencies): Promise<DiscoveredModel> {
  const base = baseUrl(step)
  dependencies.hosts.expect(`${where}.url`, base)
  const secrets = new Secrets(dependencies.environment)
  const headers = headersOf(step, where, secrets)
  const url = modelUrl(step, base)
  const failures = new RemoteFailures(url, secrets)
  const client = openClient(step, { url, failures, dependencies, onBreaker: () => undefined })
  const ending = new AbortController()
  const startedUs = dependencies.clock.monotonicUs()
  const timer = setTimeout(() => {
    ending.abort(failures.failure('ERR_REMOTE_TIMEOUT', `did not answer within ${REMOTE_DISCOVERY_MS} ms`))
  }, REMOTE_DISCOVERY_MS)
  const leftMs = (): number => REMOTE_DISCOVERY_MS - (dependencies.clock.monotonicUs() - startedUs) / 1000
  try {
    return await discoverModel(step, base, { client, failures, headers, context: { signal: ending.signal, leftMs } })
  } finally {
    clearTimeout(timer)
    await client.close()
  }
}

function baseUrl(step: RemoteStep): URL {
  return step.url === undefined ? sageMakerUrl((step as RemoteSageMakerStep).region) : new URL(step.url)
}

function headersOf({ headers = {} }: RemoteStep, where: string, secrets: Secrets): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      typeof value === 'string' ? value : secrets.resolve(`${where}.headers.${name}`, value),
    ]),
  )
}

interface KindOptions {
  readonly base: URL
  readonly sent: readonly OipColumn[]
  readonly outputs: readonly AnswerColumn[]
  readonly secrets: Secrets
  readonly clock: Clock
}

function kindOf(step: PreparedRemoteStep, where: string, options: KindOptions): RemoteKind {
  const { base, sent, outputs, secrets, clock } = options
  switch (step.kind) {
    case 'oip':
      return oipKind(step, base, sent, { outputs, isBinary: isBinary(step, sent, outputs) })
    case 'mlflow':
      return mlflowKind(step, base, sent)
    case 'sagemaker':
      return sageMakerKind(step, base, sent, { credentials: credentialsOf(step, where, secrets), clock })
    case 'http':
      return httpKind(step, base, sent)
  }
}

/** 16-bit floats have no form in the protocol's JSON. */
function isBinary(
  step: Extract<PreparedRemoteStep, { kind: 'oip' }>,
  sent: readonly OipColumn[],
  outputs: readonly AnswerColumn[],
): boolean {
  const hasHalves = [...sent, ...outputs].some(({ dtype }) => dtype === 'float16' || dtype === 'bfloat16')
  return step.binary ?? step.discovered?.isBinary ?? hasHalves
}

/** Those of AWS's own tools, unless the step names others. */
function credentialsOf({ credentials }: RemoteSageMakerStep, where: string, secrets: Secrets): AwsCredentials {
  const {
    accessKeyId = { env: 'AWS_ACCESS_KEY_ID' },
    secretAccessKey = { env: 'AWS_SECRET_ACCESS_KEY' },
    sessionToken = secrets.has('AWS_SESSION_TOKEN') && credentials === undefined
      ? { env: 'AWS_SESSION_TOKEN' }
      : undefined,
  } = credentials ?? {}
  return {
    accessKeyId: secrets.resolve(`${where}.credentials.accessKeyId`, accessKeyId),
    secretAccessKey: secrets.resolve(`${where}.credentials.secretAccessKey`, secretAccessKey),
    sessionToken:
      sessionToken === undefined ? null : secrets.resolve(`${where}.credentials.sessionToken`, sessionToken),
  }
}

interface ClientOptions {
  readonly url: URL
  readonly failures: RemoteFailures
  readonly dependencies: RemoteDependencies
  readonly onBreaker: (state: 'open' | 'closed', failure: PenstockError | null) => void
}

function openClient(step: RemoteStep, { url, failures, dependencies, onBreaker }: ClientOptions): RemoteClient {
  const concurrency = step.concurrency ?? REMOTE_CONCURRENCY
  return new RemoteClient({
    connection: new RemoteConnection({
      origin: url.origin,
      connections: concurrency,
      connectMs: Math.min(step.timeoutMs ?? REMOTE_TIMEOUT_MS, REMOTE_TIMEOUT_MS),
      bodyBytesMax: step.bodyBytesMax ?? REMOTE_BODY_BYTES_MAX,
    }),
    failures,
    retry: {
      retries: step.retries ?? REMOTE_RETRIES,
      backoffMs: step.backoffMs ?? REMOTE_BACKOFF_MS,
      isIdempotent: step.idempotent ?? false,
    },
    breaker: {
      failures: step.breaker?.failures ?? REMOTE_BREAKER_FAILURES,
      openMs: step.breaker?.openMs ?? REMOTE_BREAKER_OPEN_MS,
    },
    concurrency,
    onBreaker,
    clock: dependencies.clock,
    random: dependencies.random,
  })
}

/** The operator learns when a remote is left alone, and when it is back. */
function noticesOf(
  pipeline: string,
  where: string,
  onNotice: (notice: StageNotice) => void,
): Pick<ClientOptions, 'onBreaker'> {
  const place = `${where} (remote) of pipeline ${pipeline}`
  return {
    onBreaker: (state, failure) => {
      if (state === 'closed') onNotice({ level: 'info', message: `${place}: the remote answers again` })
      else
        onNotice({
          level: 'warn',
          message: `${place}: the remote is left alone for a while: ${failure?.message ?? ''}`,
          cause: failure?.cause,
        })
    },
  }
}
