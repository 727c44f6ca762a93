/**
 * `remote`: another server answers, by the Open Inference Protocol, MLflow's, SageMaker's, or plain HTTP with JSON. What it
 * does lives in src/remote; here its form on the wire is read, which is untrusted.
 */
import {
  REMOTE_BACKOFF_MS_MAX,
  REMOTE_BODY_BYTES_CEILING,
  REMOTE_BREAKER_FAILURES_MAX,
  REMOTE_BREAKER_OPEN_MS_MAX,
  REMOTE_CONCURRENCY_MAX,
  REMOTE_RETRIES_MAX,
  REMOTE_ROWS_CEILING,
  REMOTE_TEMPLATE_CHARACTERS_MAX,
  REMOTE_TIMEOUT_MS_MAX,
} from '../../base/limits/remote-limits.js'
import { REMOTE_KINDS, type RemoteKindName, type RemoteStep } from '../../pipeline/remote-step.js'
import { compileRemote } from '../../remote/compile.js'
import { sageMakerUrl } from '../../remote/kinds/sagemaker.js'
import { shown } from '../../remote/failures.js'
import type { StepKind } from '../step.js'
import { StepReader, suggest } from '../step-reader.js'
import { readInputs } from './column-inputs.js'
import { readOutputs, readSend } from './remote/columns.js'
import { readHeaders, readSecret, readUrl } from './remote/address.js'

const COMMON_KEYS = [
  'kind',
  'url',
  'inputs',
  'send',
  'outputs',
  'keep',
  'headers',
  'timeoutMs',
  'idempotent',
  'retries',
  'backoffMs',
  'concurrency',
  'maxRows',
  'bodyBytesMax',
  'breaker',
]
const OWN_KEYS: Readonly<Record<RemoteKindName, readonly string[]>> = {
  oip: ['model', 'version', 'binary'],
  mlflow: ['params'],
  sagemaker: ['endpoint', 'region', 'targetModel', 'format', 'credentials'],
  http: ['body'],
}
const FORMATS = ['csv', 'instances', 'dataframe_split'] as const

export const remoteKind: StepKind<RemoteStep> = {
  type: 'remote',
  keys: [...COMMON_KEYS, ...Object.values(OWN_KEYS).flat()],
  parse: (reader) => {
    const kind = readKind(reader)
    // The members have their order: equal definitions are equal texts.
    return {
      type: 'remote',
      kind,
      ...readOwn(reader, kind),
      ...readColumns(reader, kind),
      ...readCalls(reader),
    } as RemoteStep
  },
  flow: (_, __, outputCount) => outputCount,
  plan: (step, where, draft) => draft.stage(where, step, compileRemote(step, where), step.inputs),
  describe: (step) => {
    const url =
      step.url === undefined && step.kind === 'sagemaker' ? sageMakerUrl(step.region) : new URL(step.url ?? '')
    const what = step.kind === 'oip' ? `${step.model} ` : step.kind === 'sagemaker' ? `${step.endpoint} ` : ''
    return `remote ${step.kind} ${what}at ${shown(url)}`
  },
}

function readKind(reader: StepReader): RemoteKindName {
  const value = reader.get('kind')
  const kind = REMOTE_KINDS.find((known) => known === value)
  if (kind === undefined) throw reader.error('kind', `one of ${REMOTE_KINDS.join(', ')}`, value, near(value))
  const foreign = Object.values(OWN_KEYS)
    .flat()
    .find((key) => reader.has(key) && !OWN_KEYS[kind].includes(key))
  if (foreign !== undefined) {
    const owner = REMOTE_KINDS.find((other) => OWN_KEYS[other].includes(foreign)) ?? ''
    throw reader.error(foreign, `absent, for a remote of the kind ${kind} has none (${owner} has)`, reader.get(foreign))
  }
  return kind
}

function near(value: unknown): string {
  return typeof value === 'string' ? suggest(value, REMOTE_KINDS) : ''
}

/** What a kind of remote has for itself, its address first. */
function readOwn(reader: StepReader, kind: RemoteKindName): object {
  const url = kind === 'sagemaker' && !reader.has('url') ? {} : { url: readUrl(reader) }
  switch (kind) {
    case 'oip':
      return {
        ...url,
        model: reader.text('model'),
        ...(reader.has('version') ? { version: reader.text('version') } : {}),
        ...(reader.has('binary') ? { binary: reader.boolean('binary') } : {}),
      }
    case 'mlflow':
      return { ...url, ...(reader.has('params') ? { params: readTemplate(reader, 'params') } : {}) }
    case 'sagemaker':
      return { ...url, ...readSageMaker(reader) }
    case 'http':
      return { ...url, ...(reader.has('body') ? { body: readTemplate(reader, 'body') } : {}) }
  }
}

function readSageMaker(reader: StepReader): object {
  const endpoint = reader.text('endpoint')
  if (!/^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$/.test(endpoint))
    throw reader.error('endpoint', 'the name of an endpoint, 1..63 letters, digits and hyphens', endpoint)
  const region = reader.text('region')
  if (!/^[a-z]{2,8}(-[a-z]{2,16}){1,3}-\d{1,2}$/.test(region))
    throw reader.error('region', 'a region like eu-west-1', region)
  const format = reader.get('format')
  const known = FORMATS.find((one) => one === format)
  if (format !== undefined && known === undefined) throw reader.error('format', `one of ${FORMATS.join(', ')}`, format)
  return {
    endpoint,
    region,
    ...(reader.has('targetModel') ? { targetModel: readHeaderText(reader, 'targetModel') } : {}),
    ...(known === undefined ? {} : { format: known }),
    ...(reader.has('credentials') ? { credentials: readCredentials(reader) } : {}),
  }
}

/** It travels as a header. */
function readHeaderText(reader: StepReader, key: string): string {
  const text = reader.text(key)
  if (!/^[\x20-\x7e]+$/.test(text)) throw reader.error(key, 'printable ASCII, for it is a header,', text)
  return text
}

function readCredentials(reader: StepReader): object {
  const keys = ['accessKeyId', 'secretAccessKey', 'sessionToken']
  const inner = new StepReader(`${reader.where}.credentials`, reader.object('credentials'))
  inner.expectKeys(keys)
  return Object.fromEntries(
    keys
      .filter((key) => key !== 'sessionToken' || inner.has(key))
      .map((key) => [key, readSecret(inner, key, inner.get(key))]),
  )
}

/** JSON that is sent with every call. */
function readTemplate(reader: StepReader, key: string): object {
  const value = reader.object(key)
  const length = JSON.stringify(value).length
  if (length > REMOTE_TEMPLATE_CHARACTERS_MAX)
    throw reader.error(key, `an object of at most ${REMOTE_TEMPLATE_CHARACTERS_MAX} characters`, `${length} characters`)
  return value
}

function readColumns(reader: StepReader, kind: RemoteKindName): object {
  return {
    ...(reader.has('inputs') ? { inputs: readInputs(reader) } : {}),
    ...readSend(reader, kind),
    ...readOutputs(reader, kind),
    ...(reader.has('keep') ? { keep: reader.boolean('keep') } : {}),
  }
}

const CALL_NUMBERS = [
  ['timeoutMs', 1, REMOTE_TIMEOUT_MS_MAX],
  ['retries', 0, REMOTE_RETRIES_MAX],
  ['backoffMs', 1, REMOTE_BACKOFF_MS_MAX],
  ['concurrency', 1, REMOTE_CONCURRENCY_MAX],
  ['maxRows', 1, REMOTE_ROWS_CEILING],
  ['bodyBytesMax', 1, REMOTE_BODY_BYTES_CEILING],
] as const

/** How calls are made. */
function readCalls(reader: StepReader): object {
  const numbers = CALL_NUMBERS.filter(([key]) => reader.has(key))
  return {
    ...readHeaders(reader),
    ...(reader.has('idempotent') ? { idempotent: reader.boolean('idempotent') } : {}),
    ...Object.fromEntries(numbers.map(([key, min, max]) => [key, reader.integer(key, min, max)])),
    ...(reader.has('breaker') ? { breaker: readBreaker(reader) } : {}),
  }
}

function readBreaker(reader: StepReader): object {
  const inner = new StepReader(`${reader.where}.breaker`, reader.object('breaker'))
  inner.expectKeys(['failures', 'openMs'])
  return {
    ...(inner.has('failures') ? { failures: inner.integer('failures', 1, REMOTE_BREAKER_FAILURES_MAX) } : {}),
    ...(inner.has('openMs') ? { openMs: inner.integer('openMs', 1, REMOTE_BREAKER_OPEN_MS_MAX) } : {}),
  }
}
