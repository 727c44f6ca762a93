/**
 * The columns of a deployment's log, decided once, at deploy: what the addon copies, and the schema that says so to
 * readers. docs/internals/log.md lists them.
 *
 *     time · in.* · out.* · anomaly.count · anomaly.* · out_<label>.* · metadata.*
 *
 * Keys are texts that came beside the tensors: the caller's id of the request, its trace context, what splits route on,
 * and what the policy names. Transports put them all into the request's meta; a column has the value of one of them,
 * null where it is absent.
 */
import type { ColumnKind } from '../../bindings/generated/boundary.js'
import { dtypeInfo } from '../tensor/dtype.js'
import type { Dtype, TensorField } from '../tensor/tensor.js'
import { LOG_KEYS_MAX } from '../base/limits/limits.js'
import { EXTRA_KEY } from '../contract/derived/logged-fields.js'
import { REQUEST_ID_KEY } from '../pipeline/definition.js'
import type { CompiledPlan, PlanSource } from '../pipeline/plan.js'
import { TRACE_PARENT_KEY, TRACE_STATE_KEY } from '../protocol/trace-context.js'
import { encodeSchemaMessage, type ArrowField, type ArrowType } from './arrow-message.js'

/** A tensor that is logged: its column, and one for its shape where its values do not give it. */
export interface LoggedTensor {
  /** `in.x`, `out.y`, `out_model.y`. */
  readonly name: string
  readonly dtype: Dtype
  /** Dims of a row; null is free. */
  readonly dims: readonly (number | null)[]
  /** Elements of a row, 1 and more; null: as many as it has. */
  readonly elements: number | null
  readonly source: PlanSource
  readonly isNullable: boolean
}

export interface LogColumn {
  readonly kind: keyof typeof ColumnKind
  readonly field: ArrowField
  /** The logged tensor, for columns of tensors and shapes; null for the others. */
  readonly tensor: LoggedTensor | null
  /** An anomaly has the index of its check, a key its index in loggedKeys. */
  readonly check: number
}

/** What readers learn of the deployment besides its columns. */
export interface LogIdentity {
  readonly pipeline: string
  readonly version: number
  readonly partition: string
  /** The part of request ids that all of this engine have in common. */
  readonly instance: string
}

const uint64: ArrowType = { kind: 'int', bits: 64, isSigned: false }

export function logColumns(plan: CompiledPlan): LogColumn[] {
  const inputs = plan.inputFields.map((field, i) => {
    const source = plan.inputSources[i] as PlanSource
    // A challenger's own input is known only where the challenger ran.
    return tensorOf(plan, 'in', field, source, isBackground(plan, source))
  })
  const outputs = plan.outputFields.map((field, i) => tensorOf(plan, 'out', field, plan.answer[i] as PlanSource, false))
  const audited = plan.audited.flatMap(({ label, tensors }) =>
    tensors.map(({ field, source }) => tensorOf(plan, `out_${label}`, field, source, true)),
  )
  const tensors = [inputs, outputs, audited].map((group) => group.toSorted((a, b) => compareBytes(a.name, b.name)))
  const [sortedInputs = [], sortedOutputs = [], sortedAudited = []] = tensors
  return [
    plainColumn('time', 'time', { kind: 'timestamp-ms' }),
    ...sortedInputs.map(tensorColumn),
    ...sortedOutputs.map(tensorColumn),
    plainColumn('anomalyCount', 'anomaly.count', { kind: 'int', bits: 32, isSigned: false }),
    ...anomalyColumns(plan),
    ...sortedAudited.map(tensorColumn),
    plainColumn('elapsed', 'metadata.elapsed', { kind: 'fixed-list', child: uint64, size: plan.stages.length + 1 }),
    plainColumn('requestNumber', 'metadata.request_number', uint64),
    plainColumn('route', 'metadata.route', { kind: 'int', bits: 16, isSigned: true }),
    ...(plan.definition.cache === undefined ? [] : [cacheColumn()]),
    ...tensors.flat().filter(hasOwnShape).map(shapeColumn),
    ...loggedKeys(plan).map(keyColumn),
  ]
}

/** What readers see of a request whose pipeline has a prediction cache, by the number that is written. */
export const CACHE_USES = ['miss', 'hit'] as const

function cacheColumn(): LogColumn {
  return plainColumn('cache', 'metadata.cache', { kind: 'int', bits: 16, isSigned: true })
}

/** The keys that every log has, and their columns. */
const alwaysLogged: ReadonlyMap<string, string> = new Map([
  [REQUEST_ID_KEY, 'metadata.id'],
  [TRACE_PARENT_KEY, 'metadata.traceparent'],
  [TRACE_STATE_KEY, 'metadata.tracestate'],
])
/** What a contract says is to be logged of members of rows that are no field. */
const extraColumn = 'metadata.extra'

type LoggedPlan = Pick<CompiledPlan, 'definition' | 'splits' | 'logKeys'>

/** The keys that splits route on. */
export function splitKeys({ splits }: Pick<CompiledPlan, 'splits'>): string[] {
  return splits.flatMap((split) => (split.kind === 'key' ? split.key : (split.hashKey ?? [])))
}

/** The keys of a request's meta that are logged, those of every log first. */
export function loggedKeys({ definition, splits, logKeys }: LoggedPlan): string[] {
  const routing = splitKeys({ splits })
  const chosen = [...new Set([REQUEST_ID_KEY, ...(definition.log?.keys ?? routing), ...logKeys])].slice(0, LOG_KEYS_MAX)
  return [...new Set([...alwaysLogged.keys(), ...chosen])]
}

function keyColumn(key: string, index: number): LogColumn {
  const name = key === EXTRA_KEY ? extraColumn : (alwaysLogged.get(key) ?? `metadata.key.${key}`)
  return { kind: 'key', field: { name, type: { kind: 'utf8' }, isNullable: true }, tensor: null, check: index }
}

/** The first message of each of the deployment's segments. */
export function logSchema(plan: CompiledPlan, columns: readonly LogColumn[], identity: LogIdentity): Uint8Array {
  const split = plan.routeSplit < 0 ? null : (plan.splits[plan.routeSplit]?.kind ?? null)
  const facts = {
    ...identity,
    routes: plan.routes,
    split,
    models: labelledModels(plan),
    checks: plan.checks.map(({ name }) => name),
    last_model: lastModelOf(plan),
  }
  return encodeSchemaMessage(
    columns.map(({ field }) => field),
    { penstock: JSON.stringify(facts) },
  )
}

/** A row of tensors with two and more free dims does not give its dims by its number of elements. */
function hasOwnShape({ dims }: LoggedTensor): boolean {
  return dims.filter((dim) => dim === null).length >= 2
}

function tensorOf(
  plan: CompiledPlan,
  group: string,
  { name, dtype, shape }: TensorField,
  source: PlanSource,
  isNullable: boolean,
): LoggedTensor {
  const dims = plan.isNonBatching ? shape : shape.slice(1)
  const isFree = dims.includes(null)
  const count = dims.reduce<number>((product, dim) => product * (dim ?? 1), 1)
  // A list says of each row that it is empty; lists of the fixed size 0 are what few readers have ever met.
  const elements = isFree || count === 0 ? null : count
  return { name: `${group}.${name}`, dtype, dims, elements, source, isNullable }
}

function tensorColumn(tensor: LoggedTensor): LogColumn {
  const { name, dtype, dims, elements, isNullable } = tensor
  const child = arrowTypeOf(dtype)
  const type: ArrowType = elements === null ? { kind: 'list', child } : { kind: 'fixed-list', child, size: elements }
  const metadata = { tensor_type: JSON.stringify({ shape: dims.map((dim) => dim ?? -1), dtype }) }
  return { kind: 'tensor', field: { name, type, isNullable, metadata }, tensor, check: 0 }
}

function shapeColumn(tensor: LoggedTensor): LogColumn {
  const child: ArrowType = { kind: 'int', bits: 32, isSigned: true }
  const type: ArrowType = { kind: 'fixed-list', child, size: tensor.dims.length }
  const field = { name: `metadata.shape.${tensor.name}`, type, isNullable: false }
  return { kind: 'shape', field, tensor, check: 0 }
}

function anomalyColumns(plan: CompiledPlan): LogColumn[] {
  return plan.checks
    .map(({ name }, check) => ({ name, check }))
    .toSorted((a, b) => compareBytes(a.name, b.name))
    .map(({ name, check }) => ({ ...plainColumn('anomaly', `anomaly.${name}`, { kind: 'bool' }), check }))
}

function plainColumn(kind: LogColumn['kind'], name: string, type: ArrowType): LogColumn {
  return { kind, field: { name, type, isNullable: false }, tensor: null, check: 0 }
}

function arrowTypeOf(dtype: Dtype): ArrowType {
  switch (dtype) {
    case 'bool':
      return { kind: 'bool' }
    case 'string':
      return { kind: 'utf8' }
    case 'float16':
      return { kind: 'float', bits: 16 }
    case 'float32':
      return { kind: 'float', bits: 32 }
    case 'float64':
      return { kind: 'float', bits: 64 }
    // Arrow has no such float; `tensor_type` says what the bits mean.
    case 'bfloat16':
      return { kind: 'int', bits: 16, isSigned: false }
    default:
      return {
        kind: 'int',
        bits: (dtypeInfo(dtype).sizeBytes * 8) as 8 | 16 | 32 | 64,
        isSigned: !dtype.startsWith('u'),
      }
  }
}

function isBackground(plan: CompiledPlan, { stage, position }: PlanSource): boolean {
  return plan.stages[stage]?.positions[position]?.isBackground === true
}

/** Each model once for each name that routes and columns give it; `label` where that is not the model's own. */
function labelledModels(plan: CompiledPlan): unknown[] {
  const seen = new Set<string>()
  const options = plan.stages.flatMap(({ positions }) => positions.flatMap((position) => position.options))
  return options.flatMap(({ model, label }) => {
    const used = plan.models[model]
    const key = JSON.stringify([model, label])
    if (used === undefined || seen.has(key)) return []
    seen.add(key)
    const { name, version, sha256 } = used
    return [{ name, version, sha256, ...(label === name ? {} : { label }) }]
  })
}

/** The label of the model that answers every row; null where a split chooses it. */
function lastModelOf(plan: CompiledPlan): string | null {
  const source = plan.answer[0]
  const position = source === undefined ? undefined : plan.stages[source.stage]?.positions[source.position]
  return position === undefined || position.split >= 0 ? null : (position.options[0]?.label ?? null)
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
