/**
 * A tensor in JavaScript: dtype, shape and flat row-major data. Fields describe one of a model or pipeline.
 * float16 and bfloat16 travel as their bit patterns in Uint16Array, bool as 0/1 in Uint8Array, strings as string[].
 */
export type NumericDtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
export type Dtype = NumericDtype | 'string'

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[]

export interface Tensor {
  readonly dtype: Dtype
  /** Row axis first. */
  readonly shape: readonly number[]
  readonly data: TensorData
}

export interface TensorField {
  readonly name: string
  readonly dtype: Dtype
  /** Full ONNX shape, row axis first; null is a free dim. */
  readonly shape: readonly (number | null)[]
  /** Present for an input that may be left out: what stands for it. */
  readonly default?: TensorDefault
}

/** A small tensor as JSON carries it. */
export interface TensorDefault {
  readonly shape: readonly number[]
  /** Numbers; 64-bit integers beyond 2^53, and texts, as strings. */
  readonly data: readonly (number | string)[]
}
