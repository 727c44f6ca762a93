/**
 * Arrow bodies of the infer endpoint: columns by the names of the inputs, in any order. Columns that are no inputs are
 * echoed, and those that a split of the pipeline routes on are its routing keys as well, as in records.
 */
import { PenstockError } from '../../base/errors.js'
import type { Meta, MetaValue } from '../../engine/api.js'
import { arrowTensor } from '../../results/arrow-inputs.js'
import { type ArrowBody, readArrow } from '../../results/ipc/read-arrow.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import { missingInput, type ParsedRequest, routingKeys, type Signature } from './infer-request.js'

export interface ArrowRequest {
  readonly body: ArrowBody
  readonly request: ParsedRequest
  /** The columns that are no inputs. */
  readonly extras: readonly number[]
}

/**
 * @param bytes the caller's; the tensors may be views of them.
 * @throws PenstockError ERR_BODY, ERR_MISSING_INPUT, ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_TOO_MANY_ROWS, ERR_META.
 */
export function parseArrowBody(bytes: Uint8Array, signature: Signature): ArrowRequest {
  const body = readArrow(bytes, Math.max(signature.rowsMax, 1))
  if (body.rows === 0) throw new PenstockError('ERR_SHAPE', 'Expected at least one row but received a body without any')
  const inputs = Object.create(null) as Record<string, Tensor>
  for (const field of signature.inputs) {
    const index = body.fields.findIndex(({ name }) => name === field.name)
    if (index < 0) throw missingInput(field.name, signature, 'the columns')
    inputs[field.name] = arrowTensor(body, index, field, signature.isWhole)
  }
  const extras = body.fields.flatMap(({ name }, index) =>
    signature.inputs.some((field) => field.name === name) ? [] : [index],
  )
  const meta = metaOf(body, signature)
  return { body, request: meta === null ? { inputs } : { inputs, meta }, extras }
}

function metaOf(body: ArrowBody, signature: Signature): Meta | null {
  const meta: Record<string, MetaValue> = {}
  for (const key of routingKeys(signature)) {
    const index = body.fields.findIndex(({ name }) => name === key)
    if (index >= 0) meta[key] = keysOf(body, index, key)
  }
  return Object.keys(meta).length === 0 ? null : meta
}

/** One value per row: texts, or numbers. */
function keysOf(body: ArrowBody, index: number, key: string): string[] | number[] {
  const { id } = (body.fields[index] as ArrowBody['fields'][number]).type
  const isText = id === 'utf8' || id === 'large-utf8'
  if (!isText && id !== 'int' && id !== 'float') {
    throw new PenstockError(
      'ERR_META',
      `Expected column ${key} to be texts or numbers, for the pipeline routes on it, but received ${id}`,
    )
  }
  const field: TensorField = { name: key, dtype: isText ? 'string' : 'float64', shape: [null] }
  const { data } = arrowTensor(body, index, field, false)
  return isText ? [...(data as readonly string[])] : Array.from(data as Float64Array)
}
