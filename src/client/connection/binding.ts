/**
 * A pipeline as one connection knows it: the channel's number and the signature that the server gave with it. Turns a
 * caller's inputs into the parts of an Infer frame, and a Results frame into results. A channel gets a new binding on
 * each connection, and when its signature changes; requests finish on the binding that they were sent on.
 */
import { CacheUse } from '../../base/generated/boundary.js'
import { PenstockError } from '../../base/errors.js'
import { expectRecord } from '../../base/expect.js'
import {
  failuresOfMasks,
  InferEncoder,
  InferManyEncoder,
  TensorLayout,
  type OpenedMessage,
  type ResultsMessage,
} from '../../protocol/codec.js'
import type { TensorCursor } from '../../protocol/tensor-layout.js'
import { toTensor } from '../../tensor/convert.js'
import { defaultTensor } from '../../tensor/defaults.js'
import type { Dtype, Tensor, TensorField } from '../../tensor/tensor.js'
import type { ClientInputs, ClientResult } from './inference.js'

/** Inputs as a frame carries them. `data` are views of the caller's memory. */
export interface PackedInputs {
  /** The signature they were packed for. */
  readonly signatureKey: string
  readonly rows: number
  readonly data: ArrayBufferView[]
  readonly dims: number[] | null
  readonly texts: string[] | null
}

interface FlatField {
  readonly name: string
  /** The class of typed array that holds the field's dtype and no other's. */
  readonly carrier: abstract new (...args: never[]) => ArrayBufferView
  readonly rowElements: number
}

/** Not bool, whose elements are looked at, and not the 16-bit floats, which share their class with integers. */
const carriers: Partial<Record<Dtype, FlatField['carrier']>> = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
}

function flatFields(inputs: readonly TensorField[]): FlatField[] | null {
  const fields: FlatField[] = []
  for (const { name, dtype, shape } of inputs) {
    const carrier = carriers[dtype]
    const [rowAxis, ...dims] = shape
    const rowElements = dims.reduce<number>((product, dim) => product * (dim ?? 0), 1)
    if (carrier === undefined || rowAxis !== null || rowElements === 0) return null
    fields.push({ name, carrier, rowElements })
  }
  return fields.length === 0 ? null : fields
}

export class Signature {
  /** Equal keys: what was packed for one is right for the other. */
  readonly key: string
  readonly #inputs: TensorLayout
  readonly #outputs: TensorLayout
  /** Inputs that may be left out. */
  readonly #optional: readonly string[]

  /** The inputs, when each can be a flat array of rows; null: not so. */
  readonly flat: readonly FlatField[] | null

  constructor(readonly opened: OpenedMessage) {
    const { inputs, outputs, isNonBatching } = opened
    this.flat = isNonBatching ? null : flatFields(inputs)
    this.key = JSON.stringify([inputs, isNonBatching])
    this.#inputs = new TensorLayout(inputs, isNonBatching)
    this.#outputs = new TensorLayout(outputs, isNonBatching)
    this.#optional = inputs.flatMap((field) => (field.default === undefined ? [] : [field.name]))
  }

  /**
   * Checks a caller's inputs and takes them apart.
   * @throws PenstockError ERR_MISSING_INPUT, ERR_UNKNOWN_INPUT, ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_ARGUMENT, ERR_TOO_MANY_ROWS.
   */
  pack(inputs: ClientInputs): PackedInputs {
    const { opened } = this
    expectRecord('inputs', inputs)
    const rowsAsGiven = this.#rowsAsGiven(inputs)
    if (rowsAsGiven > 0) {
      const data = opened.inputs.map(({ name }) => inputs[name] as ArrayBufferView)
      return { signatureKey: this.key, rows: rowsAsGiven, data, dims: null, texts: null }
    }
    const tensors = opened.inputs.map((field) => this.#tensorOf(field, inputs))
    // As many names as fields, and every field found: only then is there no name too many.
    const leftOut = this.#optional.filter((name) => !Object.hasOwn(inputs, name)).length
    if (Object.keys(inputs).length !== opened.inputs.length - leftOut) throw unknownInput(opened, inputs)
    const rows = opened.isNonBatching ? 1 : this.#rowsOf(tensors)
    const { data, dims, texts } = this.#inputs.pack(tensors)
    return { signatureKey: this.key, rows, data, dims, texts }
  }

  /**
   * How most requests come: a typed array of the field's own class for each input, and nothing else. They travel as they
   * are; whatever is not so for sure takes the long way, which has the words for it.
   * @returns rows, 0: not so.
   */
  #rowsAsGiven(inputs: ClientInputs): number {
    const { flat, opened } = this
    if (flat === null) return 0
    let rows = -1
    for (let index = 0; index < flat.length; index++) {
      const { name, carrier, rowElements } = flat[index] as FlatField
      const value = inputs[name]
      if (!(value instanceof carrier)) return 0
      const count = (value as Float32Array).length / rowElements
      if (rows === -1) rows = count
      else if (rows !== count) return 0
    }
    let names = 0
    for (const _ in inputs) names++
    return names === flat.length && Number.isInteger(rows) && rows <= opened.rowsMax ? rows : 0
  }

  #tensorOf(field: TensorField, inputs: ClientInputs): Tensor {
    const value = inputs[field.name]
    const standIn = value === undefined ? defaultTensor(field) : undefined
    if (standIn !== undefined) return standIn
    if (value === undefined) throw missingInput(this.opened, field, inputs)
    return toTensor(field, value, this.opened.isNonBatching)
  }

  #rowsOf(tensors: readonly Tensor[]): number {
    const { inputs, pipeline, rowsMax } = this.opened
    const rows = tensors[0]?.shape[0] ?? 1
    const mismatched = tensors.findIndex(({ shape }) => shape[0] !== rows)
    if (mismatched >= 0) {
      throw new PenstockError(
        'ERR_SHAPE',
        `Expected ${inputs[mismatched]?.name} to have ${rows} rows, as ${inputs[0]?.name} has, but received ${tensors[mismatched]?.shape[0]}`,
      )
    }
    if (rows > rowsMax) {
      throw new PenstockError(
        'ERR_TOO_MANY_ROWS',
        `Expected a request of ${pipeline} to be at most ${rowsMax} rows but received ${rows}. Split it`,
      )
    }
    return rows
  }

  /** Reads result `index` of a frame at the cursor. `rowStart`: rows of the results before it. @throws PenstockError ERR_FRAME */
  readResult(
    message: ResultsMessage,
    cursor: TensorCursor,
    index: number,
    rowStart: number,
    rows: number,
  ): ClientResult {
    const { outputs: fields, checks, routes, instance } = this.opened
    const outputs: Record<string, Tensor> = {}
    for (let output = 0; output < fields.length; output++)
      outputs[(fields[output] as TensorField).name] = this.#outputs.readTensor(cursor, output, rows)
    const { checkFailures: masks, requestNumbers, traceparents, caches } = message
    const checkFailures = masks === null ? [] : failuresOfMasks(masks, checks, rowStart, rows)
    const result = { rows, outputs, checkFailures, route: routeOf(message, routes, rowStart, rows) }
    const isPlain =
      message.timing === undefined && requestNumbers === undefined && traceparents === undefined && caches === undefined
    if (isPlain) return result
    const number = requestNumbers?.[index] ?? 0n
    const traceparent = traceparents?.[index] ?? ''
    return {
      ...result,
      ...(message.timing === undefined ? {} : { timing: message.timing }),
      ...(number === 0n || instance === undefined ? {} : { requestId: `${instance}-${number.toString(36)}` }),
      ...(traceparent === '' ? {} : { traceparent }),
      ...cacheOf(caches?.[index]),
    }
  }
}

/** What a newer server says beside the two is left out. */
function cacheOf(use: number | undefined): Pick<ClientResult, 'cache'> {
  if (use === CacheUse.hit) return { cache: 'hit' }
  return use === CacheUse.miss ? { cache: 'miss' } : {}
}

export class Binding {
  readonly encoder: InferEncoder
  /** Requests that leave together at the end of the turn; null: the channel takes them one a frame. */
  readonly manyEncoder: InferManyEncoder | null
  /** Requests sent under this channel and not answered, abandoned ones included. */
  inFlight = 0
  /** Nothing more is sent; it is closed at the server when inFlight is 0. */
  isRetired = false

  /** @param takesMany whether the server has offered InferMany. */
  constructor(
    readonly channel: number,
    readonly signature: Signature,
    takesMany: boolean,
  ) {
    const { inferMany, inputs } = signature.opened
    this.encoder = new InferEncoder(channel)
    this.manyEncoder = takesMany && inferMany === true ? new InferManyEncoder(channel, inputs.length) : null
  }
}

function routeOf(
  { routes: indices }: ResultsMessage,
  routes: readonly string[],
  rowStart: number,
  rows: number,
): string[] | null {
  if (indices === null) return null
  return Array.from({ length: rows }, (_, row) => {
    const index = indices[rowStart + row] ?? 0
    const name = routes[index]
    if (name === undefined) {
      throw new PenstockError(
        'ERR_FRAME',
        `Expected a route of Results to be below ${routes.length} but received ${index}`,
      )
    }
    return name
  })
}

function missingInput(
  { pipeline, inputs: fields }: OpenedMessage,
  field: TensorField,
  inputs: ClientInputs,
): PenstockError {
  const names = fields.map(({ name }) => name).join(', ')
  const received = Object.keys(inputs).join(', ') || 'none'
  return new PenstockError(
    'ERR_MISSING_INPUT',
    `Expected the inputs of ${pipeline} to be ${names} but received ${received}: ${field.name} is missing`,
  )
}

function unknownInput({ pipeline, inputs: fields }: OpenedMessage, inputs: ClientInputs): PenstockError {
  const names = fields.map(({ name }) => name)
  const other = Object.keys(inputs).find((name) => !names.includes(name))
  return new PenstockError(
    'ERR_UNKNOWN_INPUT',
    `Expected the inputs of ${pipeline} to be ${names.join(', ')} but received ${other} too`,
  )
}
