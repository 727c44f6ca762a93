/**
 * What the addon's calls have in common: handles of what it keeps, fields of models, and where a value of a plan is found.
 * Types only.
 */
import type { SourceSideCode } from '../src/base/generated/boundary.js'

export type QueueHandle = object & { readonly __queue: unique symbol }
export type PlanHandle = object & { readonly __plan: unique symbol }
export type PipelineHandle = object & { readonly __pipeline: unique symbol }
export type PortHandle = object & { readonly __port: unique symbol }
export type WorkerHandle = object & { readonly __worker: unique symbol }
export type ComparisonHandle = object & { readonly __comparison: unique symbol }
export type LogHandle = object & { readonly __log: unique symbol }

/** dtype is the ONNX TensorProto code (src/tensor/dtypes.json); dims exclude the row axis unless batching is `whole`; -1 is free. */
export interface NativeField {
  dtype: number
  dims: number[]
  /** Outputs only: ONNX Runtime does not write it into memory that it is given, so it has no place in a batch. */
  isCopied?: boolean
}

/** Where a value is found: a tensor of a batch that the node (`stage`, `position`) ran. */
export interface SourceSpec {
  stage: number
  position: number
  /** `in.*` is reached as the inputs of stage 0. */
  side: SourceSideCode
  /** Tensor index by branch of that node (one entry, unless it is a split). */
  slots: number[]
}
