/**
 * A request and an answer of the Open Inference Protocol, as HTTP and gRPC have them in common once their own form is
 * read. Tensors are bytes: little-endian, row-major, BYTES with a length before each element.
 */
import type { Tensor } from '../../../tensor/tensor.js'

export type Parameter = string | number | bigint | boolean
export type Parameters = ReadonlyMap<string, Parameter>

export interface V2Input {
  readonly name: string
  readonly datatype: string
  /** Full, row axis first where there is one; integers >= 0. */
  readonly shape: readonly number[]
  /** Lent until the request is submitted. Strings are the elements of BYTES, where the form had them as text. */
  readonly data: Uint8Array | readonly string[]
}

export interface V2Wish {
  readonly name: string
  /** How many classes; 0: the tensor itself. */
  readonly classification: number
  /** The `content_type` that it is wanted in; '' for none. */
  readonly contentType: string
}

export interface V2Request {
  /** '' when there is none. */
  readonly id: string
  readonly inputs: readonly V2Input[]
  /** null: all of them. */
  readonly wishes: readonly V2Wish[] | null
  readonly parameters: Parameters
}

export interface V2Output {
  readonly name: string
  readonly datatype: string
  readonly tensor: Tensor
  /** The `content_type` that it was wanted in; '' for none. */
  readonly contentType: string
}

export interface V2Answer {
  readonly modelName: string
  readonly modelVersion: string
  readonly id: string
  /** In the order of the request, or of the model. */
  readonly outputs: readonly V2Output[]
  /** The request's content type; failed checks and routes, as JSON texts; empty for most. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

export const noParameters: Parameters = new Map()
