/**
 * How the tensors of a signature lie in a frame: numeric tensors one after the other in `data` without padding, their
 * free dims (beyond the row axis) in `dims`, the elements of string tensors in `texts`. One layout serves both ends: the
 * client packs inputs and reads results with it, the server's string path the other way round.
 *
 * Reading copies each tensor once, into memory that the caller then owns: a view would keep a whole frame of results
 * alive for one row of it. Bytes are little endian, as on every machine this runs on.
 */
import { PenstockError } from '../base/errors.js'
import { allocateData, dtypeInfo, viewData } from '../tensor/dtype.js'
import type { Dtype, NumericDtype, Tensor, TensorField } from '../tensor/tensor.js'

export interface PackedTensors {
  /** Views of the tensors' memory, to be written one after the other. */
  readonly data: ArrayBufferView[]
  /** null when the signature has no free dims. */
  readonly dims: number[] | null
  /** null when the signature has no string tensor. */
  readonly texts: string[] | null
}

interface FieldLayout {
  readonly dtype: Dtype
  /** 0 for string. */
  readonly elementBytes: number
  /** Beyond the row axis unless the layout is non-batching; -1 is free. */
  readonly dims: readonly number[]
  readonly hasFreeDim: boolean
  /** Elements of a row when no dim is free. */
  readonly rowElements: number
}

/** Below this, element by element is faster than making a view to copy from. */
const SMALL_ELEMENTS = 24

export class TensorLayout {
  readonly fields: readonly TensorField[]
  readonly isNonBatching: boolean
  readonly freeDimCount: number
  readonly #layouts: readonly FieldLayout[]
  readonly #hasTexts: boolean

  /** @param fields the signature, row axis first. @param isNonBatching true: there is no row axis, and `rows` is 1. */
  constructor(fields: readonly TensorField[], isNonBatching: boolean) {
    this.fields = fields
    this.isNonBatching = isNonBatching
    this.#layouts = fields.map((field) => layoutOf(field, isNonBatching))
    this.freeDimCount = this.#layouts.reduce((count, { dims }) => count + dims.filter((dim) => dim < 0).length, 0)
    this.#hasTexts = this.#layouts.some(({ dtype }) => dtype === 'string')
  }

  /**
   * Takes tensors apart for the wire.
   * @param tensors in signature order, of the signature's dtypes and shapes (`toTensor` sees to that); lent.
   */
  pack(tensors: readonly Tensor[]): PackedTensors {
    const data: ArrayBufferView[] = []
    const dims: number[] | null = this.freeDimCount === 0 ? null : []
    const texts: string[] | null = this.#hasTexts ? [] : null
    for (const [index, { shape, data: elements }] of tensors.entries()) {
      if (ArrayBuffer.isView(elements)) data.push(elements)
      // One by one: a spread of 65,536 arguments overflows the stack.
      else if (texts !== null) for (const text of elements) texts.push(text)
      if (dims !== null) this.#packDims(dims, index, shape)
    }
    return { data, dims, texts }
  }

  #packDims(target: number[], index: number, shape: readonly number[]): void {
    const axisFirst = this.isNonBatching ? 0 : 1
    for (const [axis, dim] of (this.#layouts[index]?.dims ?? []).entries()) {
      if (dim < 0) target.push(shape[axis + axisFirst] ?? 0)
    }
  }

  /**
   * Puts tensors together that fill `data` exactly.
   * @param isKept true: `data` stays until the tensors are done with, so large ones may be views of it; else all are copies.
   * @throws PenstockError ERR_FRAME when bytes, dims or texts do not add up.
   */
  unpack(
    rows: number,
    data: Uint8Array,
    dims: ArrayLike<number> | null,
    texts: readonly string[] | null,
    isKept = false,
  ): Tensor[] {
    const cursor = new TensorCursor(data, dims, texts, isKept)
    const tensors = this.read(cursor, rows)
    cursor.expectEnd()
    return tensors
  }

  /**
   * Reads the tensors of one request or result at the cursor and moves it behind them.
   * @throws PenstockError ERR_FRAME when they would end behind the data, the dims or the texts.
   */
  read(cursor: TensorCursor, rows: number): Tensor[] {
    const tensors: Tensor[] = []
    for (const layout of this.#layouts) tensors.push(this.#readOne(cursor, layout, rows))
    return tensors
  }

  /** One of the tensors that `read` reads, in signature order. @throws PenstockError ERR_FRAME */
  readTensor(cursor: TensorCursor, index: number, rows: number): Tensor {
    return this.#readOne(cursor, this.#layouts[index] as FieldLayout, rows)
  }

  #readOne(cursor: TensorCursor, layout: FieldLayout, rows: number): Tensor {
    const shape = this.isNonBatching ? [] : [rows]
    let count = this.isNonBatching ? 1 : rows
    if (layout.hasFreeDim) {
      for (const dim of layout.dims) {
        const size = dim < 0 ? cursor.takeDim() : dim
        shape.push(size)
        count *= size
      }
    } else {
      for (const dim of layout.dims) shape.push(dim)
      count *= layout.rowElements
    }
    const { dtype } = layout
    if (dtype === 'string') return { dtype, shape, data: cursor.takeTexts(count) }
    return { dtype, shape, data: cursor.takeData(dtype, layout.elementBytes, count) }
  }
}

/** Where a reader stands in one frame. */
export class TensorCursor {
  readonly #data: Uint8Array
  readonly #dims: ArrayLike<number> | null
  readonly #texts: readonly string[] | null
  #floats: Float32Array | null = null
  #offset = 0
  #dimIndex = 0
  #textIndex = 0

  constructor(
    data: Uint8Array,
    dims: ArrayLike<number> | null,
    texts: readonly string[] | null,
    private readonly isKept = false,
  ) {
    this.#data = data
    this.#dims = dims
    this.#texts = texts
  }

  takeDim(): number {
    const dim = this.#dims?.[this.#dimIndex++]
    if (dim === undefined) throw frameError('dims', 'as many as the signature has free dims', this.#dims?.length ?? 0)
    return dim
  }

  takeTexts(count: number): string[] {
    const left = (this.#texts?.length ?? 0) - this.#textIndex
    if (!(count <= left)) throw frameError('texts', `${count} more elements`, left)
    const start = this.#textIndex
    this.#textIndex += count
    return this.#texts?.slice(start, start + count) ?? []
  }

  takeData(dtype: NumericDtype, elementBytes: number, count: number): Exclude<Tensor['data'], readonly string[]> {
    const start = this.#offset
    const left = this.#data.length - start
    // So written that a count beyond 2^53, an Infinity or a NaN (dims are the sender's) is refused as well.
    if (!(count * elementBytes <= left)) throw frameError('data', `${count * elementBytes} more bytes`, left)
    this.#offset += count * elementBytes
    const byteOffset = this.#data.byteOffset + start
    if (this.isKept && count > SMALL_ELEMENTS && byteOffset % elementBytes === 0)
      return viewData(dtype, this.#data.buffer, byteOffset, count)
    const target = allocateData(dtype, count)
    if (target instanceof Float32Array && count <= SMALL_ELEMENTS && start % 4 === 0)
      this.#copyFloats(target, start / 4)
    else new Uint8Array(target.buffer).set(this.#data.subarray(start, this.#offset))
    return target
  }

  /** The common case, one small row of many in a frame: through one view for the whole frame. */
  #copyFloats(target: Float32Array, start: number): void {
    const { buffer, byteOffset, length } = this.#data
    if (byteOffset % 4 !== 0) {
      new Uint8Array(target.buffer).set(this.#data.subarray(4 * start, 4 * (start + target.length)))
      return
    }
    const source = (this.#floats ??= new Float32Array(buffer, byteOffset, Math.floor(length / 4)))
    for (let index = 0; index < target.length; index++) target[index] = source[start + index] ?? 0
  }

  expectEnd(): void {
    const dimCount = this.#dims?.length ?? 0
    const textCount = this.#texts?.length ?? 0
    if (this.#offset !== this.#data.length) throw frameError('data', `${this.#offset} bytes`, this.#data.length)
    if (this.#dimIndex !== dimCount) throw frameError('dims', `${this.#dimIndex} elements`, dimCount)
    if (this.#textIndex !== textCount) throw frameError('texts', `${this.#textIndex} elements`, textCount)
  }
}

function layoutOf(field: TensorField, isNonBatching: boolean): FieldLayout {
  const shape = isNonBatching ? field.shape : field.shape.slice(1)
  const dims = shape.map((dim) => dim ?? -1)
  const hasFreeDim = dims.includes(-1)
  return {
    dtype: field.dtype,
    elementBytes: dtypeInfo(field.dtype).sizeBytes,
    dims,
    hasFreeDim,
    rowElements: hasFreeDim ? -1 : dims.reduce((product, dim) => product * dim, 1),
  }
}

function frameError(subject: string, rule: string, received: number): PenstockError {
  return new PenstockError('ERR_FRAME', `Expected ${subject} to have ${rule} but received ${received}`)
}
