/**
 * Who runs a body: a pipeline of a server over HTTP (RemotePipeline of penstock/client), or one of an engine in this
 * process. Files are cut into bodies of the infer endpoint, so that both take the same bytes and answer with the same.
 */
import type { PipelineDescription } from '../engine/api/api.js'

export interface BodyRequest {
  readonly contentType: string
  readonly accept: string
  readonly body: Uint8Array
  /** The endpoint's query: dataset, dataset_exclude, dataset_separator. */
  readonly query: URLSearchParams
  /** Budget of the request. */
  readonly timeoutMs: number
}

/** What a table without types of its own, CSV, is read by. */
export type BodySignature = Pick<PipelineDescription, 'inputs' | 'isNonBatching' | 'steps'>

export interface BodyTarget {
  /** What the pipeline reads as it is deployed now. @throws PenstockError */
  signature(): Promise<BodySignature>
  /** @returns the bytes of the answer. @throws PenstockError */
  inferBody(request: BodyRequest): Promise<Uint8Array>
}
