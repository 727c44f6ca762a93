/**
 * What the addon exports for transform programs, 1:1 with native/addon/transform/. Types only; `native.ts` re-exports them.
 * What constants mean depends on the opcode: src/protocol/boundary.json. Specs that are not sound throw RangeError.
 */
import type { PlanHandle } from './native-handles.js'

export type TransformHandle = object & { readonly __transform: unique symbol }

export interface NativeTransformSpec {
  /** The first inputCount are the inputs. dtype is a code of ONNX, width the elements of a row. */
  readonly values: readonly { readonly dtype: number; readonly isNullable: boolean; readonly width: number }[]
  readonly inputCount: number
  readonly instructions: readonly NativeInstructionSpec[]
  /** Indexes of values, each at most once. */
  readonly outputs: readonly number[]
  /** Rows that pass all instructions together; 0: as many as fit the cache. Results do not depend on it. */
  readonly blockRows: number
}

export interface NativeInstructionSpec {
  readonly opcode: number
  /** What failures of rows are reported with. */
  readonly op: number
  readonly column: number
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly numbers?: Float64Array
  readonly integers?: BigInt64Array
  readonly table?: Uint8Array
  readonly texts?: readonly string[]
  readonly keys?: Float64Array | BigInt64Array | readonly string[]
}

export interface NativeColumn {
  /** rows * width elements; of texts their UTF-8 bytes. */
  readonly data: ArrayBufferView
  /** A bit a row, the lowest first: 1 where there is a value. null: everywhere. */
  readonly validity: Uint8Array | null
  /** Where texts begin and end: rows * width + 1. null where there are none. */
  readonly offsets: Int32Array | null
}

export interface NativeRowError {
  readonly row: number
  readonly op: number
  readonly column: number
  /** RowErrorKind. */
  readonly kind: number
  /** Floats as numbers, integers as bigints; null: a missing value. */
  readonly value: number | bigint | string | null
}

export interface NativeTransformResult {
  /** null: the output is an input as it was. */
  readonly columns: readonly (null | {
    readonly data: ArrayBuffer
    readonly validity: ArrayBuffer | null
    readonly offsets: ArrayBuffer | null
  })[]
  /** The first TRANSFORM_ROW_ERRORS_MAX, by row. */
  readonly errors: readonly NativeRowError[]
  readonly errorCount: number
  /** A bit a row: 1 where it failed. null: none did. */
  readonly failedRows: ArrayBuffer | null
}

/** What callers of a plan send and get in place of its inputs and its answer. */
export interface NativeColumnsSpec {
  /** Makes the plan's inputs of what callers send; null: they send these. */
  readonly input: TransformHandle | null
  /** By input of the plan: which output of the program it is. */
  readonly inputColumns: readonly number[]
  /** The free dims of the plan's inputs beyond the row axis, in order: what the columns have. */
  readonly freeDims: readonly number[]
  /** Makes what callers get of the plan's answer; null: they get that. */
  readonly output: TransformHandle | null
  /** What callers get, in order: outputs of the program. */
  readonly outputColumns: readonly number[]
  /** Clients that know the same may go on when the plan is replaced. */
  readonly signature: string
}

export interface NativeTransforms {
  /**
   * Once, before the plan serves: its WebSocket requests are then columns that the addon takes.
   * @throws RangeError: the addon leaves them to JavaScript, because the plan takes or gives what it cannot make.
   */
  bindColumns(plan: PlanHandle, columns: NativeColumnsSpec): void
  makeTransform(spec: NativeTransformSpec): TransformHandle
  /** Columns are lent for the call; the results are the caller's. */
  runTransform(transform: TransformHandle, rows: number, columns: readonly NativeColumn[]): NativeTransformResult
}
