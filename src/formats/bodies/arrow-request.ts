/**
 * Arrow bodies of the infer endpoint: columns by the names of the inputs, in any order. Columns that are no inputs are
 * echoed, and those that a split of the pipeline routes on are its routing keys as well, as in records. An input without
 * a column is missing in each row. A pipeline with one tensor takes a column for each feature, too
 * (tensor/feature-columns.ts).
 */
import { PenstockError } from '../../base/errors.js'
import { ARROW_DECODED_BYTES_MAX } from '../../base/limits/limits.js'
import type { Meta, MetaValue } from '../../engine/api/api.js'
import { arrowFeatures, arrowTensor } from '../arrow/arrow-inputs.js'
import { Allowance, isNull } from '../ipc/columns.js'
import { type ArrowBody, readArrow } from '../ipc/read-arrow.js'
import { planFeatureColumns } from '../../tensor/feature-columns.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import { absentInput, type ParsedRequest, routingKeys, type Signature } from './signature.js'

export interface ArrowRequest {
  readonly body: ArrowBody
  readonly request: ParsedRequest
  /** The columns that are no inputs. */
  readonly extras: readonly number[]
  /** What was made to be read, of which the tensors may be views; absent: it is the caller's own. */
  readonly made?: Uint8Array
}

/**
 * @param bytes the caller's; the tensors may be views of them.
 * @param onSpend hears of what they unpack to, before it is there; what it throws refuses the body.
 * @throws PenstockError ERR_BODY, ERR_MISSING_INPUT, ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_TOO_MANY_ROWS, ERR_META.
 */
export function parseArrowBody(
  bytes: Uint8Array,
  signature: Signature,
  onSpend?: (bytes: number) => void,
): ArrowRequest {
  const body = readArrow(bytes, Math.max(signature.rowsMax, 1), new Allowance(ARROW_DECODED_BYTES_MAX, onSpend))
  const inputs = Object.create(null) as Record<string, Tensor>
  const indices = body.fields.keys()
  const names = body.fields.map(({ name }) => name)
  const meta = metaOf(body, signature)
  const request = meta === null ? { inputs } : { inputs, meta }
  const keys = routingKeys(signature)
  const plan = planFeatureColumns(
    signature.inputs,
    signature.isNonBatching,
    names.filter((name) => !keys.has(name)),
  )
  if (plan?.kind === 'features') {
    inputs[plan.field.name] = arrowFeatures(
      body,
      plan.columns.map((name) => names.indexOf(name)),
      plan.field,
    )
    return { body, request, extras: [...indices].filter((index) => keys.has(names[index] as string)) }
  }
  const isInput = (name: string): boolean => signature.inputs.some((field) => field.name === name)
  const facts = {
    rows: body.rows,
    hasInput: names.some(isInput),
    others: names.filter((name) => !isInput(name) && !keys.has(name)),
  }
  for (const field of signature.inputs) {
    const index = names.indexOf(field.name)
    if (index < 0 && field.default !== undefined) continue
    if (index < 0 && plan !== null) throw new PenstockError('ERR_MISSING_INPUT', plan.reason)
    inputs[field.name] =
      index < 0
        ? absentInput(field, signature, 'the columns', facts)
        : arrowTensor(body, index, field, signature.isNonBatching)
  }
  return { body, request, extras: [...indices].filter((index) => !isInput(names[index] as string)) }
}

function metaOf(body: ArrowBody, signature: Signature): Meta | null {
  const meta: Record<string, MetaValue> = {}
  for (const key of routingKeys(signature)) {
    const index = body.fields.findIndex(({ name }) => name === key)
    if (index >= 0) meta[key] = keysOf(body, index, key)
  }
  return Object.keys(meta).length === 0 ? null : meta
}

/** One value per row, as in records: numbers when all are, else texts; a row without one has '' and takes the default. */
function keysOf(body: ArrowBody, index: number, key: string): string[] | number[] {
  const { id } = (body.fields[index] as ArrowBody['fields'][number]).type
  const isText = id === 'utf8' || id === 'large-utf8'
  if (!isText && id !== 'bool' && id !== 'int' && id !== 'float' && id !== 'null')
    throw keyError(key, `texts, numbers or bools, for the pipeline routes on it or logs it, but received ${id}`)
  const dtype = isText || id === 'null' ? 'string' : 'float64'
  const field: TensorField = { name: key, dtype, shape: [null] }
  const { data } = arrowTensor(body, index, field, false)
  if (dtype === 'string') return [...(data as readonly string[])]
  const numbers = Array.from(data as Float64Array)
  const unsafe = id === 'int' ? numbers.find((value) => Math.abs(value) > Number.MAX_SAFE_INTEGER) : undefined
  if (unsafe !== undefined) throw keyError(key, `integers within 2^53, but received ${unsafe}. Send it as texts`)
  const missing = missingRows(body, index)
  if (id !== 'bool' && missing.size === 0) return numbers
  const textOf = (value: number): string => (id === 'bool' ? String(value === 1) : String(value))
  return numbers.map((value, row) => (missing.has(row) ? '' : textOf(value)))
}

function missingRows({ batches }: ArrowBody, index: number): Set<number> {
  const missing = new Set<number>()
  let before = 0
  for (const { columns, rows } of batches) {
    const column = columns[index]
    for (let row = 0; column !== undefined && column.nullCount > 0 && row < rows; row++)
      if (isNull(column, row)) missing.add(before + row)
    before += rows
  }
  return missing
}

function keyError(key: string, rule: string): PenstockError {
  return new PenstockError('ERR_META', `Expected column ${key} to have ${rule}`)
}
