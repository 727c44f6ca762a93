/**
 * From an untrusted InferRequest to what the addon takes: tensors of the exact dtype in the plan's order, the number
 * of rows, the free dims, the meta block. Every argument is checked here, once, with words; past this file nothing
 * checks again.
 */
import { PenstockError } from '../../base/errors.js'
import { argumentError, expectInteger, expectRecord } from '../../base/expect.js'
import { DEADLINE_MS_MAX } from '../../base/limits/limits.js'
import { toTensor } from '../../tensor/convert.js'
import { defaultTensor } from '../../tensor/defaults.js'
import { expectShape } from '../../tensor/shape.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import type { InferRequest, RequestOptions } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import type { PreparedInputs } from '../deploy/request-transforms.js'
import type { TransformColumns } from '../../pipeline/columns/stage.js'
import type { ChainCall } from '../columns/column-chain.js'
import { admitOptions, type AdmittedOptions, type RequestId } from './request-options.js'

export interface AdmittedRequest {
  /** In the order of the pipeline's inputs. */
  readonly tensors: readonly Tensor[]
  /** 1 for non-batching pipelines. */
  readonly rows: number
  /** Free dims in the addon's order; null when the signature has none. */
  readonly dims: Int32Array | null
  readonly options: AdmittedOptions
}

/** A request whose tensors are bytes as the addon takes them: little-endian, row-major, at any address. */
export interface BytesRequest {
  /** Full shapes, in the order of the pipeline's inputs. */
  readonly shapes: readonly (readonly number[])[]
  /** In the same order; lent until the call returns. */
  readonly bytes: readonly Uint8Array[]
  /** Their deadline may have a fraction, for protocols count microseconds; 0 < deadlineMs <= DEADLINE_MS_MAX. */
  readonly options: RequestOptions
}

/**
 * The same for tensors that are bytes: shapes are checked here, their bytes by the addon.
 * @throws PenstockError ERR_SHAPE, ERR_VALUE_RANGE (a bool that is none), ERR_TOO_MANY_ROWS, ERR_META.
 */
export function admitBytes(deployment: Deployment, request: BytesRequest, id: RequestId): AdmittedRequest {
  const { compiled, description } = deployment
  const fields = compiled.inputFields
  const tensors: Tensor[] = fields.map((field, index) => {
    const shape = request.shapes[index] ?? []
    const data = request.bytes[index] ?? noBytes
    expectShape(field, shape, compiled.isNonBatching)
    if (field.dtype === 'bool') expectBools(field.name, data)
    return { dtype: field.dtype, shape, data }
  })
  const rows = compiled.isNonBatching ? 1 : rowsOf(fields, tensors, description.rowsMax)
  return {
    tensors,
    rows,
    dims: freeDims(deployment, tensors),
    options: admitOptions(request.options, rows, id),
  }
}

const noBytes = new Uint8Array(0)

function expectBools(name: string, bytes: Uint8Array): void {
  const index = bytes.findIndex((byte) => byte > 1)
  if (index >= 0) throw argumentError(`${name}.data[${index}]`, '0 or 1', bytes[index], '', 'ERR_VALUE_RANGE')
}

export interface CheckedColumns {
  readonly columns: TransformColumns
  /** Each column has so many: 1..REQUEST_ROWS_MAX. */
  readonly rows: number
}

/** A request that is checked as far as it stands in front of the pipeline's column steps. */
export interface ReceivedRequest {
  /** In the order of the callers' inputs, or columns of a contract by name. */
  readonly sent: readonly Tensor[] | CheckedColumns
  readonly rows: number
  readonly options: AdmittedOptions
}

/**
 * Checks a request.
 * @param checked columns which the pipeline's first step takes in place of the request's inputs.
 * @throws PenstockError of the argument class, naming the argument.
 */
export function receive(
  deployment: Deployment,
  request: InferRequest,
  id: RequestId,
  checked?: CheckedColumns,
): ReceivedRequest {
  if (checked !== undefined) return received(checked, checked.rows, request, id)
  expectRecord('request', request)
  const { compiled } = deployment
  const fields = compiled.callerInputs
  const sent = tensorsOf(fields, request.inputs, compiled.isNonBatching)
  const rows = compiled.isNonBatching ? 1 : rowsOf(fields, sent, deployment.description.rowsMax)
  return received(sent, rows, request, id)
}

function received(
  sent: ReceivedRequest['sent'],
  rows: number,
  options: RequestOptions,
  id: RequestId,
): ReceivedRequest {
  if (options.deadlineMs !== undefined) expectInteger('deadlineMs', options.deadlineMs, 1, DEADLINE_MS_MAX)
  return { sent, rows, options: admitOptions(options, rows, id) }
}

/**
 * Takes a request through the column steps before the models.
 * @returns what the models take of it; a promise where a stage waits.
 * @throws PenstockError of a row that a step refuses.
 */
export function prepare(
  { transforms }: Deployment,
  { sent, rows }: ReceivedRequest,
  call: ChainCall,
): PreparedInputs | Promise<PreparedInputs> {
  return 'columns' in sent ? transforms.inputsOfColumns(sent.columns, rows, call) : transforms.inputs(sent, rows, call)
}

/** @param prepared by `prepare`. */
export function admit(
  deployment: Deployment,
  { rows, options }: ReceivedRequest,
  { tensors }: PreparedInputs,
): AdmittedRequest {
  return { tensors, rows, dims: freeDims(deployment, tensors), options }
}

/** Tensors in the order of `fields`. @throws PenstockError of the argument class. */
export function tensorsOf(fields: readonly TensorField[], inputs: unknown, isNonBatching: boolean): Tensor[] {
  const given = expectRecord('inputs', inputs)
  const expected = (): string => fields.map((field) => field.name).join(', ')
  for (const name of Object.keys(given)) {
    if (fields.some((field) => field.name === name)) continue
    throw new PenstockError('ERR_UNKNOWN_INPUT', `Expected the inputs to be ${expected()} but received ${name}`)
  }
  return fields.map((field) => {
    const value = Object.hasOwn(given, field.name) ? given[field.name] : undefined
    if (value !== undefined) return withoutNul(field, toTensor(field, value, isNonBatching))
    const standIn = defaultTensor(field)
    if (standIn !== undefined) return standIn
    throw new PenstockError('ERR_MISSING_INPUT', `Expected the inputs to be ${expected()} but ${field.name} is missing`)
  })
}

/** ONNX Runtime's JavaScript API takes strings as C does, and would cut them off at the first NUL without a word. */
function withoutNul({ name, dtype }: TensorField, tensor: Tensor): Tensor {
  if (dtype !== 'string') return tensor
  const index = (tensor.data as readonly string[]).findIndex((text) => text.includes('\0'))
  if (index < 0) return tensor
  throw argumentError(
    `${name}.data[${index}]`,
    'text without NUL characters',
    tensor.data[index],
    '',
    'ERR_VALUE_RANGE',
  )
}

/** How many rows all of them have. @throws PenstockError ERR_SHAPE, ERR_TOO_MANY_ROWS. */
export function rowsOf(fields: readonly TensorField[], tensors: readonly Tensor[], rowsMax: number): number {
  const rows = tensors[0]?.shape[0] ?? 0
  const mismatched = tensors.findIndex((tensor) => tensor.shape[0] !== rows)
  if (mismatched >= 0) {
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected all inputs to have the same number of rows but ${fields[0]?.name} has ${rows} and ${fields[mismatched]?.name} has ${tensors[mismatched]?.shape[0]}`,
    )
  }
  if (rows > rowsMax) {
    throw new PenstockError(
      'ERR_TOO_MANY_ROWS',
      `Expected the request to have 1..${rowsMax} rows but received ${rows}. Split it into smaller requests`,
    )
  }
  return rows
}

function freeDims({ freeDims: places }: Deployment, tensors: readonly Tensor[]): Int32Array | null {
  if (places.length === 0) return null
  const dims = new Int32Array(places.length)
  places.forEach(([input, axis], index) => {
    dims[index] = tensors[input]?.shape[axis] ?? 0
  })
  return dims
}
