/** A kind of request that is ready to be sent: its inputs are drawn, and what is known of its answers is known. */
import type { Tensor } from '../../tensor/tensor.js'
import type { ScenarioRequest, Tolerance } from './scenario.js'
import type { Signature } from './signature.js'

/** Tensors by name. */
export type Inputs = Readonly<Record<string, Tensor>>

export interface PreparedBody {
  readonly inputs: Inputs
  /** By output name; null: any answer is right. */
  readonly expected: Inputs | null
}

export interface PreparedKind {
  readonly request: ScenarioRequest
  /** null for a request that must be refused because there is no such pipeline. */
  readonly signature: Signature | null
  /** A literal HTTP body, or requests made of tensors. */
  readonly literal: { readonly body: string; readonly contentType: string } | null
  readonly bodies: readonly PreparedBody[]
  readonly tolerance: Tolerance
  /** What is known of the answers, for the report. */
  readonly comparison: 'file' | 'alone' | 'outputs' | 'none'
  /** Why answers are not compared, or another remark; '' for nothing to say. */
  readonly remark: string
}
