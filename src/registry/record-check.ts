/**
 * Checks of parsed record files, field by field. Written out by hand: the registry has few kinds of record, and loading
 * a schema library at each start of the CLI costs more than this page.
 * A check throws the ERR_ARGUMENT of base/expect, whose sentence names the field; records.ts adds the file.
 */
import {
  argumentError,
  expectArray,
  expectInteger,
  expectNumber,
  expectOneOf,
  expectRecord,
  expectString,
} from '../base/expect.js'
import { expectLineage } from '../base/lineage.js'
import { RANK_MAX, VERSIONS_MAX } from '../base/limits/limits.js'
import { expectDeviceId, expectProviders } from '../base/providers.js'
import type {
  BatchingCulprit,
  BatchingProof,
  ModelOutput,
  ModelSignature,
  ModelVersion,
  PipelineVersion,
  Runner,
} from '../engine/api/api.js'
import type { PipelineDefinition } from '../pipeline/definition.js'
import { DTYPES } from '../tensor/dtype.js'
import type { TensorField } from '../tensor/tensor.js'
import { checkCalibration } from './calibration-check.js'

const COUNT_MAX = Number.MAX_SAFE_INTEGER
const SHA256_HEX = /^[0-9a-f]{64}$/
const DTYPE_NAMES = DTYPES.map(({ name }) => name)
const BATCHING_MODES = ['rows', 'row', 'whole'] as const
const RUNNERS = ['onnxruntime', 'native-trees'] as const
const BATCHING_BASES = ['graph', 'trial', 'override', 'none'] as const

/** Versions as stored: ascending numbers below `nextVersion`. */
export function checkVersions<T extends { version: number }>(
  value: unknown,
  nextVersion: number,
  check: (path: string, value: unknown) => T,
): T[] {
  const versions = expectArray('versions', value, VERSIONS_MAX).map((entry, index) =>
    check(`versions[${index}]`, entry),
  )
  let previous = 0
  for (const { version } of versions) {
    expectInteger('the version after ' + previous, version, previous + 1, nextVersion - 1)
    previous = version
  }
  return versions
}

export function checkSha256(path: string, value: unknown): string {
  return checkPattern(path, value, SHA256_HEX, '64 lower-case hexadecimal digits')
}

export function checkModelVersion(path: string, value: unknown): ModelVersion {
  const fields = expectRecord(path, value)
  return {
    name: expectString(`${path}.name`, fields['name']),
    version: expectInteger(`${path}.version`, fields['version'], 1, COUNT_MAX),
    sha256: checkSha256(`${path}.sha256`, fields['sha256']),
    sizeBytes: expectInteger(`${path}.sizeBytes`, fields['sizeBytes'], 1, COUNT_MAX),
    createdAt: checkTime(`${path}.createdAt`, fields['createdAt']),
    signature: checkSignature(`${path}.signature`, fields['signature']),
    tags: checkEach(`${path}.tags`, fields['tags'], expectString),
    // Releases before these fields wrote none.
    ...(fields['providers'] === undefined
      ? {}
      : { providers: expectProviders(`${path}.providers`, fields['providers']) }),
    ...(fields['deviceId'] === undefined ? {} : { deviceId: expectDeviceId(`${path}.deviceId`, fields['deviceId']) }),
    ...checkCalibration(`${path}.calibration`, fields['calibration']),
    ...checkUploaded(`${path}.uploaded`, fields['uploaded']),
    ...(fields['lineage'] === undefined ? {} : { lineage: expectLineage(`${path}.lineage`, fields['lineage']) }),
  }
}

export function checkPipelineVersion(path: string, value: unknown): PipelineVersion {
  const fields = expectRecord(path, value)
  const definition = expectRecord(`${path}.definition`, fields['definition'])
  expectString(`${path}.definition.name`, definition['name'])
  checkEach(`${path}.definition.steps`, definition['steps'], (stepPath, step) =>
    expectString(`${stepPath}.type`, expectRecord(stepPath, step)['type']),
  )
  return {
    version: expectInteger(`${path}.version`, fields['version'], 1, COUNT_MAX),
    // What a step may contain is the plan's to check, at each deploy.
    definition: definition as unknown as PipelineDefinition,
    createdAt: checkTime(`${path}.createdAt`, fields['createdAt']),
  }
}

export function checkTime(path: string, value: unknown): string {
  const time = expectString(path, value)
  if (Number.isNaN(Date.parse(time))) throw argumentError(path, 'a time in ISO 8601', value)
  return time
}

export function checkPattern(path: string, value: unknown, pattern: RegExp, rule: string): string {
  const text = expectString(path, value)
  if (!pattern.test(text)) throw argumentError(path, rule, value)
  return text
}

export function checkEach<T>(path: string, value: unknown, check: (path: string, value: unknown) => T): T[] {
  return expectArray(path, value).map((element, index) => check(`${path}[${index}]`, element))
}

function checkSignature(path: string, value: unknown): ModelSignature {
  const fields = expectRecord(path, value)
  return {
    inputs: checkEach(`${path}.inputs`, fields['inputs'], checkInput),
    outputs: checkEach(`${path}.outputs`, fields['outputs'], checkOutput),
    batching: expectOneOf(`${path}.batching`, fields['batching'], BATCHING_MODES),
    remark: expectString(`${path}.remark`, fields['remark']),
    ...(fields['copiedOutputs'] === undefined
      ? {}
      : { copiedOutputs: checkEach(`${path}.copiedOutputs`, fields['copiedOutputs'], expectString) }),
    ...(fields['batchingProof'] === undefined
      ? {}
      : { batchingProof: checkBatchingProof(`${path}.batchingProof`, fields['batchingProof']) }),
    ...(fields['runner'] === undefined ? {} : { runner: checkRunner(`${path}.runner`, fields['runner']) }),
  }
}

function checkRunner(path: string, value: unknown): Runner {
  const fields = expectRecord(path, value)
  return {
    name: expectOneOf(`${path}.name`, fields['name'], RUNNERS),
    reason: expectString(`${path}.reason`, fields['reason']),
    rows: expectInteger(`${path}.rows`, fields['rows'], 0, COUNT_MAX),
    memoryBytes: expectInteger(`${path}.memoryBytes`, fields['memoryBytes'], 0, COUNT_MAX),
    foundWith: expectString(`${path}.foundWith`, fields['foundWith']),
  }
}

function checkBatchingProof(path: string, value: unknown): BatchingProof {
  const fields = expectRecord(path, value)
  const { culprit, override, found } = fields
  return {
    revision: expectInteger(`${path}.revision`, fields['revision'], 1, COUNT_MAX),
    basis: expectOneOf(`${path}.basis`, fields['basis'], BATCHING_BASES),
    culprit: culprit === null ? null : checkCulprit(`${path}.culprit`, culprit),
    comparisons: expectInteger(`${path}.comparisons`, fields['comparisons'], 0, COUNT_MAX),
    difference: expectString(`${path}.difference`, fields['difference']),
    untried: checkEach(`${path}.untried`, fields['untried'], expectString),
    ...(override === undefined ? {} : { override: checkNamed(`${path}.override`, override, 'operator') }),
    ...(found === undefined ? {} : { found: checkNamed(`${path}.found`, found, 'output') }),
  }
}

/** Who or what, and when. */
function checkNamed<K extends string>(
  path: string,
  value: unknown,
  key: K,
): { readonly at: string } & Readonly<Record<K, string>> {
  const record = expectRecord(path, value)
  const named = { [key]: expectString(`${path}.${key}`, record[key]) } as Record<K, string>
  return { ...named, at: checkTime(`${path}.at`, record['at']) }
}

function checkCulprit(path: string, value: unknown): BatchingCulprit {
  const fields = expectRecord(path, value)
  return {
    node: expectString(`${path}.node`, fields['node']),
    operator: expectString(`${path}.operator`, fields['operator']),
    reason: expectString(`${path}.reason`, fields['reason']),
  }
}

function checkUploaded(path: string, value: unknown): Pick<ModelVersion, 'uploaded'> {
  if (value === undefined) return {}
  const fields = expectRecord(path, value)
  return {
    uploaded: {
      sha256: checkPattern(`${path}.sha256`, fields['sha256'], SHA256_HEX, '64 lower-case hexadecimal digits'),
      sizeBytes: expectInteger(`${path}.sizeBytes`, fields['sizeBytes'], 1, COUNT_MAX),
      changes: checkEach(`${path}.changes`, fields['changes'], expectString),
    },
  }
}

function checkOutput(path: string, value: unknown): ModelOutput {
  const { classes } = expectRecord(path, value)
  const field = checkField(path, value)
  if (classes === undefined) return field
  return { ...field, classes: checkEach(`${path}.classes`, classes, checkLabel) }
}

function checkInput(path: string, value: unknown): TensorField {
  const { default: given } = expectRecord(path, value)
  const field = checkField(path, value)
  if (given === undefined) return field
  const { shape, data } = expectRecord(`${path}.default`, given)
  return {
    ...field,
    default: {
      shape: checkEach(`${path}.default.shape`, shape, (at, dim) => expectInteger(at, dim, 0, COUNT_MAX)),
      data: checkEach(`${path}.default.data`, data, (at, element) =>
        typeof element === 'string' ? element : expectNumber(at, element, -Number.MAX_VALUE, Number.MAX_VALUE),
      ),
    },
  }
}

function checkLabel(path: string, value: unknown): string | number {
  return typeof value === 'string' ? value : expectInteger(path, value, -COUNT_MAX, COUNT_MAX)
}

function checkField(path: string, value: unknown): TensorField {
  const fields = expectRecord(path, value)
  expectArray(`${path}.shape`, fields['shape'], RANK_MAX)
  return {
    name: expectString(`${path}.name`, fields['name']),
    dtype: expectOneOf(`${path}.dtype`, fields['dtype'], DTYPE_NAMES),
    shape: checkEach(`${path}.shape`, fields['shape'], checkDim),
  }
}

function checkDim(path: string, value: unknown): number | null {
  return value === null ? null : expectInteger(path, value, 0, COUNT_MAX)
}
