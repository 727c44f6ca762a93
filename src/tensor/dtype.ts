/**
 * What the product knows of each dtype: its codes and names elsewhere (ONNX, Open Inference Protocol, ONNX Runtime),
 * its bytes, the typed array that carries it, and which casts lose nothing. Names, codes and sizes come from
 * dtypes.json through tools/codegen; only what JavaScript adds stands here.
 *
 * float16 and bfloat16 travel as bit patterns in Uint16Array and bool as 0/1 in Uint8Array, so a typed array by itself
 * does not say its dtype: a field or a Tensor does.
 */
import { PenstockError } from '../base/errors.js'
import { bfloat16Value, float16Value } from './float16.js'
import { dtypeNameByCode, dtypeNameByOip, dtypeTable } from './generated/dtypes.js'
import type { Dtype, NumericDtype, TensorData } from './tensor.js'

export type NumericData = Exclude<TensorData, readonly string[]>
export type DtypeKind = 'float' | 'integer' | 'bool' | 'string'

export interface DtypeInfo {
  readonly name: Dtype
  /** ONNX TensorProto.DataType. */
  readonly code: number
  /** Bytes of one element; 0 for strings, which have no fixed size. */
  readonly sizeBytes: number
  /** Open Inference Protocol, e.g. FP32. */
  readonly oip: string
  /** ONNX Runtime's JavaScript name; null where its API has none. */
  readonly ort: string | null
  readonly kind: DtypeKind
}

interface NumericArrayConstructor {
  new (length: number): NumericData
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): NumericData
}

const arrays: Readonly<Record<NumericDtype, NumericArrayConstructor>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
}

export const DTYPES: readonly DtypeInfo[] = Object.values(dtypeTable).map((row) => ({
  name: row.name,
  code: row.code,
  sizeBytes: row.bytes,
  oip: row.oip,
  // onnxruntime-common calls its types as ONNX does, and has no bfloat16.
  ort: row.name === 'bfloat16' ? null : row.name,
  kind: kindOf(row.name),
}))

const infoByName = new Map<unknown, DtypeInfo>(DTYPES.map((info) => [info.name, info]))
const nameByOrt = new Map(DTYPES.flatMap((info) => (info.ort === null ? [] : [[info.ort, info.name] as const])))

/**
 * Where each dtype may go without losing a value; equal dtypes aside. The order is that of preference in messages.
 * float → wider float; integer → integer that holds all its values; integers of up to 24 bits → float32, of up to 53
 * bits → float64. int64 has no float wide enough. Into the 16-bit floats nothing is cast: they are storage formats.
 */
const safeTargets: Readonly<Record<Dtype, readonly Dtype[]>> = {
  float16: ['float32', 'float64'],
  bfloat16: ['float32', 'float64'],
  float32: ['float64'],
  float64: [],
  int8: ['int16', 'int32', 'int64', 'float32', 'float64'],
  uint8: ['uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64'],
  int16: ['int32', 'int64', 'float32', 'float64'],
  uint16: ['uint32', 'int32', 'uint64', 'int64', 'float32', 'float64'],
  int32: ['int64', 'float64'],
  uint32: ['uint64', 'int64', 'float64'],
  int64: [],
  uint64: [],
  bool: ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64'],
  string: [],
}

/** All facts about `dtype`. */
export function dtypeInfo(dtype: Dtype): DtypeInfo {
  const info = infoByName.get(dtype)
  if (info === undefined) {
    const known = DTYPES.map((row) => row.name).join(', ')
    throw new PenstockError('ERR_DTYPE', `Expected dtype to be one of ${known} but received ${String(dtype)}`)
  }
  return info
}

export function isDtype(value: unknown): value is Dtype {
  return infoByName.has(value)
}

/** By ONNX TensorProto.DataType code. */
export function dtypeOfCode(code: number): Dtype | undefined {
  return dtypeNameByCode[code]
}

/** By Open Inference Protocol datatype, e.g. FP32. */
export function dtypeOfOip(name: string): Dtype | undefined {
  return Object.hasOwn(dtypeNameByOip, name) ? dtypeNameByOip[name] : undefined
}

/** By the name that onnxruntime-node uses for a tensor's type. */
export function dtypeOfOrt(name: string): Dtype | undefined {
  return nameByOrt.get(name)
}

/** Allocates zeroed data; the caller owns it. */
export function allocateData(dtype: NumericDtype, length: number): NumericData {
  return new arrays[dtype](length)
}

/** Views `buffer` as elements of `dtype`; no copy. byteOffset is a multiple of the element's size. */
export function viewData(dtype: NumericDtype, buffer: ArrayBufferLike, byteOffset = 0, length?: number): NumericData {
  return new arrays[dtype](buffer, byteOffset, length)
}

/** Whether `data` is the carrier of `dtype`: its typed array, or an array of strings. Elements are not looked at. */
export function isDataOf(dtype: Dtype, data: unknown): data is TensorData {
  if (dtype === 'string') return Array.isArray(data)
  return data instanceof arrays[dtype]
}

/** The class name of the data that carries `dtype`, for messages. */
export function carrierName(dtype: Dtype): string {
  return dtype === 'string' ? 'string[]' : (arrays[dtype] as unknown as { name: string }).name
}

/** Whether every value of `from` is exactly a value of `to`; true for equal dtypes. */
export function isSafeCast(from: Dtype, to: Dtype): boolean {
  return from === to || safeTargets[from].includes(to)
}

/** The dtypes that a tensor of `from` is cast to without being asked. */
export function safeCastTargets(from: Dtype): readonly Dtype[] {
  return safeTargets[from]
}

/**
 * Casts without loss. Returns `data` itself when the dtypes are equal; otherwise the caller owns the result.
 * @throws PenstockError ERR_DTYPE when the cast could lose a value.
 */
export function castData(data: TensorData, from: Dtype, to: Dtype): TensorData {
  if (from === to) return data
  if (!isSafeCast(from, to)) {
    throw new PenstockError(
      'ERR_DTYPE',
      `Expected a tensor of ${to}, or of a dtype that casts to it without loss, but received ${from}`,
    )
  }
  // A safe cast neither starts from nor ends in strings.
  const source = data as NumericData
  const target = allocateData(to as NumericDtype, source.length)
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    for (let i = 0; i < target.length; i++) target[i] = BigInt(source[i] as number)
  } else if (from === 'float16' || from === 'bfloat16') {
    const valueOf = from === 'float16' ? float16Value : bfloat16Value
    for (let i = 0; i < target.length; i++) target[i] = valueOf(source[i] as number)
  } else {
    for (let i = 0; i < target.length; i++) target[i] = source[i] as number
  }
  return target
}

function kindOf(dtype: Dtype): DtypeKind {
  if (dtype === 'string' || dtype === 'bool') return dtype
  return dtype.includes('float') ? 'float' : 'integer'
}
