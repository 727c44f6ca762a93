/**
 * The Open Inference Protocol over HTTP: `POST /v2/models/{model}/infer`, tensors as JSON or, where the remote can, as bytes
 * behind it. Penstock itself, Triton, MLServer and KServe speak it.
 */
import type { RemoteOipStep } from '../../pipeline/remote-step.js'
import { PenstockError } from '../../base/errors.js'
import type { JsonValue } from '../../formats/json/json-reader.js'
import { castData, dtypeInfo, dtypeOfOip, isSafeCast, type NumericData } from '../../tensor/dtype.js'
import type { Dtype } from '../../tensor/tensor.js'
import { elementsOf, type TransformColumn } from '../../transforms/draft/column.js'
import { isObject, kindOf, readAnswer, type JsonObject } from '../columns/answer-json.js'
import { columnOfBytes, columnOfValues, Unfit, type AnswerColumn } from '../columns/read-columns.js'
import { firstMissing, printFlat, rowBytes, type Columns, type RowRange } from '../columns/write-columns.js'
import type { RemoteAnswer } from '../connection.js'
import type { RemoteKind, SentColumn } from './kind.js'
import { below } from './mlflow.js'

export interface OipColumn extends SentColumn {
  /** As the remote has it: columns are cast to it, which loses nothing. */
  readonly dtype: Dtype
  /** Dims of a row as the remote has them; null: as the column has them. */
  readonly dims: readonly number[] | null
}

const HEAD_LENGTH = 'inference-header-content-length'

/** The address of the model's metadata; `/infer` below it is that of its answers. */
export function modelUrl({ model, version }: Pick<RemoteOipStep, 'model' | 'version'>, url: URL): URL {
  const versions = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`
  return below(url, `/v2/models/${encodeURIComponent(model)}${versions}`)
}

export function oipKind(
  step: RemoteOipStep,
  url: URL,
  sent: readonly OipColumn[],
  { isBinary, outputs }: { readonly isBinary: boolean; readonly outputs: readonly AnswerColumn[] },
): RemoteKind {
  const wishes = outputs.map(({ from }) =>
    isBinary ? { name: from, parameters: { binary_data: true } } : { name: from },
  )
  const tail = `],"outputs":${JSON.stringify(wishes)}}`
  return {
    url: below(modelUrl(step, url), '/infer'),
    request: (columns, range) => {
      const cast = sent.map((column) => castColumn(column, columns[column.name] as TransformColumn, range))
      return isBinary ? binaryRequest(sent, cast, range, tail) : jsonRequest(sent, cast, range, tail)
    },
    answer: readOip,
  }
}

/** @throws PenstockError ERR_VALUE_RANGE: tensors have no missing values but NaN. */
function castColumn({ name, dtype }: OipColumn, column: TransformColumn, range: RowRange): TransformColumn {
  const missing = firstMissing(column, range)
  if (missing >= 0)
    throw new PenstockError(
      'ERR_VALUE_RANGE',
      `Expected ${name} to have a value in row ${missing}, for tensors have no missing values, but there is none. Impute it in a transform before`,
    )
  if (column.dtype === dtype) return column
  return { ...column, dtype, data: castData(column.data, column.dtype, dtype) as NumericData }
}

function headOf({ as, dtype, dims: rowDims }: OipColumn, { shape }: TransformColumn, { count }: RowRange): string {
  const dims = [count, ...(rowDims ?? shape.slice(1))]
  return `{"name":${JSON.stringify(as)},"datatype":"${dtypeInfo(dtype).oip}","shape":[${dims.join(',')}]`
}

type Body = ReturnType<RemoteKind['request']>

function jsonRequest(
  sent: readonly OipColumn[],
  columns: readonly TransformColumn[],
  range: RowRange,
  tail: string,
): Body {
  const inputs = columns.map(
    (column, i) => `${headOf(sent[i] as OipColumn, column, range)},"data":${printFlat(column, range)}}`,
  )
  return {
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: Buffer.from(`{"inputs":[${inputs.join(',')}${tail}`),
  }
}

function binaryRequest(
  sent: readonly OipColumn[],
  columns: readonly TransformColumn[],
  range: RowRange,
  tail: string,
): Body {
  const bytes = columns.map((column) => rowBytes(column, range))
  const inputs = columns.map((column, i) => {
    const size = (bytes[i] as Uint8Array).length
    return `${headOf(sent[i] as OipColumn, column, range)},"parameters":{"binary_data_size":${size}}}`
  })
  const head = Buffer.from(`{"inputs":[${inputs.join(',')}${tail}`)
  return {
    headers: { 'content-type': 'application/octet-stream', [HEAD_LENGTH]: String(head.length) },
    body: Buffer.concat([head, ...bytes]),
  }
}

function readOip(answer: RemoteAnswer, outputs: readonly AnswerColumn[], rows: number): Columns {
  const { body } = answer
  const length = answer.header(HEAD_LENGTH)
  const headBytes = length === '' ? body.length : Number(length)
  if (!Number.isInteger(headBytes) || headBytes < 0 || headBytes > body.length)
    throw new Unfit(`its ${HEAD_LENGTH} is ${length}, of a body of ${body.length} bytes`)
  const head = readAnswer(body.subarray(0, headBytes))
  const tensors = isObject(head) ? head['outputs'] : undefined
  if (!Array.isArray(tensors)) throw new Unfit(`it has no list of outputs: it is ${kindOf(head)}`)
  const bytesOf = locate(tensors, body.subarray(headBytes))
  return Object.fromEntries(
    outputs.map((output) => {
      const tensor = tensors.find((candidate) => isObject(candidate) && candidate['name'] === output.from)
      if (!isObject(tensor)) throw new Unfit(`it has no output ${output.from}`)
      return [output.name, columnOfTensor(output, tensor, bytesOf.get(tensor) ?? null, rows)] as const
    }),
  )
}

/** The bytes of binary outputs lie one behind the other, in the order of the outputs. */
function locate(tensors: readonly JsonValue[], tail: Buffer): Map<JsonObject, Buffer> {
  const found = new Map<JsonObject, Buffer>()
  let position = 0
  for (const tensor of tensors) {
    const parameters = isObject(tensor) ? tensor['parameters'] : undefined
    const size = isObject(parameters) ? parameters['binary_data_size'] : undefined
    if (!isObject(tensor) || size === undefined) continue
    if (!Number.isInteger(size) || (size as number) < 0 || position + (size as number) > tail.length)
      throw new Unfit(`its outputs have more bytes than the ${tail.length} behind its JSON`)
    found.set(tensor, tail.subarray(position, (position += size as number)))
  }
  return found
}

function columnOfTensor(output: AnswerColumn, tensor: JsonObject, bytes: Buffer | null, rows: number): TransformColumn {
  const { name, dtype } = output
  const datatype = typeof tensor['datatype'] === 'string' ? tensor['datatype'] : kindOf(tensor['datatype'])
  const own = dtypeOfOip(datatype)
  if (own === undefined || !isSafeCast(own, dtype))
    throw new Unfit(`${name} is ${datatype} and not ${dtypeInfo(dtype).oip}, or what casts to it without loss`)
  const shape = dimsOf(output, tensor['shape'], rows)
  const column = { ...output, dtype: own, shape }
  const width = elementsOf(shape)
  const read = bytes === null ? columnOfData(column, tensor['data'], rows, width) : columnOfBytes(column, bytes, rows)
  const data = own === dtype ? read.data : (castData(read.data, own, dtype) as NumericData)
  return { ...read, dtype, data, shape: [rows, ...shape] }
}

/**
 * The dims of the answer's rows as the step has them. A dim of 1 is there or not: [n] and [n, 1] hold the same.
 * @throws Unfit
 */
function dimsOf({ name, shape }: AnswerColumn, given: JsonValue | undefined, rows: number): readonly number[] {
  const [first, ...dims] =
    Array.isArray(given) && given.every((dim) => Number.isInteger(dim)) ? (given as number[]) : []
  const received = `${name} has the shape [${[first, ...dims].join(', ')}]`
  if (first !== rows) throw new Unfit(`${received} and not ${rows} rows`)
  const isSame = dims.length === shape.length && shape.every((dim, i) => dim === null || dim === dims[i])
  if (isSame) return dims
  const bare = (list: readonly (number | null)[]): string => list.filter((dim) => dim !== 1).join(', ')
  if (!shape.includes(null) && bare(dims) === bare(shape)) return shape as readonly number[]
  throw new Unfit(`${received} and not [${[rows, ...shape.map((dim) => dim ?? '?')].join(', ')}]`)
}

/** `data` is flat by the protocol; Triton takes nested lists and some servers answer them. */
function columnOfData(column: AnswerColumn, data: JsonValue | undefined, rows: number, width: number): TransformColumn {
  if (!Array.isArray(data)) throw new Unfit(`${column.name} has no data`)
  const flat = (data as readonly unknown[]).flat(Infinity) as JsonValue[]
  if (flat.length !== rows * width)
    throw new Unfit(`${column.name} has ${flat.length} elements and not ${rows * width}`)
  if (column.shape.length === 0) return columnOfValues(column, flat, rows)
  const values = Array.from({ length: rows }, (_, row) => flat.slice(row * width, (row + 1) * width))
  return columnOfValues({ ...column, shape: [width] }, values, rows)
}
